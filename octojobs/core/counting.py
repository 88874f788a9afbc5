"""How many due instants cron expressions have in a stretch of time, by arithmetic: decades cost milliseconds.

Time is cut at the zone's changes. Between two of them the offset is constant, so instants are labels, and a local day holds as many
as its matching expressions have minutes. What the zone rule adds or drops is arithmetic on labels too: an overlap's second pass counts
for wild expressions only, and a gap's fixed labels count once, at its end.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from octojobs.core.cron import Cron
from octojobs.core.zones import CORRECTION, Change, changes, offset_at

_SECOND = timedelta(seconds=1)
_LONGEST_REPEAT = timedelta(days=2)
"""No zone's clocks ever went back by more: what happened before can't reach into the stretch that is counted."""
_DAY_MINUTES = 24 * 60


def count_instants(crons: Sequence[Cron], after: datetime, until: datetime) -> int:
    """The number of distinct due instants in (after, until] of expressions of one zone; O(days), about a microsecond each.

    >>> count_instants([Cron.parse("* * * * *")], datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
    21038400
    """
    if not crons or until <= after:
        return 0
    tz = crons[0].tz
    fixed, wild = [cron for cron in crons if not cron.is_wild], [cron for cron in crons if cron.is_wild]
    # instants are whole seconds: (after, until] is [first, stop) with both a second later
    first, stop = (at.astimezone(UTC).replace(microsecond=0) + _SECOND for at in (after, until))
    since = repeated = first - _LONGEST_REPEAT
    offset = offset_at(since, tz)
    total = 0
    for change in (*changes(tz, since, stop - _SECOND), None):
        end = change.at if change else stop
        start = max(since, first)
        middle = min(max(start, repeated), end)
        total += _count_labels(wild, start, middle, offset) + _count_labels(crons, middle, end, offset)
        if change:
            if change.at >= first:
                total += _made_up(fixed, crons, change)
            since, offset = change.at, change.after
            repeated = change.at + (change.before - change.after)
    return total


def _made_up(fixed: Sequence[Cron], crons: Sequence[Cron], change: Change) -> int:
    """1 when fixed labels fell into the gap and its end is not due anyway, else 0."""
    gap = change.after - change.before
    if not timedelta() < gap <= CORRECTION:
        return 0
    fell_in = _count_labels(fixed, change.at, change.at + gap, change.before)
    due_anyway = _count_labels(crons, change.at, change.at + _SECOND, change.after)
    return int(fell_in > 0 and due_anyway == 0)


def _count_labels(crons: Sequence[Cron], start: datetime, stop: datetime, offset: timedelta) -> int:
    """Distinct labels of the expressions in [start, stop), where the zone's offset is constant."""
    if not crons or start >= stop:
        return 0
    first_day, first_minute = _label(start + offset)
    last_day, last_minute = _label(stop + offset)
    if first_day == last_day:
        return _count_in_day(crons, first_day, first_minute, last_minute)
    return (
        _count_in_day(crons, first_day, first_minute, _DAY_MINUTES)
        + _count_days(crons, first_day + 1, last_day)
        + _count_in_day(crons, last_day, 0, last_minute)
    )


def _label(wall: datetime) -> tuple[int, int]:
    """The day's ordinal and the first whole minute of that day at or after the wall time (1440 for the next midnight)."""
    seconds = wall.hour * 3600 + wall.minute * 60 + wall.second
    return wall.toordinal(), -(-seconds // 60)


def _count_in_day(crons: Sequence[Cron], day: int, low: int, high: int) -> int:
    minutes = _minutes_of([cron for cron in crons if cron.fields.matches(date.fromordinal(day))])
    return bisect_left(minutes, high) - bisect_left(minutes, low)


def _count_days(crons: Sequence[Cron], first: int, stop: int) -> int:
    if all(cron.fields.is_daily for cron in crons):
        return (stop - first) * len(_minutes_of(crons))
    days = map(date.fromordinal, range(first, stop))
    if len(crons) == 1:
        return sum(crons[0].fields.matches(day) for day in days) * len(crons[0].fields.minutes)
    sizes: dict[tuple[Cron, ...], int] = {}
    total = 0
    for day in days:
        matching = tuple(cron for cron in crons if cron.fields.matches(day))
        if matching not in sizes:
            sizes[matching] = len(_minutes_of(matching))
        total += sizes[matching]
    return total


def _minutes_of(crons: Sequence[Cron]) -> Sequence[int]:
    if len(crons) == 1:
        return crons[0].fields.minutes
    return sorted({minute for cron in crons for minute in cron.fields.minutes})
