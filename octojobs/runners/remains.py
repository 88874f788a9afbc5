"""What is left of a run whose shim was killed: found by the environment that every process of a run inherits."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from octojobs import platform
from octojobs.core.run import Process


def end_remains(run_dir: Path) -> list[str]:
    """Kill every process of the attempt with this folder that still runs; what they were, such as `pid 4711 (sleep 100)`.

    The folder is what no other run has: another repository may have a job of the same name, due at the same instant.
    Nobody holds them to their limits any more, and the same job must not run twice at once. A process that has changed
    its environment, or is another user's, is not found. Linux only: elsewhere nothing is found.
    """
    ended = []
    for process in _processes_of(run_dir):
        what = platform.describe(process.pid)
        if platform.send_signal(process, signal.SIGKILL):
            ended.append(f"pid {process.pid} ({what})")
    return ended


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
