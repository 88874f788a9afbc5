"""A fact, its key, and what a gatherer may look at."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId
from octojobs.core.usage import Spent
from octojobs.errors import OctojobsError
from octojobs.facts.memory import Memory
from octojobs.repository import Repository
from octojobs.slotted import dataclass

T = TypeVar("T")

EVIDENCE_LIMIT = 200  # a row in the history and a line on a terminal: long enough for a path and a message


@dataclass(frozen=True, slots=True)
class FactKey:
    """Which fact is meant: two jobs that ask for the same key share one look.

    `args` are what the gatherer needs, strings alone, so that `file_exists` of two paths are two facts.

    >>> FactKey("file", ("a",)) == FactKey("file", ("a",))
    True
    """

    name: str
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A fact that could be read; the gatherer documents the value's type."""

    value: Any


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read, and why, in words. It is never taken for "nothing there"."""

    evidence: str


Fact = Known | Unknown


class Unreadable(Exception):
    """A gatherer can't tell; the message says what could not be read and why."""


@dataclass(frozen=True, slots=True)
class FactContext:
    """Where facts are looked for.

    `root` is the main worktree (the folder of the jobs, outside git: then `repository` is None), `state` the folder
    of octojobs' own state. `now` is an aware instant, the tick's. `environ` is the daemon's environment; guards'
    commands see what every job may see of it. `own_sessions` are the session ids (the pids of their leaders) of this
    daemon's open runs: a job of ours is not an agent. `may_run` is false for a look at a repository that nobody has
    allowed: then no command or function of its own is called, and nobody outside is asked.

    `seen` tells of a job which commits the refs stood for when its last successful run was let go. `slots` are the runs of ours
    that take room in each pool. `spent` are the attempts of agents that ended at an instant or later, with what they have used; it
    raises Unreadable. `memory` outlives this look; `once` keeps what this look has found out already.
    """

    repository: Repository | None
    root: Path
    state: Path
    settings: Settings
    now: datetime
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    own_sessions: frozenset[int] = frozenset()
    may_run: bool = True
    seen: Callable[[JobId], Mapping[str, str]] = lambda _: {}
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spent: Callable[[datetime], tuple[Spent, ...]] = lambda _: ()
    memory: Memory = field(default_factory=Memory)
    _found: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, look: Callable[[], T]) -> T:
        """What `look` returns, asked once in this look however many facts need it; what it raises is raised again."""
        if name not in self._found:
            try:
                self._found[name] = look()
            except (Unreadable, OctojobsError) as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, Exception):
            raise found
        return cast(T, found)

    @property
    def git(self) -> Repository:
        """The repository; Unreadable where there is none."""
        if self.repository is None:
            raise Unreadable(f"{self.root} is not a git repository")
        return self.repository

    def shown(self, path: Path) -> str:
        """The path as people know it: relative to the main worktree where it lies inside."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def one_line(text: str, limit: int = EVIDENCE_LIMIT) -> str:
    r"""Text from files and commands as evidence: one line, printable, cut to `limit` characters.

    >>> one_line("two\n  lines \x1b[31m", 40)
    'two lines \\x1b[31m'
    """
    words = " ".join(text.split())
    visible = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in words)
    return visible if len(visible) <= limit else visible[: limit - 1] + "…"


def reason_of(error: OSError) -> str:
    """Why the system refused, without the path and the number.

    >>> reason_of(PermissionError(13, "Permission denied", "/x"))
    'permission denied'
    """
    return (error.strerror or type(error).__name__).lower()
