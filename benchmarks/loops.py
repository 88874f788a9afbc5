"""The physical limit: a loop of posix_spawn, with what a durable record costs at least and without it.

Four threads, each of which opens a log, spawns the command with it, waits, and writes an exit file; durable means that each exit
file is synced before its run counts as ended, and each line in a common journal with one fdatasync per 50. Nothing is planned,
limited, retried or shown, and what it wrote would not tell after a crash what had started.
"""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GROUP = 50
"""Ends per fdatasync of the journal."""


def loop_seconds(runs: int, width: int, folder: Path, *, durable: bool) -> float:
    """Seconds for so many runs of `true`, so many at a time."""
    program, environment = shutil.which("true"), dict(os.environ)
    if program is None:
        raise FileNotFoundError("there is no `true` on PATH")

    def run(number: int) -> int:
        log = _create(folder / f"{number}.log")
        streams = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        pid = os.posix_spawn(program, ["true"], environment, file_actions=streams)
        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(log)
        result = _create(folder / f"{number}.exit")
        os.write(result, b'{"exit_code":%d}' % exit_code)
        if durable:
            os.fsync(result)
        os.close(result)
        return exit_code

    started = time.perf_counter()
    journal = _create(folder / "journal.jsonl")
    with ThreadPoolExecutor(width) as pool:
        for number, exit_code in enumerate(pool.map(run, range(runs)), 1):
            os.write(journal, b'{"run":%d,"exit_code":%d}\n' % (number, exit_code))
            if durable and number % GROUP == 0:
                os.fdatasync(journal)
    if durable:
        os.fdatasync(journal)
    os.close(journal)
    return time.perf_counter() - started


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
