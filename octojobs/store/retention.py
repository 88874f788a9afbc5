"""Forgetting: what finished runs left behind goes by age, number and size; the state itself never goes."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octojobs.core.definitions import Retention
from octojobs.core.identity import InvalidId, JobId, RunId
from octojobs.store.history import days
from octojobs.store.lock import can_lock
from octojobs.store.paths import MADE_BY_US, StatePaths


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What one run left: `used_at` is when it was last written to, aware UTC; `size` in bytes."""

    run: RunId
    path: Path
    used_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be: runs whose folders went, days whose history went, bytes in all.

    `problems` says in words what could not be removed.
    """

    runs: tuple[RunId, ...] = ()
    days: tuple[str, ...] = ()
    bytes: int = 0
    problems: tuple[str, ...] = field(default=())


def prune(paths: StatePaths, retention: Retention, keep: Collection[RunId], now: datetime, *, dry_run: bool = False) -> Pruned:
    """Remove the folders of runs that exceed one of the bounds, oldest first, and the history that is older than `days`.

    `keep` are the open runs: what stands in their folders is what promises P3 and P5 rest on. Only folders that
    octojobs made are removed; a file that can't be removed is reported and left.
    """
    folders = list(run_folders(paths, keep))
    excess = [folder for folder in _excess(folders, retention, now - timedelta(days=retention.days)) if not _is_live(folder.path)]
    oldest_day = f"{(now - timedelta(days=retention.days)).astimezone(UTC):%Y-%m-%d}"
    old_days = [path for path in days(paths.history) if path.stem < oldest_day]
    size = sum(folder.size for folder in excess) + sum(path.stat().st_size for path in old_days)
    problems: list[str] = []
    if not dry_run:
        problems = [*_remove_runs(excess), *_remove_days(old_days)]
    return Pruned(tuple(folder.run for folder in excess), tuple(path.stem for path in old_days), size, tuple(problems))


def run_folders(paths: StatePaths, keep: Collection[RunId] = ()) -> Iterator[RunFolder]:
    """The folders that octojobs made for runs, but for those to `keep`; none when `runs/` is not its own."""
    if not (paths.runs / MADE_BY_US).is_file():
        return
    for job in _folders(paths.runs):
        for path in _folders(job):
            try:
                run = RunId(path.name)
                made_by_us = run.job == JobId(job.name)
            except InvalidId:
                continue
            if made_by_us and run not in keep and all(attempt.name.isdecimal() for attempt in path.iterdir()):
                yield _measure(run, path)


def _excess(folders: list[RunFolder], retention: Retention, oldest: datetime) -> list[RunFolder]:
    """Those that exceed a bound, oldest first."""
    newest_first = sorted(folders, key=lambda folder: (folder.used_at, folder.run), reverse=True)
    of_job: dict[JobId, int] = defaultdict(int)
    size = 0
    excess = []
    for folder in newest_first:
        of_job[folder.run.job] += 1
        if folder.used_at < oldest or of_job[folder.run.job] > retention.runs_per_job or size + folder.size > retention.bytes:
            excess.append(folder)
        else:
            size += folder.size
    return excess[::-1]


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))


def _measure(run: RunId, path: Path) -> RunFolder:
    size, used_at = 0, path.lstat().st_mtime
    for folder, _, names in os.walk(path):
        for name in (*names, "."):
            try:
                status = os.lstat(os.path.join(folder, name))
            except FileNotFoundError:  # a job at work removes what it likes
                continue
            size += status.st_blocks * 512
            used_at = max(used_at, status.st_mtime)
    return RunFolder(run, path, datetime.fromtimestamp(used_at, UTC), size)


def _is_live(path: Path) -> bool:
    """Whether a shim holds `live` in one of the attempts: a run that nobody has recorded as open may still run."""
    for live in path.glob("*/live"):
        try:
            descriptor = os.open(live, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # no lock of ours: the job has put something else there
            continue
        try:
            if not can_lock(descriptor):
                return True
        finally:
            os.close(descriptor)
    return False


def _remove_runs(folders: list[RunFolder]) -> Iterator[str]:
    for folder in folders:
        try:
            shutil.rmtree(folder.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"{folder.path}: {os.strerror(error.errno or 0)}"


def _remove_days(files: list[Path]) -> Iterator[str]:
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            yield f"{path}: {os.strerror(error.errno or 0)}"
