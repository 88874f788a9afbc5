"""A small world for the engine: a real store, a real launcher and real processes, a clock that the test moves."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.ledger import Row
from octojobs.core.run import Run
from octojobs.core.when import IntervalWhen, ManualWhen
from octojobs.engine.engine import Engine
from octojobs.engine.ground import Ground
from octojobs.engine.scope import Scope
from octojobs.engine.starter import Starter
from octojobs.runners.launcher import Launcher
from octojobs.store.paths import StatePaths
from octojobs.store.requests import Request, leave
from octojobs.store.store import Store
from tests.fakes import FakeClock, StaticFeed


def job(name: str, command: str | tuple[str, ...] = ("true",), **fields: Any) -> Job:
    """A job that runs a command; manual unless `when` or `every` (seconds) says otherwise."""
    every = fields.pop("every", None)
    when = IntervalWhen(every) if every else fields.pop("when", ManualWhen())
    return Job(JobId(name), when, CommandAction(command), **fields)


class World:
    """One repository's engine, on a clock that stands still until the test moves it."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.clock = FakeClock()
        self.feed = StaticFeed()
        self.paths = StatePaths(root / "state")
        self.ground = Ground(root, self.paths, self.clock, dict(environ or os.environ), "salt")
        self.rows: list[Row] = []
        self.requests = 0
        self.start()

    def start(self) -> None:
        """The daemon starts; so it has when the world is made."""
        store = Store.open(self.paths, self.clock.now)
        self.engine = Engine(self.ground, store, self.feed, Starter(self.ground, Launcher()), Scope())
        self.engine.recorder.on_row = self.rows.append
        self.lives = True

    def stop(self) -> None:
        """The daemon ends, its runs go on; a second time is nothing."""
        if self.lives:
            self.lives = False
            self.engine.close()

    def declare(self, *jobs: Job, settings: Settings | None = None) -> None:
        """Make exactly these jobs live."""
        self.feed.set(jobs, settings)

    def tick(self, seconds: float = 0) -> None:
        """Let time pass, then tick once."""
        self.clock.advance(seconds)
        self.engine.tick()

    def ask(self, kind: str, **fields: Any) -> str:
        """Leave a request; returns its suffix, which the run that it starts carries."""
        self.requests += 1
        request = Request(kind=kind, at=self.clock.now(), by="test", **fields)
        leave(self.paths, request)
        return request.suffix

    def drain(self, seconds: float = 20) -> None:
        """Tick at every end of a process until no process is left."""
        for _ in range(1000):
            if not any(run.holds_slot for run in self.runs()):
                return
            ready, _, _ = select.select([self.engine.running.fileno()], [], [], 0.1 if self.engine.running.polls else seconds)
            assert ready or self.engine.running.polls, f"no run ended within {seconds} s: {self.runs()}"
            self.engine.tick()
        raise AssertionError("it never comes to an end")

    def runs(self) -> list[Run]:
        """The open runs."""
        return list(self.engine.store.ledger.runs.values())

    def outcomes(self, name: str | None = None) -> list[str]:
        """What has ended so far, in order; of one job when it is named."""
        return [row.outcome.value for row in self.rows if name in (None, row.job)]

    def output(self, run: str, attempt: int = 1) -> str:
        """What the run printed."""
        return (self.paths.run_dir(RunId(run), attempt) / "output.log").read_text()

    def restart(self) -> None:
        """The daemon stops and starts again; its runs go on."""
        self.stop()
        self.start()

    def close(self) -> None:
        """The end of the test, also of one that failed anywhere: cancel what runs, then let go of every process."""
        try:
            if self.lives:
                for run in self.runs():
                    self.ask("cancel", run=run.id)
                self.tick()
                self.drain()
        finally:
            self.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An engine with a real store and real processes, closed at the end."""
    made = World(tmp_path)
    yield made
    made.close()


def at(text: str) -> datetime:
    """An instant such as 2026-11-20T10:00:00Z."""
    return datetime.fromisoformat(text)


def names(rows: Iterable[Row]) -> list[str]:
    """The jobs of the rows."""
    return [row.job for row in rows]
