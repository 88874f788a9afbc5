"""What a guard is made of: a check of its arguments, the one fact that it reads, its judgement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from octojobs.core.guards import Status, Verdict
from octojobs.core.zones import zone
from octojobs.facts.fact import FactKey

Args = Mapping[str, Any]
"""A condition's arguments as the loader left them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of the judgement (aware) and the job's time zone (an IANA name)."""

    now: datetime
    timezone: str = "UTC"

    @property
    def local(self) -> datetime:
        """The instant on the job's wall clock."""
        return self.now.astimezone(zone(self.timezone))

    def show(self, at: datetime) -> str:
        """An instant in the job's zone: `13:40` on the same day, else `2026-11-19 13:40`."""
        local = at.astimezone(zone(self.timezone))
        return f"{local:%H:%M}" if local.date() == self.local.date() else f"{local:%Y-%m-%d %H:%M}"

    def seconds_since(self, at: datetime) -> float:
        """Seconds from an instant to this one; negative when it lies ahead."""
        return (self.now.astimezone(UTC) - at.astimezone(UTC)).total_seconds()


@dataclass(frozen=True, slots=True)
class ConditionType:
    """A kind of guard.

    `check_args` returns what is wrong with the arguments, in words; an empty list when nothing is. `fact` names the one fact
    that the guard needs, None when it needs none. `judge` gets the arguments, the fact's value (None without a fact) and the
    moment; a fact that is unknown never reaches it, for the verdict is unknown then.
    """

    name: str
    summary: str
    check_args: Callable[[Args], list[str]]
    fact: Callable[[Args], FactKey | None]
    judge: Callable[[Args, Any, Moment], Verdict]


def verdict(holds: bool, evidence: str) -> Verdict:
    """Passed or failed, with its evidence."""
    return Verdict(Status.PASSED if holds else Status.FAILED, evidence)


def no_args(args: Args) -> list[str]:
    """The check of a guard that takes no arguments."""
    return [f"{key}: there is no such argument; it takes none" for key in args]


def expect(args: Args, required: Collection[str]) -> list[str]:
    """The check that exactly these arguments are there."""
    missing = [f"{key} is missing" for key in required if key not in args]
    return missing + [f"{key}: there is no such argument; use {', '.join(required)}" for key in args if key not in required]
