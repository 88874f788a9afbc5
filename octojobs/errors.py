"""Everything that octojobs tells a person when something is wrong: problems, exceptions, exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from operator import attrgetter

from octojobs.slotted import dataclass


class ExitCode(IntEnum):
    """What the process says to its caller; the table stands in `docs/reference/exit-codes.md`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUSY = 3
    NOT_TRUSTED = 4
    DAMAGED = 5
    BUG = 70
    INTERRUPTED = 130


class Severity(StrEnum):
    """An error refuses the definitions; a warning is shown and lets them pass."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, with its place and its remedy; problems are sorted by their place.

    `line` and `column` count from 1; 0 means that the whole file is meant.
    `what` says what is wrong and `fix` what to do about it, both without a full stop.

    >>> str(Problem("jobs.yaml", 12, 15, 'job "nightly": schedule: minute 61 is outside 0-59', "use 0-59, */n or a list"))
    'jobs.yaml:12:15: job "nightly": schedule: minute 61 is outside 0-59; use 0-59, */n or a list'
    """

    path: str
    line: int
    column: int
    what: str
    fix: str = ""
    severity: Severity = Severity.ERROR

    def __lt__(self, other: Problem) -> bool:
        return bool(_IN_ORDER(self) < _IN_ORDER(other))

    @property
    def where(self) -> str:
        """`file:line:col`, or the file alone when the whole file is meant."""
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path

    @property
    def message(self) -> str:
        """What is wrong and how to fix it, on one line, without the place."""
        text = f"{self.what}; {self.fix}" if self.fix else self.what
        return text if self.severity is Severity.ERROR else f"warning: {text}"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


_IN_ORDER = attrgetter("path", "line", "column", "what", "fix", "severity")


class OctojobsError(Exception):
    """A failure that a person can understand and mend; the message is complete, no traceback is shown."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(f"{what}; {fix}" if fix else what)
        self.what = what
        self.fix = fix


class GitFailed(OctojobsError):
    """git refused or failed; the message says in which repository, and what git said."""


class UsageError(OctojobsError):
    """The caller asked for something that does not exist or can't be."""

    exit_code = ExitCode.USAGE


class InvalidDefinitions(OctojobsError):
    """The definitions can't be used; `problems` holds all of them, in file order."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RepositoryBusy(OctojobsError):
    """Another daemon holds this repository (promise P6)."""

    exit_code = ExitCode.BUSY


class NotTrusted(OctojobsError):
    """Nobody has allowed this repository to run jobs here yet."""

    exit_code = ExitCode.NOT_TRUSTED


class StateDamaged(OctojobsError):
    """The recorded state is damaged and could not be recovered without loss (promise P8)."""

    exit_code = ExitCode.DAMAGED


class StorageFailed(OctojobsError):
    """A durable write failed: disk full, I/O error or read-only (promise P7)."""
