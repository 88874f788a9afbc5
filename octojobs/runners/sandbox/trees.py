"""The worktrees of runs: made one at a time, held by a lock that dies with its holder, kept and removed afterwards or later.

Who has a worktree holds an flock on its folder, which the kernel frees. So a run that was killed with its host leaves a folder
that nobody holds, and the next run with a worktree takes in what is there (`take_in`). What of the dead run still lives is ended
first, for it may be at work in it. Whatever can't be kept stays where it is, locked against `git worktree prune`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path

from octojobs import run_worktrees
from octojobs.core.identity import InvalidId, JobId, RunId
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.run_worktrees import Work
from octojobs.runners import receipts, remains
from octojobs.runners.sandbox import inside
from octojobs.runners.sandbox.order import Whose
from octojobs.slotted import dataclass
from octojobs.store.paths import FILE_MODE, FOLDER_MODE, StatePaths

_REASON = re.compile(r"octojobs: run (?P<run>\S+) attempt (?P<attempt>[0-9]+) from (?P<base>[0-9a-f]+)")

NOTHING = Work()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a worktree: whose it was, what was kept of it, and why it is still there (then nothing is lost, either).

    `refs` are those that it moved in its sandbox, with where to; "" for a removed one.
    """

    whose: Whose
    path: Path
    work: Work = NOTHING
    problem: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)


def make(repository: Repository, paths: StatePaths, whose: Whose, path: Path) -> int:
    """Make the worktree of a run; a descriptor that holds it. Raises OctojobsError, and OSError."""
    with _one_at_a_time(paths):
        try:
            path.mkdir(FOLDER_MODE)
        except FileExistsError:
            fix = "wait for the run that uses it, or look what is in it and remove it: `git worktree remove --force --force`"
            raise OctojobsError(f"{path} is there already", fix) from None
        held = _hold(path)
        if held is None:
            raise OctojobsError(f"{path} is held by another process")
        try:
            run_worktrees.add(repository, path, whose.base, whose.reason)
        except BaseException:
            os.close(held)
            _discard(repository, path)
            raise
    return held


def close(repository: Repository, paths: StatePaths, whose: Whose, path: Path) -> Taken:
    """Keep what was done in the worktree, and remove it then; the caller holds it. What still runs of the run is ended first."""
    run_dir = paths.run_dir(whose.run, whose.attempt)
    refs: Mapping[str, str] = {}
    try:
        remains.end_container(run_dir, os.environ)
        if alive := remains.end_all(run_dir):
            return Taken(whose, path, problem=f"{', '.join(alive)} can't be ended")
        for folder in (run_dir, paths.patches):
            folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        moved = inside.settle(repository, path, run_dir)
        refs = {name: commit for name, commit in moved.items() if name != whose.branch}
        work = run_worktrees.keep(repository, path, whose.base, whose.branch, paths.patch(whose.run, whose.attempt))
    except (OctojobsError, OSError) as error:
        return Taken(whose, path, problem=str(error), refs=refs)
    try:
        run_worktrees.remove(repository, path)
    except (OctojobsError, OSError) as error:
        return Taken(whose, path, work, str(error), refs)
    return Taken(whose, path, work, refs=refs)


def take_in(repository: Repository, paths: StatePaths) -> Iterator[Taken]:
    """Keep and remove the worktrees that dead runs have left; each with what became of it. Raises OctojobsError, and OSError."""
    for whose, path in leftovers(repository, paths):
        try:
            taken = _taken_in(repository, paths, whose, path)
        except (OctojobsError, OSError) as error:
            if whose is None:
                raise
            taken = Taken(whose, path, problem=str(error))
        if taken is not None:
            yield taken


def _taken_in(repository: Repository, paths: StatePaths, whose: Whose | None, path: Path) -> Taken | None:
    """What became of one of them; None for one that is in use, or that nothing ever ran in."""
    with _one_at_a_time(paths):
        if whose and whose.base and not os.path.lexists(path):
            return _forget(repository, paths, whose, path)
        held = _hold(path) if path.is_dir() else None
    if held is None:
        return None
    try:
        if not (whose and whose.base) and _is_unfinished(repository, path):
            _discard(repository, path)
        elif whose is not None and not receipts.is_live(paths.run_dir(whose.run, whose.attempt)):
            return _close_unless_used(repository, paths, whose, path)
    finally:
        os.close(held)
    return None


def _forget(repository: Repository, paths: StatePaths, whose: Whose, path: Path) -> Taken | None:
    """Somebody has removed the folder of a dead run: its commits are there, and git, for it is locked, would know it for ever."""
    if receipts.is_live(paths.run_dir(whose.run, whose.attempt)):
        return None
    head = next((tree.commit for tree in repository.worktrees() if tree.path == path), None)
    return Taken(whose, path, run_worktrees.forget(repository, path, head, whose.base, whose.branch))


def _close_unless_used(repository: Repository, paths: StatePaths, whose: Whose, path: Path) -> Taken:
    """As `close`, but for somebody who is looking into what a dead run has left."""
    remains.end_all(paths.run_dir(whose.run, whose.attempt))
    if people := remains.at_work_in(path):
        return Taken(whose, path, problem=f"{', '.join(people)} is at work in it")
    return close(repository, paths, whose, path)


def leftovers(repository: Repository, paths: StatePaths) -> list[tuple[Whose | None, Path]]:
    """The worktrees of runs, in use or not, by name: whose they are, and where; also those that git knows and that are gone.

    Without the reason of its lock one has no base; if it always lies at the same path, nobody knows whose it is. Raises GitFailed,
    and OSError.
    """
    if not paths.worktrees.is_dir():
        return []
    reasons = {tree.path.name: tree.locked or "" for tree in repository.worktrees() if _is_in(tree.path, paths.worktrees)}
    known = (name for name, reason in reasons.items() if _REASON.fullmatch(reason))
    found: list[tuple[Whose | None, Path]] = []
    for name in sorted({*os.listdir(paths.worktrees), *known}):
        said = _REASON.fullmatch(reasons.get(name, ""))
        run, dot, attempt = name.rpartition(".")
        with suppress(InvalidId):
            if said is not None:
                found.append((Whose(RunId(said["run"]), int(said["attempt"]), said["base"]), paths.worktrees / name))
            elif "@" in run and dot and attempt.isdecimal():
                found.append((Whose(RunId(run), int(attempt), ""), paths.worktrees / name))
            elif JobId(name) and name in reasons:
                found.append((None, paths.worktrees / name))
    return found


def _is_in(path: Path, folder: Path) -> bool:
    return path.parent.resolve() == folder.resolve()


def is_held(path: Path) -> bool:
    """Whether somebody holds the worktree; nobody does where it is gone."""
    if not path.exists():
        return False
    held = _hold(path)
    if held is not None:
        os.close(held)
    return held is None


def _is_unfinished(repository: Repository, path: Path) -> bool:
    """Whether whoever made a worktree, which is not locked yet, was killed over it: nothing ever ran there."""
    if not os.path.lexists(path / ".git"):
        return not os.listdir(path)
    return not run_worktrees.is_whole(repository, path)


def _discard(repository: Repository, path: Path) -> None:
    """Remove what was being made: nothing ever ran in it."""
    try:
        run_worktrees.remove(repository, path)
    except (OctojobsError, OSError):
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OctojobsError, OSError):  # git forgets a folder that is gone, and takes none without its file `.git`
            run_worktrees.remove(repository, path)


def _hold(path: Path) -> int | None:
    """A descriptor with the lock of the folder; None when another has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _one_at_a_time(paths: StatePaths) -> Iterator[None]:
    """`git worktree add` is not made for two at once. The file is never renamed and never removed; the kernel frees the lock."""
    paths.worktrees.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    descriptor = os.open(paths.worktrees_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
