"""The lock that makes a repository have one writer: `daemon.lock`, held for life, freed by the kernel alone (promise P6)."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from octojobs import platform
from octojobs.core.codec import NotDecodable, decode, encode, format_instant
from octojobs.core.run import Process
from octojobs.errors import RepositoryBusy
from octojobs.slotted import dataclass
from octojobs.store.paths import FILE_MODE, StatePaths

WAIT_S = 0.3
"""Somebody who only looks whether the lock is held holds it for microseconds; a daemon holds it for longer than this."""

_NOTE_SIZE = 4096
"""One block, padded, overwritten in place: who begins on a full disk must be able to say who it is."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the repository. What it could not write about itself is missing: `process` is None then.

    `role` is the verb that runs, such as `up`; `since` is aware UTC; `state` is where its state is, when that is not beside the lock.
    """

    process: Process | None = None
    since: datetime | None = None
    role: str = ""
    state: str = ""

    @property
    def pid(self) -> int | None:
        """The holder's process id, None when it is not known."""
        return self.process.pid if self.process else None

    @property
    def is_stopped(self) -> bool:
        """Whether the holder is stopped (SIGSTOP, or Ctrl-Z): it holds the lock and does nothing."""
        import psutil  # lazily: 20 ms, needed when there is a holder to speak of

        with suppress(psutil.Error):
            return self.pid is not None and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        return False

    def __str__(self) -> str:
        facts = [f"pid {self.pid}" if self.pid else "", f"since {format_instant(self.since.replace(microsecond=0))}" if self.since else ""]
        facts.append("stopped" if self.is_stopped else "")
        known = ", ".join(fact for fact in facts if fact)
        who = f"`octojobs {self.role}`" if self.role else "another process"
        return f"{who} ({known})" if known else who


class DaemonLock:
    """The held lock. `release` gives it back, and so does the death of the process."""

    def __init__(self, paths: StatePaths, since: datetime, role: str, state: Path | None = None) -> None:
        """Take the lock; raises RepositoryBusy, naming the holder, when somebody else has it, and OSError."""
        from filelock import FileLock, Timeout  # lazily: 40 ms that a verb which only looks does not pay

        self._path = paths.daemon_lock
        # The default, fallback_to_soft=True, turns into a lock by age where flock is missing: that one can be stolen.
        self._lock = FileLock(
            self._path,
            mode=FILE_MODE,
            thread_local=False,
            poll_interval=0.01,
            fallback_to_soft=False,
            preserve_lock_file=True,
            on_acquired=self._remember,
        )
        for _ in range(10):
            try:
                self._lock.acquire(timeout=WAIT_S)
            except Timeout:
                raise _busy(holder(paths) or Holder()) from None
            if self._is_ours():
                break
            # Somebody removed or replaced the file between open and flock: the lock that we hold guards no name.
            self._lock.release()
        else:
            raise _busy(Holder())
        process = Process(os.getpid(), platform.start_ticks(os.getpid()) or 0, platform.boot_id())
        self._holder = Holder(process, since, role, str(state or ""))
        self.is_known = False
        self.introduce()

    def introduce(self) -> None:
        """Say in the file who we are; `is_known` tells whether it stands there. A full disk must not keep the lock itself from us."""
        self.is_known = self._note(json.dumps(encode(self._holder)).encode())

    def release(self) -> None:
        """Give the repository free; twice is once. The file stays."""
        if self._lock.is_locked:
            if self._is_ours():
                self._note(b"")
            self._lock.release()

    def _remember(self, descriptor: int) -> None:
        self._locked = os.fstat(descriptor)

    def _is_ours(self) -> bool:
        """Whether the locked file is the one of that name."""
        try:
            return os.path.samestat(self._locked, os.lstat(self._path))
        except OSError:
            return False

    def _note(self, text: bytes) -> bool:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                return os.pwrite(descriptor, text.ljust(_NOTE_SIZE), 0) == _NOTE_SIZE
            finally:
                os.close(descriptor)
        except OSError:
            return False


def holder(paths: StatePaths) -> Holder | None:
    """Who holds the repository, None when nobody does. Only looks: it disturbs neither the holder nor one who comes.

    Raises OSError when that can't be told.
    """
    try:
        descriptor = os.open(paths.daemon_lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        if can_lock(descriptor):
            return None
        text = os.read(descriptor, _NOTE_SIZE)
    finally:
        os.close(descriptor)
    try:
        found: Holder = decode(Holder, json.loads(text))
    except (ValueError, NotDecodable, RecursionError):
        return Holder()
    return found


def can_lock(descriptor: int) -> bool:
    """Whether nobody holds the file; a shared lock, for an instant, so that two who look don't see each other."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _busy(by: Holder) -> RepositoryBusy:
    if by.is_stopped:
        fix = f"`kill -CONT {by.pid}` wakes it, `kill -KILL {by.pid}` ends it; its running jobs go on either way"
    else:
        fix = "`octojobs down` stops it, `octojobs status` shows what it does"
    return RepositoryBusy(f"this repository is held by {by}", fix)
