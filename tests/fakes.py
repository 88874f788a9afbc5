"""Fakes that implement the real protocols: a clock that stands still, definitions from memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from octojobs.core.definitions import Definitions, Settings
from octojobs.core.job import Job

START = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Stands still until it is moved: `advance` moves all clocks, `step` the wall alone, `suspend` all but the monotonic one."""

    wall: datetime = START
    mono: float = 1000.0
    boot: float = 1000.0

    def now(self) -> datetime:
        """The wall clock."""
        return self.wall

    def monotonic(self) -> float:
        """Seconds that a suspend does not advance."""
        return self.mono

    def boottime(self) -> float:
        """Seconds that a suspend does advance."""
        return self.boot

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.wall += timedelta(seconds=seconds)
        self.mono += seconds
        self.boot += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += timedelta(seconds=seconds)

    def suspend(self, seconds: float) -> None:
        """The lid is closed and opened again."""
        self.wall += timedelta(seconds=seconds)
        self.boot += seconds


@dataclass
class StaticFeed:
    """Definitions that a test sets."""

    definitions: Definitions = field(default_factory=lambda: Definitions({}))
    note: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)
    _count: int = 0

    def set(self, jobs: Iterable[Job], settings: Settings | None = None) -> None:
        """Make these jobs live."""
        self._count += 1
        self.definitions = Definitions(
            {job.id: job for job in jobs},
            settings or self.definitions.settings,
            source="worktree",
            digest=str(self._count),
            pins=self.pins,
        )

    def current(self) -> Definitions:
        """What is live."""
        return self.definitions

    def check(self, *, ask: bool = False) -> bool:
        """Nothing changes behind a test's back."""
        return False
