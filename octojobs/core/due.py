"""Due instants in a stretch of time: listed up to a limit, counted without listing, and the newest found by bisection."""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.schedule import Schedule


class ScheduleStandsStill(Exception):
    """A schedule answered an instant that is not later than the one asked about: going on would never end."""


def due(schedule: Schedule, after: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
    """The due instants in (after, until], oldest first, at most `limit`. Raises ScheduleStandsStill.

    >>> from datetime import UTC
    >>> from octojobs.core.schedule import Interval
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> len(due(Interval(noon, 600), noon, noon + timedelta(hours=1), limit=100))
    6
    """
    instants: list[datetime] = []
    while len(instants) < limit:
        found = next_after(schedule, after)
        if found is None or found > until:
            break
        instants.append(found)
        after = found
    return tuple(instants)


def next_after(schedule: Schedule, t: datetime) -> datetime | None:
    """The schedule's next instant after `t`, proven to be later. Raises ScheduleStandsStill."""
    found = schedule.next_after(t)
    if found is not None and found <= t:
        raise ScheduleStandsStill(f"{schedule!r} answered {found} as later than {t}")
    return found


def count(schedule: Schedule, after: datetime, until: datetime) -> int:
    """The number of due instants in (after, until]; arithmetic, so that decades of minutes cost milliseconds."""
    return schedule.count(after, until) if after < until else 0


def newest(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The latest due instant in (after, until], None when there is none. Raises ScheduleStandsStill.

    The schedule's own guess is tried first, and what it leads to is proven; without a good one about 30 steps of bisection do.
    """
    found = next_after(schedule, after)
    if found is None or found > until:
        return None
    guess = schedule.near(until)
    if guess is not None and found < guess < until:
        found = _later(found, next_after(schedule, guess), until)
    # invariant: `found` is due and not after `until`, and nothing in (empty, until] is due
    empty = until
    while True:
        following = next_after(schedule, found)
        if following is None or following > until or found >= empty:
            return found
        middle = following + timedelta(seconds=(empty - following) // timedelta(seconds=2))
        found = _later(following, next_after(schedule, middle), until)
        if found == following:
            empty = middle


def _later(found: datetime, candidate: datetime | None, until: datetime) -> datetime:
    return found if candidate is None or candidate > until else max(found, candidate)


def newest_few(schedule: Schedule, after: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
    """The newest `limit` of the due instants in (after, until], oldest first. Raises ScheduleStandsStill."""
    total = count(schedule, after, until)
    if total <= limit:
        return due(schedule, after, until, limit)
    low, high = after, until  # more than `limit` lie in (low, until], at most `limit` in (high, until]
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if count(schedule, middle, until) > limit:
            low = middle
        else:
            high = middle
    return due(schedule, high, until, limit)
