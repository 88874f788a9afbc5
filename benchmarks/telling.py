"""What `notify` costs a daemon that has nothing to tell: its start, its memory, its threads, its idle CPU.

python benchmarks/telling.py [SECONDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from daemon import cpu_s, place, pss_mb, ready, rest, up, wait_for

PLAIN = "version: 1\njobs:\n  warm: {manual: true, command: 'true'%s}\n"
SETTINGS = """\
channels:
  ops: {file: told.jsonl}
  mail: {apprise: "mailto://127.0.0.1:1?from=a@example.org&to=b@example.org&mode=insecure"}
"""
KINDS = {
    "without notify": ("", ""),
    "notify to a file": (", notify: {channels: [ops]}", SETTINGS),
    "notify, also of late runs, to a file and a mailbox": (
        ", notify: {on: [failed, blocked, overdue], channels: [ops, mail]}, output: {channel: ops}",
        SETTINGS,
    ),
}
ROUNDS = 5


def measured(folder: Path, more: str, settings: str, seconds: float) -> dict[str, float]:
    """Milliseconds of CPU of the last of several starts, and what the daemon at rest has and takes."""
    at = place(folder, {".octopoid/jobs.yaml": (PLAIN % more).encode(), ".octopoid/octojobs.yaml": settings.encode()})
    starts = []
    for _ in range(ROUNDS):
        with up(at) as process:
            wait_for(lambda process=process: ready(at, process), "the daemon")
            starts.append(cpu_s(process.pid) * 1000)
    with up(at) as process:
        wait_for(lambda: ready(at, process), "the daemon")
        rest(at)
        threads = len(list(Path(f"/proc/{process.pid}/task").iterdir()))
        started, before = time.perf_counter(), cpu_s(process.pid)
        time.sleep(seconds)
        idle = (cpu_s(process.pid) - before) / (time.perf_counter() - started) * 100
        return {"start_ms": statistics.median(starts), "mb": pss_mb(process.pid), "threads": threads, "idle": idle}


def main() -> None:
    """Print a line for each kind."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    for name, (more, settings) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            told = measured(Path(folder), more, settings, seconds)
        line = "{start_ms:.0f} ms of CPU to start, {mb:.1f} MB, {threads:.0f} threads, {idle:.3f} % of a core at rest"
        print(f"{name}: {line.format(**told)}", flush=True)


if __name__ == "__main__":
    main()
