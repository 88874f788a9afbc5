"""Budgets: from when to when one counts, and what a run is told whose guards say that one is spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta

from octojobs.core.guards import AnyOf, Condition, Guard, Not
from octojobs.core.zones import zone
from octojobs.slotted import dataclass

GUARD = "budget_left"
PER = ("day", "month")


@dataclass(frozen=True, slots=True)
class SpentBudget:
    """What was used of how much, in words, and when there is a new budget (aware UTC)."""

    words: str
    until: datetime


def span(per: str, at: datetime, timezone: str) -> tuple[datetime, datetime]:
    """From when to when the budget counts that counts at `at` (aware): the midnights of the zone around that day, or month.

    >>> begin, end = span("month", datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "Europe/Berlin")
    >>> f"{begin:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"
    ('2026-12-31 23:00', '2027-01-31 23:00')
    """
    tz = zone(timezone)
    day = at.astimezone(tz).date()
    first = day.replace(day=1) if per == "month" else day
    after = (first + timedelta(days=31)).replace(day=1) if per == "month" else first + timedelta(days=1)
    return datetime.combine(first, time(), tz).astimezone(UTC), datetime.combine(after, time(), tz).astimezone(UTC)


def spent(guards: Iterable[Guard], failed: Mapping[str, str], at: datetime, timezone: str) -> SpentBudget | None:
    """What is told of the guards that have failed at `at` for want of a budget; None where none has.

    `failed` has the evidence of each guard that does not hold, by its words. They must all hold: the last of them to come back decides.
    """
    found = [(failed[str(guard)], until) for guard in guards if str(guard) in failed and (until := _until(guard, at, timezone))]
    if not found:
        return None
    return SpentBudget("; ".join(words for words, _ in found), max(until for _, until in found))


def _until(guard: Guard, at: datetime, timezone: str) -> datetime | None:
    """When the failed guard holds again for all we know; None where no budget is the reason. Of `any` the first to come back is enough."""
    match guard:
        case Condition(name, args):
            return span(args.get("per", PER[0]), at, timezone)[1] if name == GUARD else None
        case AnyOf(inner):
            return min((until for one in inner if (until := _until(one, at, timezone))), default=None)
        case Not():
            return None
