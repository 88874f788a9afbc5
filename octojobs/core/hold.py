"""Holds: what a job, an agent or a person may have to itself, and when two of them are in each other's way."""

from __future__ import annotations

import re
from typing import Self

from octojobs.core.refnames import is_full_ref

LEASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,126}")
_WILD = re.compile(r"[*?\[]")
_BRANCHES = "refs/heads/"
_OF_RUN = "run-"


class InvalidHold(ValueError):
    """What is to be held can't be; the message says why, and `fix` what to write."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what, self.fix = what, fix


class LeaseName(str):
    """The name of a lease, and a name that was agreed on: letters, digits, _ . @ + -, 127 at most; safe as a file name.

    >>> LeaseName("deploy")
    'deploy'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The name, checked; raises InvalidHold."""
        if not LEASE_NAME.fullmatch(text):
            raise InvalidHold(f"{text[:80]!r} is not a name", "write letters, digits, _ . @ + -, no sign first, 127 at most")
        return super().__new__(cls, text)

    @classmethod
    def of_run(cls, run: str) -> LeaseName:
        """The name of the lease that a run has, by the run's id."""
        return cls(_OF_RUN + run)


def run_of(name: str) -> str:
    """The id of the run that has the lease of that name, "" for any other lease.

    >>> run_of("run-nightly@20261120T020000Z"), run_of("name-run-3f2c")
    ('nightly@20261120T020000Z', '')
    """
    return name.removeprefix(_OF_RUN) if name.startswith(_OF_RUN) and "@" in name else ""


def branch_of(text: str) -> str:
    """The full name of a branch that is named in short or in full; raises InvalidHold.

    >>> branch_of("main"), branch_of("refs/heads/main")
    ('refs/heads/main', 'refs/heads/main')
    """
    full = text if text.startswith("refs/") else _BRANCHES + text
    if not full.startswith(_BRANCHES) or not is_full_ref(full):
        raise InvalidHold(f"{text[:80]!r} is not a branch", "write its name, such as main, or in full, refs/heads/main")
    return full


def pattern_of(text: str) -> str:
    """A pattern of paths in the repository as `core/globs.py` reads it; raises InvalidHold for one that says nothing of what it means."""
    pattern = text.removeprefix("./").rstrip("/")
    if text.startswith("!"):
        raise InvalidHold(f"{text[:80]!r} leaves paths out, and a hold can't", "name what is held, such as src/**")
    if not pattern.isprintable() or any(part in ("", ".", "..") for part in pattern.split("/")):
        raise InvalidHold(f"{text[:80]!r} is not a path in the repository", "write it from the root on, such as src/** or docs/index.md")
    return pattern


def may_meet(one: str, other: str) -> bool:
    """Whether two patterns may mean the same path: what stands before the first wildcard of one begins what does of the other.

    Never false where they meet; sometimes true where they don't (`src/*.py` and `src/*.md`).

    >>> may_meet("src", "src/a.py"), may_meet("src", "src2/a.py"), may_meet("src*", "src2/a.py"), may_meet("**/*.py", "docs")
    (True, False, True, True)
    """
    first, second = _literal(one), _literal(other)
    return first.startswith(second) or second.startswith(first)


def _literal(pattern: str) -> str:
    """What every path that the pattern means begins with; a pattern without wildcards means all below, too, so a / ends it."""
    wild = _WILD.search(pattern)
    return pattern[: wild.start()] if wild else f"{pattern}/"
