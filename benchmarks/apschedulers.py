"""APScheduler, versions 3 and 4: so many jobs that run `true`, due at once, in processes of their own.

Version 3 keeps its jobs in memory and records nothing. Version 4, of which there are pre-releases only, is measured twice: in memory,
and with its data store in SQLite, where it leaves what a restart needs. Both may run four jobs at a time.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from obtained import Unmeasurable, environment

TIMEOUT_S = 120.0
LEAD_S = 12
"""How long it is given to take in 500 schedules before they are due."""

COMMON = """
import json, subprocess, sys, threading, time
from datetime import UTC, datetime, timedelta

runs, lead_s, place = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=lead_s)
starts, ends, lock, done = [], [], threading.Lock(), threading.Event()

def job():
    started = time.time()
    subprocess.run(["true"])
    with lock:
        starts.append(started)
        ends.append(time.time())
        if len(ends) == runs:
            done.set()

def tell():
    done.wait(100)
    late_ms = [(start - due.timestamp()) * 1000 for start in starts]
    print(json.dumps({"runs": len(ends), "seconds": max(ends) - min(starts), "late_ms": late_ms}))
"""

THREE = """
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

defaults = {"misfire_grace_time": None, "max_instances": runs}
scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(4)}, job_defaults=defaults, timezone="UTC")
for _ in range(runs):
    scheduler.add_job(job, "date", run_date=due)
scheduler.start()
tell()
"""

FOUR = """
import asyncio
from apscheduler import AsyncScheduler
from apscheduler.datastores.memory import MemoryDataStore
from apscheduler.triggers.date import DateTrigger

def store():
    if not place:
        return MemoryDataStore()
    from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
    from sqlalchemy.ext.asyncio import create_async_engine
    return SQLAlchemyDataStore(create_async_engine("sqlite+aiosqlite:///" + place))

async def main():
    async with AsyncScheduler(store(), max_concurrent_jobs=4) as scheduler:
        for number in range(runs):
            await scheduler.add_schedule(job, DateTrigger(due), id=str(number), misfire_grace_time=None)
        await scheduler.start_in_background()
        await asyncio.to_thread(tell)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Burst:
    """All that was due at one instant: milliseconds to each start, and seconds from the first start to the last end."""

    late_ms: list[float]
    seconds: float


def three(runs: int, _folder: Path) -> Burst:
    """One date job per run, in a pool of four threads; it may start them however late it is."""
    return _burst(environment("apscheduler>=3.11,<4"), THREE, runs, "")


def four(runs: int, _folder: Path) -> Burst:
    """One schedule per run, its data store in memory."""
    return _burst(_four(), FOUR, runs, "")


def four_in_sqlite(runs: int, folder: Path) -> Burst:
    """The same, its data store in a file."""
    return _burst(_four(), FOUR, runs, str(folder / "schedules.sqlite"))


APSCHEDULERS: Mapping[str, Callable[[int, Path], Burst]] = {
    "APScheduler": three,
    "APScheduler 4": four,
    "APScheduler 4, SQLite": four_in_sqlite,
}


def _four() -> Path:
    return environment("apscheduler>=4.0.0a6,<5", "sqlalchemy[asyncio]>=2", "aiosqlite", "sniffio", pre=True)


def _burst(place: Path, program: str, runs: int, store: str) -> Burst:
    argv = [str(place / "bin/python"), "-c", COMMON + program, str(runs), str(LEAD_S), store]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise Unmeasurable((done.stderr.strip().splitlines() or ["it failed"])[-1])
    found = json.loads(done.stdout)
    if found["runs"] != runs:
        raise Unmeasurable(f"{found['runs']} of {runs} runs within 100 s")
    return Burst(found["late_ms"], found["seconds"])
