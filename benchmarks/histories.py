"""A long history: how long the verbs that ask it take, as whole processes, and how much memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon import OCTOJOBS, Place, place

from octojobs.store.history import days, rows_in
from octojobs.store.lines import seal

JOBS = 100
DAYS = 90
QUESTIONS = (("runs", "job_7"), ("why", "job_7"), ("status",))
SETTINGS = b"version: 1\nretention: {days: 3650}\n"


@dataclass(frozen=True)
class Answer:
    """A verb's whole process, median of the times and largest of the memories."""

    ms: float
    mb: float


def asked(folder: Path, runs: int, rounds: int) -> tuple[float, dict[str, Answer]]:
    """Seconds for the first question, which makes the index, and what each verb takes after that."""
    jobs = "".join(f"  job_{number}: {{interval: 1h, command: 'true'}}\n" for number in range(JOBS))
    at = place(folder, {".octopoid/jobs.yaml": f"version: 1\njobs:\n{jobs}".encode(), ".octopoid/octojobs.yaml": SETTINGS})
    at.octojobs("up", "--once")
    write(at, runs)
    started = time.perf_counter()
    at.octojobs("runs", "job_7")
    first = time.perf_counter() - started
    return first, {" ".join(verb): _answer(at, verb, rounds) for verb in QUESTIONS}


def write(at: Place, runs: int) -> None:
    """A history of so many finished runs before the real ones, spread over the jobs and over 90 days."""
    (real,) = days(at.paths.history)
    row = next(row for _, _, row in rows_in(real) if row is not None)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    each = runs // DAYS
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        with (at.paths.history / f"{day:%Y-%m-%d}.jsonl").open("wb") as file:
            for number in range(each):
                due = day + timedelta(seconds=number * 86_400 // each)
                job, instant = f"job_{number % JOBS}", f"{due:%Y-%m-%dT%H:%M:%SZ}"
                past = {"id": f"{job}@{due:%Y%m%dT%H%M%SZ}", "job": job, "scheduled_at": instant, "at": instant}
                file.write(seal({**row, **past, "seq": number - each * back, "n": 0}))


def _answer(at: Place, verb: tuple[str, ...], rounds: int) -> Answer:
    times, sizes = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        process = subprocess.Popen([*OCTOJOBS, *verb], cwd=at.repo, env=at.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, status, usage = os.wait4(process.pid, 0)
        times.append(time.perf_counter() - started)
        sizes.append(usage.ru_maxrss * 1024 / 1e6)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None
        if said := process.stderr.read().decode():
            raise RuntimeError(f"octojobs {' '.join(verb)}: {said}")
        process.stderr.close()
    return Answer(statistics.median(times) * 1000, max(sizes))
