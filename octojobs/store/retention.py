"""Forgetting: what finished runs left behind goes by age, number and size; the state itself never goes.

A daemon does this once a day among tens of thousands of folders, and would keep for ever what memory that takes: so it goes job by
job, and a folder is three small values, without a `Path`, whose parts stay in the interpreter's table of names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from octojobs.core.definitions import Retention
from octojobs.core.identity import InvalidId, JobId, RunId
from octojobs.slotted import dataclass
from octojobs.store.history import days
from octojobs.store.lock import can_lock
from octojobs.store.paths import MADE_BY_US, StatePaths

LOCKED = ("live", "exit.json")
"""What a shim holds a lock on, in the folder of its attempt, one after the other."""


PATCH_DAYS = 30
"""As young a patch stays, whatever `retention` says."""


class RunFolder(NamedTuple):
    """What one run left: `used_at` is when it was last written to, in seconds since 1970; `size` in bytes."""

    used_at: float
    run: RunId
    size: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be: so many runs whose folders went, days whose history went, patches, bytes in all.

    `runs` are their names, for whoever wants them. `problems` says in words what could not be removed.
    """

    number: int = 0
    runs: tuple[RunId, ...] = ()
    days: tuple[str, ...] = ()
    bytes: int = 0
    problems: tuple[str, ...] = field(default=())
    patches: int = 0


def prune(
    paths: StatePaths, retention: Retention, keep: Collection[RunId], now: datetime, *, dry_run: bool = False, names: bool = True
) -> Pruned:
    """Remove the folders of runs that exceed one of the bounds, oldest first, and the history that is older than `days`.

    `keep` are the open runs: what stands in their folders is what promises P3 and P5 rest on. Only folders that
    octojobs made are removed; a file that can't be removed is reported and left. A patch is work, not a record of it: neither the
    number nor the size of runs takes it, and it is `PATCH_DAYS` old at least.
    """
    oldest = now - timedelta(days=retention.days)
    gone = _Gone(paths, dry_run=dry_run, names=names)
    left = 0
    for job in _jobs(paths):
        kept, excess = _divided(paths, job, keep, retention, oldest)
        left += sum(folder.size for folder in kept)
        gone.forget(excess)
    if left > retention.bytes:
        stay = (folder for job in _jobs(paths) for folder in _divided(paths, job, keep, retention, oldest)[0])
        gone.forget(_beyond(retention.bytes, stay))
    oldest_day = f"{oldest.astimezone(UTC):%Y-%m-%d}"
    old_days = [path for path in days(paths.history) if path.stem < oldest_day]
    old_patches = _old_patches(paths, now - timedelta(days=max(retention.days, PATCH_DAYS)))
    size = gone.bytes + sum(path.stat().st_size for path in (*old_days, *old_patches))
    if not dry_run:
        gone.problems += _remove_files([*old_days, *old_patches])
    return Pruned(gone.number, tuple(gone.runs), tuple(path.stem for path in old_days), size, tuple(gone.problems), len(old_patches))


class _Gone:
    """What was removed so far, or would be."""

    def __init__(self, paths: StatePaths, *, dry_run: bool, names: bool) -> None:
        self.number = 0
        self.runs: list[RunId] = []
        self.bytes = 0
        self.problems: list[str] = []
        self._paths = paths
        self._dry_run = dry_run
        self._names = names

    def forget(self, excess: Iterable[RunFolder]) -> None:
        """Remove these folders, but for those in which a shim is at work."""
        for folder in excess:
            path = _path(self._paths, folder.run)
            if _is_live(path):
                continue
            self.number += 1
            if self._names:
                self.runs.append(folder.run)
            self.bytes += folder.size
            if not self._dry_run:
                self.problems += _remove(path)


def _old_patches(paths: StatePaths, oldest: datetime) -> list[Path]:
    """The patches of runs that were written before then."""
    try:
        files = sorted(paths.patches.glob("*@*.patch"))
        return [path for path in files if path.lstat().st_mtime < oldest.timestamp()]
    except FileNotFoundError:  # somebody removes them by hand meanwhile
        return []


def run_folders(paths: StatePaths) -> Iterator[RunFolder]:
    """The folders that octojobs made for runs; none when `runs/` is not its own."""
    for job in _jobs(paths):
        yield from _of_job(paths, job, ())


def _jobs(paths: StatePaths) -> list[str]:
    return _folders(os.fspath(paths.runs)) if (paths.runs / MADE_BY_US).is_file() else []


def _of_job(paths: StatePaths, job: str, keep: Collection[RunId]) -> Iterator[RunFolder]:
    """Those of one job, but for the runs to `keep`."""
    parent = f"{paths.runs}/{job}"
    for name in _folders(parent):
        try:
            run = RunId(name)
            if run.job != JobId(job) or run in keep or not all(attempt.isdecimal() for attempt in os.listdir(f"{parent}/{name}")):
                continue
            folder = _measured(run, f"{parent}/{name}")
        except (InvalidId, FileNotFoundError):  # somebody else's, or forgotten by somebody else meanwhile
            continue
        yield folder


def _divided(
    paths: StatePaths, job: str, keep: Collection[RunId], retention: Retention, oldest: datetime
) -> tuple[list[RunFolder], list[RunFolder]]:
    """The runs of a job that may stay, the newest first, and those that are too old or too many, the oldest first."""
    newest_first = sorted(_of_job(paths, job, keep), reverse=True)
    since = oldest.timestamp()
    number = next((n for n, folder in enumerate(newest_first) if n >= retention.runs_per_job or folder.used_at < since), len(newest_first))
    return newest_first[:number], newest_first[number:][::-1]


def _beyond(most: int, folders: Iterable[RunFolder]) -> list[RunFolder]:
    """Those for which there is no room among so many bytes, the oldest first."""
    size = 0
    excess = []
    for folder in sorted(folders, reverse=True):
        if size + folder.size > most:
            excess.append(folder)
        else:
            size += folder.size
    return excess[::-1]


def _folders(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def _path(paths: StatePaths, run: RunId) -> str:
    return f"{paths.runs}/{run.job}/{run}"


def _measured(run: RunId, path: str) -> RunFolder:
    size, used_at = 0, os.lstat(path).st_mtime
    for folder, _, names in os.walk(path):
        for name in (*names, "."):
            try:
                status = os.lstat(f"{folder}/{name}")
            except FileNotFoundError:  # a job at work removes what it likes
                continue
            size += status.st_blocks * 512
            used_at = max(used_at, status.st_mtime)
    return RunFolder(used_at, run, size)


def _is_live(path: str) -> bool:
    """Whether a shim is at work in one of the attempts: a run that nobody has recorded as open may still run."""
    try:
        attempts = _folders(path)
    except FileNotFoundError:
        return False
    return any(_is_locked(f"{path}/{attempt}/{name}") for attempt in attempts for name in LOCKED)


def _is_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no lock of ours: it is not there, or the job has put something else in its place
        return False
    try:
        return not can_lock(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: str) -> Iterator[str]:
    """Remove the folder of a run, its job's folder held open meanwhile: one that is a link by now leads nowhere."""
    parent, name = os.path.split(path)
    try:
        job = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            shutil.rmtree(name, dir_fd=job)
        finally:
            os.close(job)
    except FileNotFoundError:
        return
    except OSError as error:
        yield f"{path}: {os.strerror(error.errno or 0)}"


def _remove_files(files: list[Path]) -> Iterator[str]:
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            yield f"{path}: {os.strerror(error.errno or 0)}"
