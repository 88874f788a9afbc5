"""What is left of a run whose shim was killed: found by the environment that every process of a run inherits."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from octojobs import platform, process
from octojobs.core.run import Process
from octojobs.errors import OctojobsError

NOTE = ".inside/kept.json"
"""In the folder of a sandboxed attempt, until that is settled: what has to be known of it, `remove` among it."""
_LOOKS, _LOOK_S = 40, 0.05
_REMOVE_S = 60.0
_GOING = "already in progress"
"""docker removes a container by itself when what ran in it was killed; until that is done it is there."""


def end_remains(run_dir: Path) -> list[str]:
    """Kill every process of the attempt with this folder that still runs; what they were, such as `pid 4711 (sleep 100)`.

    The folder is what no other run has: another repository may have a job of the same name, due at the same instant.
    Nobody holds them to their limits any more, and the same job must not run twice at once. A process that has changed
    its environment, or is another user's, is not found. This process is left out. Linux only: elsewhere nothing is found.
    """
    ended = []
    for found in _processes_of(run_dir):
        if found.pid == os.getpid():
            continue
        what = platform.describe(found.pid)
        if platform.send_signal(found, signal.SIGKILL):
            ended.append(f"pid {found.pid} ({what})")
    return ended


def end_all(run_dir: Path) -> list[str]:
    """Kill them until none is left; those that stay, as one in an uninterruptible sleep does, in the same words."""
    for _ in range(_LOOKS):
        if not end_remains(run_dir):
            return []
        select.select((), (), (), _LOOK_S)
    return end_remains(run_dir)


def end_container(run_dir: Path, environ: Mapping[str, str], timeout_s: float = _REMOVE_S) -> bool:
    """End and remove the attempt's container, which outlives the client that was killed; False when it had none.

    Raises OctojobsError when that can't be done: it may run on.
    """
    try:
        remove = json.loads((run_dir / NOTE).read_bytes()).get("remove") or []
    except (OSError, ValueError):
        return False
    if not remove:
        return False
    give_up_at, was_going = time.monotonic() + timeout_s, False
    while True:
        try:
            done = process.run(remove, timeout_s=timeout_s, env=environ)
        except OSError as error:
            raise OctojobsError(f"its container can't be removed: {remove[0]}: {error.strerror}", f"`{' '.join(remove)}`") from None
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.ok or "no such container" in said.lower():
            return done.ok or was_going
        if _GOING not in said.lower() or time.monotonic() >= give_up_at:
            raise OctojobsError(f"its container can't be removed: {said or 'no answer'}", f"`{' '.join(remove)}`")
        was_going = True
        select.select((), (), (), _LOOK_S)


def at_work_in(folder: Path) -> list[str]:
    """The processes, of this user's, whose working folder is that folder or one in it: what they are, as above."""
    inside = f"{os.path.realpath(folder)}/"
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        with suppress(OSError):
            if name.isdecimal() and f"{os.readlink(f'/proc/{name}/cwd')}/".startswith(inside):
                found.append(f"pid {name} ({platform.describe(int(name))})")
    return found


def _processes_of(run_dir: Path) -> Iterator[Process]:
    mark = b"OCTOJOBS_RUN_DIR=" + os.fsencode(run_dir)
    boot_id = platform.boot_id()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdecimal():
            continue
        # The ticks are read first: should the number be reused in between, the signal finds another process and spares it.
        ticks = platform.start_ticks(int(name))
        if ticks is not None and mark in _environment(name):
            yield Process(int(name), ticks, boot_id)


def _environment(pid: str) -> frozenset[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return frozenset(file.read().split(b"\0"))
    except OSError:
        return frozenset()
