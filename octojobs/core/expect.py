"""What an agent's run is expected to leave, and what it was worth: done, a no-op, or unverified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from octojobs.core.globs import matching
from octojobs.slotted import dataclass

EVERYTHING = ("**",)
_NAMED = 3


class Worth(StrEnum):
    """What a run that its program calls a success was worth."""

    DONE = "done"
    NO_OP = "no-op"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Expect:
    """What must be true when the program has ended; a default asks for nothing.

    `files_changed` are patterns (`core/globs.py`) of which a changed file must be meant, `commits` how many commits there are at
    least, `pr` whether an open pull request has to end with one of them, `json_schema` what the answer must be, `command` an
    argument vector that must exit with 0.
    """

    files_changed: tuple[str, ...] = ()
    commits: int = 0
    pr: bool = False
    json_schema: Mapping[str, Any] | None = None
    command: tuple[str, ...] = ()

    @property
    def of_change(self) -> tuple[str, ...]:
        """The expectations that nothing but a change of the repository can meet."""
        wanted = {"files_changed": self.files_changed, "commits": self.commits, "pr": self.pr}
        return tuple(name for name, given in wanted.items() if given)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run has changed in its worktree: paths that differ from the commit it began at, and the commits since, the newest first."""

    files: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.commits)


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: whether it is met (None: nobody could tell), and what was seen, in words."""

    expects: str
    met: bool | None
    evidence: str


def checks_of_changes(expect: Expect, changes: Changes) -> list[Check]:
    """`files_changed` and `commits`, as far as they are expected.

    >>> checks_of_changes(Expect(files_changed=("docs",)), Changes(("docs/a.md", "b.py")))
    [Check(expects='files_changed', met=True, evidence='1 changed: docs/a.md')]
    >>> checks_of_changes(Expect(commits=2), Changes((), ("3f2c1ab",)))[0].evidence
    '1 commit, and 2 are expected'
    """
    checks = []
    if expect.files_changed:
        checks.append(_files(expect.files_changed, changes.files))
    if expect.commits:
        found = len(changes.commits)
        many = f"{found or 'no'} commit{'' if found == 1 else 's'}"
        met = found >= expect.commits
        checks.append(Check("commits", met, many if met else f"{many}, and {expect.commits} {_are(expect.commits)} expected"))
    return checks


def _files(patterns: tuple[str, ...], files: Sequence[str]) -> Check:
    meant = matching(files, patterns)
    if meant:
        return Check("files_changed", True, f"{len(meant)} changed: {_some(meant)}")
    where = "" if patterns == EVERYTHING else f" of {', '.join(patterns)}"
    others = f"; {len(files)} other{'s' if len(files) > 1 else ''}: {_some(files)}" if files else ""
    return Check("files_changed", False, f"no file{where} changed{others}")


def worth(expect: Expect, changes: Changes | None, checks: Sequence[Check]) -> Worth:
    """What the run was worth; `changes` is None when nobody can tell them.

    A no-op is a run that has changed nothing where a change was expected, and meets all else: there was nothing to do.

    >>> worth(Expect(commits=1), Changes(), [Check("commits", False, "no commits")]).value
    'no-op'
    """
    open_ones = [check.expects for check in checks if not check.met]
    if not open_ones:
        return Worth.DONE
    unchanged = changes is not None and not changes
    return Worth.NO_OP if unchanged and set(open_ones) <= set(expect.of_change) else Worth.UNVERIFIED


def told(checks: Sequence[Check]) -> str:
    """The expectations that are not met, with what was seen, in one line."""
    return "; ".join(
        f"{check.expects}: {check.evidence}" if check.met is False else f"{check.expects} can't be told: {check.evidence}"
        for check in checks
        if not check.met
    )


def _some(files: Sequence[str]) -> str:
    more = len(files) - _NAMED
    return ", ".join(files[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
