"""Cron expressions in a time zone: labels are walked in local time by `cronfields`, the zone rule of cron(8) is here.

The rule (cron(8), Vixie's MIN_STAR and HR_STAR):

- *fixed* (neither minute nor hour begins with `*`): a label in a gap lands on the first instant after it, once however many
  labels fall there; a label in an overlap means its first occurrence; a gap over three hours (a skipped day) makes nothing;
- *wild*: an instant is due when the wall shows a label that matches: never in a gap, twice in an overlap.

What cron(8) does not have, `L` and `#`, is walked by croniter, which made it known. It only ever sees naive times: given aware ones
it is wrong around a zone's changes (twice in an overlap, an invented instant after a gap).
"""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from octojobs.core.cronfields import SEARCH_YEARS, CronFields
from octojobs.core.cronsyntax import LAST, CronError, check, members
from octojobs.core.zones import UnknownZone, instants_of, landing, second_pass, zone

if TYPE_CHECKING:
    from croniter import croniter

_SECOND = timedelta(seconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Cron:
    """A parsed expression in a zone; immutable in what it answers. Make one with `Cron.parse`, which shares them."""

    __slots__ = ("_memo", "_walker", "expression", "fields", "is_wild", "tz")

    def __init__(self, expression: str, tz: ZoneInfo) -> None:
        fields = check(expression)
        minute, hour, *_ = fields.split()
        self.expression = expression
        self.tz = tz
        self.is_wild = minute.startswith("*") or hour.startswith("*")
        self.fields = CronFields.of(fields, members(fields))
        special = self.fields.nth or (self.fields.days and LAST in self.fields.days)
        self._walker = _croniter(fields) if special else None
        self._memo: tuple[datetime, datetime | None] | None = None

    def __repr__(self) -> str:
        return f"Cron.parse({self.expression!r}, {self.tz.key!r})"

    @staticmethod
    def parse(expression: str, zone_name: str = "UTC") -> Cron:
        """The expression in the zone; raises CronError when it is malformed, never fires, or the zone is unknown.

        >>> Cron.parse("30 2 * * *", "Europe/Berlin").next_after(datetime(2026, 3, 28, 12, tzinfo=UTC))
        datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc)
        """
        return _parse(expression, zone_name)

    def next_after(self, t: datetime) -> datetime | None:
        """The first due instant strictly later than `t`, in UTC; None when there is none within 40 years.

        Consecutive calls between two instants are answered from the last answer: what is asked of idle jobs costs nothing.
        """
        memo = self._memo  # one attribute read: another thread may replace it, never change it
        if memo is not None and memo[0] <= t and (memo[1] is None or t < memo[1]):
            return memo[1]
        at = t.astimezone(UTC)
        found = _search(self, at)
        self._memo = (at, found)
        return found

    def search(self, t: datetime) -> datetime | None:
        """As `next_after`, from scratch."""
        try:
            return self._next_wild(t) if self.is_wild else self._next_fixed(t)
        except (OverflowError, ValueError):  # beyond what the calendar holds (year 9999)
            return None

    def _next_fixed(self, t: datetime) -> datetime | None:
        label = self._label_after(_wall(t, self.tz))
        while label is not None:
            at = landing(label, self.tz)
            # a label of the second pass lands in the first one: it is over
            if at is not None and at > t:
                return at
            label = self._label_after(label)
        return None

    def _next_wild(self, t: datetime) -> datetime | None:
        found = self._first_from(_wall(t, self.tz), t)
        turn = second_pass(t, self.tz)
        if turn is None or (found is not None and found < turn):
            return found
        # nothing more in the first pass of an overlap: the wall goes back, and earlier labels come again
        again = self._first_from(_wall(turn, self.tz) - _SECOND, turn - _SECOND)
        return min((at for at in (found, again) if at is not None), default=None)

    def _first_from(self, wall: datetime, t: datetime) -> datetime | None:
        label = self._label_after(wall)
        while label is not None:
            for at in instants_of(label, self.tz):
                if at > t:
                    return at
            label = self._label_after(label)
        return None

    def _label_after(self, label: datetime) -> datetime | None:
        return self.fields.label_after(label) if self._walker is None else _walked(self._walker, label)


def _croniter(fields: str) -> croniter[datetime]:
    from croniter import CroniterBadCronError, croniter  # 35 ms that most files don't pay

    epoch = _EPOCH.replace(tzinfo=None)
    try:
        return croniter(fields, epoch, ret_type=datetime, implement_cron_bug=True, max_years_between_matches=SEARCH_YEARS)
    except CroniterBadCronError as error:  # ours is the stricter grammar: this is a second lock on the same door
        raise CronError(f"croniter refuses it: {error}", 0, "use plain cron(8) fields") from None


def _walked(walker: croniter[datetime], label: datetime) -> datetime | None:
    from croniter import CroniterBadDateError  # as above

    walker = copy.copy(walker)  # the copy holds the place: the shared one is never moved, so threads don't meet
    try:
        return walker.get_next(datetime, start_time=label)
    except CroniterBadDateError:
        return None


@lru_cache(maxsize=8192)
def _search(cron: Cron, t: datetime) -> datetime | None:
    """The same question about the same expression, for each of the jobs that share it."""
    return cron.search(t)


def _wall(t: datetime, tz: ZoneInfo) -> datetime:
    return t.astimezone(tz).replace(tzinfo=None, fold=0)


@lru_cache(maxsize=65_536)
def _parse(expression: str, zone_name: str) -> Cron:
    try:
        tz = zone(zone_name)
    except UnknownZone as error:
        raise CronError(error.what, 0, error.fix) from None
    cron = Cron(expression, tz)
    if cron.fields.may_never_match and cron.next_after(_EPOCH) is None:
        day_of_month = list(re.finditer(r"\S+", expression))[2]
        raise CronError(f'"{expression}" never fires', day_of_month.start(), f"name a date that comes round within {SEARCH_YEARS} years")
    return cron
