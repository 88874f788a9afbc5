"""What a cron expression says about dates and minutes, the zone left aside: which days match, and which label comes next."""

from __future__ import annotations

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

from octojobs.core.cronsyntax import LAST, Members
from octojobs.slotted import dataclass

SEARCH_YEARS = 40
"""How far a next instant is looked for: 29 February on a given weekday comes round within 40 years, across 2100 too."""

_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, in a leap year."""
_ALL_DAYS = frozenset(range(1, 32))
_WEEK = frozenset(range(7))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CronFields:
    """The five fields as sets. `minutes` are those of a day, sorted; `days` and `weekdays` are None where all match.

    A day may be `LAST`, and `nth` has the weeks of a month (1-5, or `LAST`) for the weekdays that have some.
    """

    minutes: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int | str] | None
    weekdays: frozenset[int] | None
    nth: Mapping[int, frozenset[int | str]]
    joins_days_by_or: bool

    @classmethod
    def of(cls, fields: str, members: Members) -> CronFields:
        """From the five fields, as `cronsyntax.check` gives them, and what they stand for."""
        words = fields.split()
        # "Restricted" is a field that does not begin with `*`, whatever it says: `1-31` is, and with it every day matches (cron(8)).
        either = not (words[2].startswith("*") or words[4].startswith("*"))
        days = None if members.days >= _ALL_DAYS else frozenset(members.days)
        weekdays = None if members.weekdays >= _WEEK and not members.nth else frozenset(members.weekdays)
        if either and (days is None or weekdays is None):
            days = weekdays = None
        return cls(
            tuple(sorted(hour * 60 + minute for hour in members.hours for minute in members.minutes)),
            frozenset(members.months),
            days,
            weekdays,
            members.nth,
            joins_days_by_or=either and days is not None,
        )

    @property
    def is_daily(self) -> bool:
        """Whether every day matches."""
        return self.days is None and self.weekdays is None and len(self.months) == 12

    @property
    def may_never_match(self) -> bool:
        """Whether days and months are both restricted, in a way that makes it unclear whether there is such a date."""
        if len(self.months) == 12 or self.joins_days_by_or or (self.days is None and not self.nth):
            return False
        if self.days is None or self.nth or self.weekdays is not None:
            return True
        return all(day != LAST and int(day) > _LONGEST[month - 1] for day in self.days for month in self.months)

    def matches(self, day: date) -> bool:
        """Whether the day fields match: either of them when both are restricted, else both. Source: cron(8), Vixie."""
        if day.month not in self.months:
            return False
        in_month = self.days is None or day.day in self.days or (LAST in self.days and day.day == _last_day(day))
        in_week = self.weekdays is None or self._matches_weekday(day)
        if self.joins_days_by_or:
            return in_month or in_week
        return in_month and in_week

    def label_after(self, label: datetime) -> datetime | None:
        """The first wall time later than this one that matches; None when there is none within SEARCH_YEARS.

        Raises OverflowError beyond year 9999.
        """
        day = label.date()
        position = bisect_right(self.minutes, label.hour * 60 + label.minute)
        if position < len(self.minutes) and self.matches(day):
            return _label(day, self.minutes[position])
        for later in self._days_of_months(day + _DAY):
            if self.matches(later):
                return _label(later, self.minutes[0])
        return None

    def label_at_or_before(self, wall: datetime, most_days: int) -> datetime | None:
        """The last matching wall time at or before this one; None when there is none within so many days."""
        day, minute = wall.date(), wall.hour * 60 + wall.minute
        for back in range(most_days):
            candidate = day - timedelta(days=back)
            position = bisect_right(self.minutes, minute) if back == 0 else len(self.minutes)
            if position and self.matches(candidate):
                return _label(candidate, self.minutes[position - 1])
        return None

    def _days_of_months(self, day: date) -> Iterator[date]:
        """The days from this one on that are in one of the months."""
        end = day.year + SEARCH_YEARS
        while day.year <= end:
            if day.month in self.months:
                yield day
                day += _DAY
            else:
                day = (day.replace(day=28) + 4 * _DAY).replace(day=1)

    def _matches_weekday(self, day: date) -> bool:
        weekday = day.isoweekday() % 7
        if weekday not in (self.weekdays or ()):
            return False
        if not self.nth:
            return True
        wanted = self.nth[weekday]
        return (day.day + 6) // 7 in wanted or (LAST in wanted and day.day + 7 > _last_day(day))


def _label(day: date, minute: int) -> datetime:
    return datetime.combine(day, time(minute // 60, minute % 60))


def _last_day(day: date) -> int:
    return monthrange(day.year, day.month)[1]
