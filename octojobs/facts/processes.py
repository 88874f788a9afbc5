"""Which of the processes that others recorded still run, and which have their working folder in a given place."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from octojobs.slotted import dataclass

START_SLACK_S = 2.0  # psutil knows the boot's instant to the second, and a recorder writes after it started the process


@dataclass(frozen=True, slots=True)
class Inside:
    """A process whose working folder lies in a folder; `since` is its start, aware UTC, None when that is not told."""

    pid: int
    name: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Inhabitants:
    """Who is in which folder, and the user ids of processes that hide their working folder from us."""

    inside: Mapping[Path, Sequence[Inside]]
    hidden_uids: frozenset[int]


def started_at(pid: int) -> datetime | None:
    """When the process started, aware UTC, good to two seconds; None when it is gone or the system does not tell."""
    import psutil  # 25 ms: only daemons whose guards ask about processes pay for it

    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except (psutil.Error, OSError):
        return None


def is_running(pid: int, recorded_at: datetime | None) -> bool:
    """Whether the process that somebody recorded under `pid` at `recorded_at` still runs.

    A process that we may not signal (EPERM) is alive. One that started later than it was recorded is another process
    with a recycled pid. A zombie has ended. Without an aware `recorded_at` any live process of that pid counts.
    """
    import psutil  # as above

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # alive, and another user's
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
    except psutil.NoSuchProcess:
        pass  # /proc is mounted with hidepid: the signal has proven it alive
    except psutil.AccessDenied:
        pass  # alive, and nothing more is told
    start = started_at(pid)
    if start is None or recorded_at is None:
        return True
    return (start - recorded_at).total_seconds() <= START_SLACK_S


def inhabitants(folders: Collection[Path], own_sessions: frozenset[int]) -> Inhabitants:
    """The processes whose working folder is one of the folders (real paths) or below; oldest first.

    Left out are this process and those of `own_sessions`.
    """
    import psutil  # as above

    inside: dict[Path, list[Inside]] = {}
    hidden: set[int] = set()
    places = {str(folder): folder for folder in folders}
    for pid in psutil.pids() if places else []:
        try:
            folder = _place(psutil.Process(pid).cwd(), places)
        except psutil.AccessDenied:
            hidden.update(_uid(pid))
            continue
        except (psutil.Error, OSError):
            continue  # it ended while we looked
        if folder is not None and not _is_ours(pid, own_sessions):
            inside.setdefault(folder, []).append(Inside(pid, _name(pid), started_at(pid)))
    for found in inside.values():
        found.sort(key=lambda one: (one.since or datetime.max.replace(tzinfo=UTC), one.pid))
    return Inhabitants(inside, frozenset(hidden))


def _place(cwd: str, places: Mapping[str, Path]) -> Path | None:
    while cwd:
        if cwd in places:
            return places[cwd]
        cwd, separator, _ = cwd.rpartition(os.sep)
        if not separator:
            break
    return None


def _is_ours(pid: int, own_sessions: frozenset[int]) -> bool:
    if pid == os.getpid():
        return True
    try:
        return os.getsid(pid) in own_sessions
    except OSError:
        return False


def _name(pid: int) -> str:
    import psutil  # as above

    try:
        return psutil.Process(pid).name()
    except (psutil.Error, OSError):
        return ""


def _uid(pid: int) -> tuple[int, ...]:
    import psutil  # as above

    try:
        return (psutil.Process(pid).uids().real,)
    except (psutil.Error, OSError):
        return ()
