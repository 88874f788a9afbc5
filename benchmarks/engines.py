"""The engine in a process of its own, its jobs from memory: what a launch, a delay and a tick cost. Started by run.py.

    python benchmarks/engines.py launches COUNT FOLDER
    python benchmarks/engines.py delays JOBS ROUNDS GAP_S FOLDER
    python benchmarks/engines.py ticks COUNT FOLDER

Each prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octojobs.core.definitions import Definitions, Settings
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.ledger import Row
from octojobs.core.run import Outcome
from octojobs.core.when import IntervalWhen, ScheduleWhen, When
from octojobs.engine.clock import Clock, SystemClock
from octojobs.engine.engine import Engine
from octojobs.engine.ground import Ground
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.engine.service import Service
from octojobs.engine.wake import Wake
from octojobs.engine.wiring import open_engine
from octojobs.store.paths import StatePaths

WIDTH = 4
TRUE = CommandAction(("true",))
LEAD_S = 3
"""How long before the first due instant the engine is up."""
IDLE = (100, 10_000)


@dataclass
class Fixed:
    """Definitions that never change (the engine's Feed)."""

    definitions: Definitions
    note: str = ""

    def current(self) -> Definitions:
        """The same at all times."""
        return self.definitions

    def check(self, *, ask: bool = False) -> bool:
        """Nothing changes."""
        return False


@dataclass
class Moved:
    """A clock that stands still until it is moved, so that a tick need not be waited for."""

    wall: datetime
    seconds: float = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return self.wall + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Moves with the wall clock: nobody is suspended."""
        return self.seconds

    def boottime(self) -> float:
        """Moves with the wall clock: nobody sets it."""
        return self.seconds


def jobs(whens: Iterable[When], prefix: str = "job") -> list[Job]:
    """A job that runs `true` for each of these."""
    return [Job(JobId(f"{prefix}-{number}"), when, TRUE) for number, when in enumerate(whens)]


def engine_in(folder: Path, clock: Clock, declared: Iterable[Job], width: int = WIDTH) -> tuple[Ground, Fixed]:
    """What an engine needs to be opened in the folder."""
    settings = Settings(max_concurrent=width)
    feed = Fixed(Definitions({job.id: job for job in declared}, settings, source="worktree", digest="fixed"))
    return Ground(folder, StatePaths(folder / "state"), clock, dict(os.environ), "benchmark"), feed


@contextmanager
def serving(folder: Path, declared: Iterable[Job], on_row: Callable[[Row], None]) -> Iterator[tuple[Service, Engine]]:
    """A service over an engine with these jobs, on the machine's clock; and that engine."""
    ground, feed = engine_in(folder, SystemClock(), declared)
    vitals = Vitals(os.getpid(), "", "", "", "", len(feed.definitions.jobs))
    with closing(Wake()) as wake, open_engine(ground, feed, role="benchmark") as engine:
        engine.recorder.on_row = on_row
        with closing(Service(engine, feed, wake, Heartbeat(ground.paths), lambda: vitals)) as service:
            yield service, engine


def collected(folder: Path, declared: Iterable[Job]) -> tuple[list[Row], float]:
    """The rows of all jobs after one run each, on the disk, and the seconds from the first tick to the last row."""
    wanted, rows = list(declared), list[Row]()
    with serving(folder, wanted, rows.append) as (service, engine):
        engine.get_ready()  # as a daemon that is up is: its launcher is there, and a shim waits
        started = time.perf_counter()
        service.run(lambda: len(rows) >= len(wanted))
        seconds = time.perf_counter() - started
    bad = [row for row in rows if row.outcome is not Outcome.SUCCEEDED]
    if bad:
        raise RuntimeError(f"{len(bad)} of {len(rows)} runs: {bad[0].outcome} {bad[0].reason}")
    return rows, seconds


def launches(count: int, folder: Path) -> dict[str, float]:
    """Jobs that are first seen and due at once: planned, recorded, run and recorded again."""
    rows, seconds = collected(folder, jobs([IntervalWhen(36_000)] * count))
    return {"runs": len(rows), "seconds": seconds}


def delays(count: int, rounds: int, gap_s: int, folder: Path) -> list[float]:
    """Milliseconds from the due instant to the start of the process, for `count` jobs at one second, `rounds` times."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_S)
    instants = [first + timedelta(seconds=number * gap_s) for number in range(rounds) for _ in range(count)]
    rows, _ = collected(folder, jobs(ScheduleWhen((f"@once {at:%Y-%m-%dT%H:%M:%SZ}",)) for at in instants))
    starts = [(row.due, row.run.attempts[-1].started_at) for row in rows if row.run is not None]
    return [(started - due).total_seconds() * 1000 for due, started in starts if started is not None]


def ticks(count: int, folder: Path) -> dict[str, float]:
    """Median CPU milliseconds of the tick that claims and starts one due job beside few and many idle ones, in turns."""
    taken: dict[int, list[float]] = {idle: [] for idle in IDLE}
    clock = Moved(datetime.now(UTC).replace(microsecond=0))
    idle_at = clock.wall.replace(month=1, day=1) + timedelta(days=3653)
    once = [ScheduleWhen((f"@once {idle_at + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",)) for number in range(max(IDLE))]
    grounds = {idle: folder / str(idle) for idle in IDLE}
    for place in grounds.values():
        place.mkdir()
    few, many = (engine_in(place, clock, [*jobs([IntervalWhen(60)], "due"), *jobs(once[:idle])]) for idle, place in grounds.items())
    with open_engine(*few, role="benchmark") as first, open_engine(*many, role="benchmark") as second:
        for number in range(count + 2):
            for idle, engine in zip(IDLE, (first, second), strict=True):
                spent = _tick(engine)
                if number >= 2:  # the first ones see all jobs for the first time
                    taken[idle].append(spent * 1000)
            clock.seconds += 60
    return {str(idle): statistics.median(spent) for idle, spent in taken.items()}


def _tick(engine: Engine) -> float:
    """CPU seconds of the tick in which the job is due; its end is waited for, and not measured."""
    started = time.process_time()
    engine.tick()
    spent = time.process_time() - started
    if not engine.store.ledger.runs:
        raise RuntimeError("no job was due")
    while engine.store.ledger.runs:
        select.select([engine.running], [], [], 1.0)
        engine.tick()
    return spent


def main() -> None:
    """Measure one thing and print it."""
    kind, *numbers, folder = sys.argv[1:]
    measure: dict[str, Callable[..., object]] = {"launches": launches, "delays": delays, "ticks": ticks}
    print(json.dumps(measure[kind](*map(int, numbers), Path(folder).absolute())))


if __name__ == "__main__":
    main()
