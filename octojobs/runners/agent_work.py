"""Where an agent works: a worktree for its run, made at the run's commit, kept when the run ends, taken in when it was killed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from octojobs import run_worktrees
from octojobs.core.identity import InvalidId, RunId
from octojobs.errors import GitFailed, OctojobsError
from octojobs.repository import Repository, Worktree
from octojobs.run_worktrees import Work
from octojobs.runners import receipts
from octojobs.store.paths import StatePaths

PATCH_FILE = "changes.patch"
_REASON = re.compile(r"octojobs: run (?P<run>\S+) attempt (?P<attempt>[0-9]+) from (?P<base>[0-9a-f]+)")


@dataclass(slots=True)
class Place:
    """The folder that the program works in; `work` and `problem` (why it could not be kept) are there when the run has ended."""

    folder: Path
    base: str = ""
    work: Work = field(default_factory=Work)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Whose:
    """The attempt that a worktree belongs to."""

    run: RunId
    attempt: int
    base: str

    @property
    def reason(self) -> str:
        """What git says of the lock."""
        return f"octojobs: run {self.run} attempt {self.attempt} from {self.base}"

    @property
    def branch(self) -> str:
        """Where its commits are kept."""
        again = f"-{self.attempt}" if self.attempt > 1 else ""
        return f"refs/heads/octojobs/{self.run.job}/{self.run}{again}"


@contextmanager
def worktree(repository: Repository, paths: StatePaths, whose: Whose, *, stays: bool) -> Iterator[Place]:
    """A worktree until the block ends; what was done in it is kept then. With `stays` it always lies at the same path.

    Sessions are found again from the folder that they began in alone. Raises OctojobsError when it can't be made.
    """
    path = paths.worktrees / (whose.run.job if stays else f"{whose.run}.{whose.attempt}")
    take_in(repository, paths)
    if path.exists():
        raise OctojobsError(f"{path} is there already", "wait for the run that uses it, or look what it is and remove it")
    run_worktrees.add(repository, path, whose.base, whose.reason)
    place = Place(path, whose.base)
    try:
        yield place
    finally:
        place.work, place.problem = _closed(repository, paths, path, whose)


def take_in(repository: Repository, paths: StatePaths) -> None:
    """Keep and remove the worktrees of runs that have ended without doing so: killed, or the machine went down."""
    for tree in repository.worktrees():
        whose = _whose(tree)
        if whose is None or tree.path.parent.resolve() != paths.worktrees.resolve():
            continue
        with suppress(OSError):
            if not receipts.is_live(paths.run_dir(whose.run, whose.attempt)):
                _closed(repository, paths, tree.path, whose)


def _closed(repository: Repository, paths: StatePaths, path: Path, whose: Whose) -> tuple[Work, str]:
    """Keep the work and remove the worktree; one whose work can't be kept stays, and why is said."""
    work = Work()
    try:
        if path.is_dir():
            work = run_worktrees.keep(repository, path, whose.base, whose.branch, paths.run_dir(whose.run, whose.attempt) / PATCH_FILE)
        run_worktrees.remove(repository, path)
    except (GitFailed, OSError) as error:
        return work, f"{path} stays: {error}"
    return work, ""


def _whose(tree: Worktree) -> Whose | None:
    said = _REASON.fullmatch(tree.locked or "")
    if said is None:
        return None
    try:
        return Whose(RunId(said["run"]), int(said["attempt"]), said["base"])
    except InvalidId:
        return None
