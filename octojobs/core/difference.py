"""What a changed definition does to a job's due instants within a span: which come, which go, and which move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from octojobs.core.due import count, due
from octojobs.core.schedule import Never, Schedule
from octojobs.slotted import dataclass

MOST_COMPARED = 20_000
"""Instants of one job that are looked at one by one: every minute of a fortnight. Beyond it only their number is compared."""

_LONGEST_DAY = timedelta(hours=27)
"""A local day with its clock set back by three hours."""


@dataclass(frozen=True, slots=True)
class Move:
    """An instant that goes, and the one of the same local day that comes in its place."""

    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """The instants of a job in (after, until] before a change and after it.

    `before` and `after` are their numbers in the whole span. `added`, `removed` and `moved` (into the span, within it, or out of
    it), oldest first, are those up to `compared_until`, which is None where that is the whole span.
    """

    before: int
    after: int
    added: tuple[datetime, ...] = ()
    removed: tuple[datetime, ...] = ()
    moved: tuple[Move, ...] = ()
    compared_until: datetime | None = None

    @property
    def is_none(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.removed or self.moved or self.before != self.after)


@dataclass(frozen=True, slots=True)
class Side:
    """A job's schedule on one side of a change; instants up to `cursor` are none of its business."""

    schedule: Schedule
    cursor: datetime


ABSENT = Never()


def difference(before: Side, after: Side, until: datetime, zone: ZoneInfo) -> Difference:
    """What changes up to `until`; days, within which an instant counts as moved, are those of `zone`.

    Of a day's instants that go and come, the first that goes moves to the first that comes, and so on: moved = min(gone, come).

    >>> from datetime import UTC
    >>> from octojobs.core.schedule import Once
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> early, late = (Side(Once(noon + timedelta(hours=hours)), noon) for hours in (1, 2))
    >>> [(f"{move.before:%H}", f"{move.after:%H}") for move in difference(early, late, noon + timedelta(days=1), ZoneInfo("UTC")).moved]
    [('13', '14')]
    """
    numbers = count(before.schedule, before.cursor, until), count(after.schedule, after.cursor, until)
    # To the end of the last day: what moves out of the span, or into it, is no instant that goes or comes.
    last_day = until.astimezone(zone).toordinal()
    old, new = (due(side.schedule, side.cursor, until + _LONGEST_DAY, MOST_COMPARED) for side in (before, after))
    # Where a side was cut, what the other has beyond that would look as if it came or went.
    end = min((side[-1] for side in (old, new) if len(side) == MOST_COMPARED and side[-1] < until), default=None)
    gone, come = ([at for at in side if (end is None or at <= end) and at.astimezone(zone).toordinal() <= last_day] for side in (old, new))
    both = set(gone) & set(come)
    added, removed, moved = _paired([at for at in gone if at not in both], [at for at in come if at not in both], zone)
    return Difference(
        *numbers,
        tuple(at for at in added if at <= until),
        tuple(at for at in removed if at <= until),
        tuple(move for move in moved if min(move.before, move.after) <= until),
        end,
    )


def _paired(
    gone: Sequence[datetime], come: Sequence[datetime], zone: ZoneInfo
) -> tuple[tuple[datetime, ...], tuple[datetime, ...], tuple[Move, ...]]:
    leaves, arrives = dict(_by_day(gone, zone)), dict(_by_day(come, zone))
    added: list[datetime] = []
    removed: list[datetime] = []
    moved: list[Move] = []
    for day in sorted({*leaves, *arrives}):
        out, into = leaves.get(day, []), arrives.get(day, [])
        common = min(len(out), len(into))
        moved += [Move(*pair) for pair in zip(out[:common], into[:common], strict=True)]
        removed += out[common:]
        added += into[common:]
    return tuple(added), tuple(removed), tuple(moved)


def _by_day(instants: Sequence[datetime], zone: ZoneInfo) -> Iterator[tuple[int, list[datetime]]]:
    """The instants of each local day, by its ordinal; a day that the clock enters twice is one."""
    days: dict[int, list[datetime]] = {}
    for day, members in groupby(instants, key=lambda at: at.astimezone(zone).toordinal()):
        days.setdefault(day, []).extend(members)
    yield from days.items()
