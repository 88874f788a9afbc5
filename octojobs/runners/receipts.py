"""What a shim leaves in its run's folder, and how the daemon reads it, fences it and asks it to stop."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from octojobs import platform
from octojobs.core.codec import NotDecodable, parse_instant
from octojobs.core.run import Outcome, Process
from octojobs.slotted import dataclass

_MOST_BYTES = 1 << 20
LIVE, RESULT = "live", "exit.json"


@dataclass(frozen=True, slots=True)
class Escaped:
    """A process of the run that outlived it."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True)
class Exit:
    """What `exit.json` says; times are aware UTC, `output_bytes` counts what the job wrote, kept or not."""

    outcome: Outcome
    started_at: datetime
    ended_at: datetime
    duration_s: float
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    output_bytes: int = 0
    truncated: bool = False
    escaped: tuple[Escaped, ...] = ()


def read_exit(run_dir: Path) -> Exit | None:
    """The result of a run; None while there is none, or when it can't be read as one (it is renamed into place whole)."""
    try:
        return exit_of(_read(f"{run_dir}/{RESULT}"))
    except (OSError, ValueError):
        return None


def exit_of(document: str | bytes) -> Exit | None:
    """What a shim says of the end of its run, in its file or over its connection; None when it is no result."""
    try:
        content = json.loads(document)
        return Exit(
            Outcome(content["outcome"]),
            parse_instant(content["started_at"]),
            parse_instant(content["ended_at"]),
            float(content["duration_s"]),
            content["exit_code"],
            content["signal"],
            str(content["reason"]),
            int(content["output_bytes"]),
            bool(content["truncated"]),
            tuple(Escaped(int(one["pid"]), str(one["command"])) for one in content["escaped"]),
        )
    except (ValueError, KeyError, TypeError, NotDecodable):
        return None


def read_result(run_dir: Path) -> Any:
    """The JSON value that the job left as its result; None when it left none, or none of at most a megabyte."""
    return read_json(run_dir, "result.json")


def read_json(run_dir: Path, name: str) -> Any:
    """The JSON value in a file of the run's folder; None when there is none, or none of at most a megabyte."""
    try:
        return json.loads(_read(f"{run_dir}/{name}"))
    except (OSError, ValueError, RecursionError):
        return None


def is_live(run_dir: Path) -> bool:
    """Whether a shim holds the run: its flock on `live`, which the kernel frees with it. Raises OSError when it can't be told.

    The file becomes `exit.json`, still locked: looked for in this order, one that is being renamed is not missed.
    """
    return any(_is_locked(f"{run_dir}/{name}") for name in (LIVE, RESULT))


def _is_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def has_started(run_dir: Path) -> bool:
    """Whether `started` is there: the run's code may have run (or somebody has fenced it)."""
    return os.path.lexists(f"{run_dir}/started")


def fence(run_dir: Path) -> bool:
    """Make `started` ourselves, durably, so that a slow shim can't; True when we made it: this attempt never ran, nor will.

    Raises OSError when it can't be made: then nothing may be concluded.
    """
    platform.make_private_folders(run_dir)
    try:
        descriptor = os.open(f"{run_dir}/started", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        os.write(descriptor, b"fenced: another attempt takes its place\n")
        platform.sync_file(descriptor)
    finally:
        os.close(descriptor)
    folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def remove_debris(run_dir: Path) -> None:
    """Remove the half-written results of shims that were killed; the caller knows that none is at work here. Best effort."""
    for path in run_dir.glob(f".{RESULT}.*"):
        with suppress(OSError):
            path.unlink()


def stop(process: Process, run_dir: Path, why: str) -> bool:
    """Ask the run's shim to end it; `why` (one line) becomes the reason in `exit.json`. False when the shim is gone.

    The shim sends TERM to everything of the run, waits `kill_grace` and sends KILL. Returns at once.
    """
    note = f"{run_dir}/stop"
    try:
        descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, why.replace("\n", " ").encode("utf-8", "replace"))
        finally:
            os.close(descriptor)
    except OSError as error:  # a full disk must not keep a run from being stopped
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOENT):
            raise
    return platform.send_signal(process, signal.SIGTERM)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        data = bytearray()
        while len(data) <= _MOST_BYTES and (part := os.read(descriptor, 65536)):
            data += part
        if len(data) > _MOST_BYTES:
            raise ValueError(f"{path} is larger than {_MOST_BYTES} bytes")
        return bytes(data)
    finally:
        os.close(descriptor)
