"""Writes `exit.json`, whole, and durably unless the daemon has recorded what it says, for as long as it takes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from octojobs import platform

if TYPE_CHECKING:
    from octojobs.runners.shim.output import Output
    from octojobs.runners.shim.signals import Signals
    from octojobs.runners.shim.supervise import Ending

_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.05, 5.0
_STOP_FILE_MOST = 1000


def document(ending: Ending, output: Output | None, began: tuple[float, float]) -> dict[str, Any]:
    """What `exit.json` says; `began` is the start on the wall clock and on the monotonic one."""
    shown = output.mask.text if output is not None else str
    return {
        "v": 1,
        "outcome": ending.outcome,
        "exit_code": ending.exit_code,
        "signal": ending.signal,
        "reason": shown(ending.reason),
        "started_at": _instant(began[0]),
        "ended_at": _instant(time.time()),
        "duration_s": round(time.monotonic() - began[1], 6),
        "output_bytes": output.total if output is not None else 0,
        "truncated": output is not None and output.left_out > 0,
        "escaped": [{"pid": pid, "command": shown(platform.describe(pid))} for pid in ending.escaped],
    }


def write(run_dir: str, live: int, content: dict[str, Any], signals: Signals, announce: Callable[[bytes], bool] | None) -> None:
    """Put `exit.json` in place, durably: by a sync, or because `announce` says that the daemon has recorded what it holds.

    In the second case it is what `live` becomes, whose descriptor this is: one file less to make for each run.
    A full disk is waited for with `live` held, and a removed folder is made again. An fsync error is final for its file, so that
    each further attempt begins with a new one.
    """
    data = json.dumps(content).encode("utf-8", "surrogateescape")
    if announce is not None:
        if not _became(run_dir, live, data):
            _try(run_dir, data, signals, durable=False)
        if announce(data) or _is_durable_now(run_dir):
            return
    _try(run_dir, data, signals, durable=True)


def _became(run_dir: str, live: int, data: bytes) -> bool:
    """Make `live` the result; False when that can't be done, and `live` is as it was."""
    try:
        if os.pwrite(live, data, 0) == len(data):
            os.rename(f"{run_dir}/live", f"{run_dir}/exit.json")
            return True
        os.ftruncate(live, 0)
    except OSError:
        with suppress(OSError):
            os.ftruncate(live, 0)
    return False


def _is_durable_now(run_dir: str) -> bool:
    """Sync the file that is in place; False when that fails, which is final for this file."""
    try:
        descriptor = os.open(f"{run_dir}/exit.json", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            platform.sync_file(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(run_dir)
    except OSError:
        return False
    return True


def _try(run_dir: str, data: bytes, signals: Signals, *, durable: bool) -> None:
    """Replace it, for as long as it takes."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            _replace(run_dir, data, durable=durable)
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                _make_again(run_dir)
            until = time.monotonic() + pause_s
            while (left_s := until - time.monotonic()) > 0:
                signals.wait(left_s)
            pause_s = min(pause_s * 2, _LAST_PAUSE_S)
        else:
            return


def stop_reason(run_dir: str) -> str:
    """Why the run was asked to stop: the first line of `stop`, where the daemon left it."""
    try:
        descriptor = os.open(f"{run_dir}/stop", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return "asked to stop"
    try:
        return os.read(descriptor, _STOP_FILE_MOST).decode("utf-8", "replace").partition("\n")[0] or "asked to stop"
    finally:
        os.close(descriptor)


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder_if_possible(path: str) -> None:
    """As `sync_folder`, for what is durable by the journal already."""
    try:
        sync_folder(path)
    except OSError:
        return


def _replace(run_dir: str, data: bytes, *, durable: bool) -> None:
    temporary = f"{run_dir}/.exit.json.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if durable:
            platform.sync_file(descriptor)
        os.rename(temporary, f"{run_dir}/exit.json")
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)
    if durable:
        sync_folder(run_dir)


def _make_again(run_dir: str) -> None:
    try:
        platform.make_private_folders(run_dir)
    except OSError:
        return


def _instant(epoch: float) -> str:
    """RFC 3339 in UTC with microseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch)) + f".{int(epoch % 1 * 1_000_000):06d}Z"
