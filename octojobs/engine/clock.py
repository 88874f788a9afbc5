"""The only file that reads the clocks, and what it notices about them: steps and suspends."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

from octojobs.slotted import dataclass

STEP_S = 2.0
"""A wall clock that NTP slews moves by under 1 ms a second; two seconds between two looks is a step."""

SUSPEND_S = 2.0


class Clock(Protocol):
    """What the engine asks for the time: `now` is aware UTC, the others are seconds from an arbitrary origin."""

    def now(self) -> datetime:
        """The wall clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that a suspend does not advance (CLOCK_MONOTONIC on Linux)."""
        ...

    def boottime(self) -> float:
        """Seconds that a suspend does advance (CLOCK_BOOTTIME on Linux)."""
        ...


def nap(seconds: float) -> None:
    """Sleep for so many seconds, to the microsecond, whatever happens meanwhile."""
    with suppress(OSError):  # a faked clock that is set meanwhile makes the C library answer EINVAL; a nap may always be shorter
        time.sleep(seconds)


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """CLOCK_MONOTONIC in seconds."""
        return time.monotonic()

    def boottime(self) -> float:
        """CLOCK_BOOTTIME in seconds; where there is none (macOS), the monotonic clock, so no suspend is reported."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(slots=True)
class Watch:
    """Compares the clocks between two looks; owned by the engine's thread."""

    clock: Clock
    _wall: datetime | None = None
    _boot: float = 0.0
    _mono: float = 0.0

    def look(self) -> str:
        """What happened to the clocks since the last look, in words; empty when nothing did.

        A step is REALTIME against BOOTTIME, a suspend is BOOTTIME against MONOTONIC.
        """
        wall, boot, mono = self.clock.now(), self.clock.boottime(), self.clock.monotonic()
        before, self._wall = self._wall, wall
        slept = (boot - self._boot) - (mono - self._mono)
        passed = boot - self._boot
        self._boot, self._mono = boot, mono
        if before is None:
            return ""
        notes = []
        if slept > SUSPEND_S:
            notes.append(f"the machine was suspended for {slept:.0f} s")
        step = (wall - before).total_seconds() - passed
        if abs(step) > STEP_S:
            notes.append(f"the clock was stepped {'forward' if step > 0 else 'back'} by {abs(step):.0f} s")
        return " and ".join(notes)
