"""What a guard is made of: a check of its arguments, the one fact that it reads, its judgement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from octojobs.core.guards import Status, Verdict
from octojobs.core.zones import zone
from octojobs.facts.fact import FactKey
from octojobs.slotted import dataclass

Args = Mapping[str, Any]
"""A condition's arguments as the loader left them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The instant of the judgement (aware), the job's time zone (an IANA name), its name and agent ("" for none), what it saw last.

    `seen` are the refs, by full name, that the guards of the job's last successful run looked at, each with its commit then.
    """

    now: datetime
    timezone: str = "UTC"
    seen: Mapping[str, str] = field(default_factory=dict)
    job: str = ""
    agent: str = ""

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
    that the guard needs, None when it needs none; few look at the moment for that. `judge` gets the arguments, the fact's value
    (None without a fact) and the moment; a fact that is unknown never reaches it, for the verdict is unknown then.
    """

    name: str
    summary: str
    check_args: Callable[[Args], list[str]]
    fact: Callable[[Args, Moment], FactKey | None]
    judge: Callable[[Args, Any, Moment], Verdict]


def verdict(holds: bool, evidence: str) -> Verdict:
    """Passed or failed, with its evidence."""
    return Verdict(Status.PASSED if holds else Status.FAILED, evidence)


def unknown(evidence: str) -> Verdict:
    """Nobody can tell, and why."""
    return Verdict(Status.UNKNOWN, evidence)


def no_args(args: Args) -> list[str]:
    """The check of a guard that takes no arguments."""
    return [f"{key}: there is no such argument; it takes none" for key in args]


def expect(args: Args, required: Collection[str], optional: Collection[str] = ()) -> list[str]:
    """The check that these arguments are there, and no others."""
    known = [*required, *optional]
    missing = [f"{key} is missing" for key in required if key not in args]
    return missing + [f"{key}: there is no such argument; use {', '.join(known)}" for key in args if key not in known]


def is_count(value: object, least: int = 0) -> bool:
    """Whether an argument is a whole number, `least` or more."""
    return type(value) is int and value >= least


def is_amount(value: object) -> bool:
    """Whether an argument is a number above 0."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and 0 < value < float("inf")
