"""A folder to work in, and schedulers that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from octojobs import Job, Scheduler, SchedulerConfig
from tests.fakes import FakeClock

Make = Callable[..., Scheduler]
"""`make(kind=MyScheduler, max_concurrent_jobs=2)`: a scheduler of that configuration and the test's clock."""


def beat(name: str = "beat", command: str = "true", **fields: Any) -> Job:
    """A job that is due at first sight."""
    return Job(name, command=command, **{"interval": "1h", **fields})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, outside git, on a machine in UTC."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TZ", "UTC")
    return folder


@pytest.fixture
def clock() -> FakeClock:
    """A clock that the test moves."""
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Iterator[Make]:
    """Makes schedulers; `real=True` leaves them the machine's clock."""
    made: list[Scheduler] = []

    def factory(kind: type[Scheduler] = Scheduler, *, real: bool = False, **settings: object) -> Scheduler:
        config = SchedulerConfig(**settings)  # type: ignore[arg-type]  # what a test gives is what it tests
        scheduler = kind(config) if real else kind(config, _clock=clock)
        made.append(scheduler)
        return scheduler

    yield factory
    for scheduler in made:
        scheduler.close()
