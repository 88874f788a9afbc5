"""An independent, slow reading of cron(8): walk every UTC minute, look at the wall, apply the manual's sentences one by one.

It shares no code with the product: neither croniter nor the zone arithmetic, only zoneinfo's conversion of a UTC instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
THREE_HOURS = timedelta(hours=3)
LOOK_BACK = timedelta(hours=12)
"""What the wall has shown already decides what an overlap's second pass may do; since 1970 no zone went back by more than seven hours."""
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@dataclass(frozen=True)
class Expression:
    """The sets of a five-field expression of numbers, as Vixie's entry.c builds them."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    minute_or_hour_star: bool
    day_star: bool

    @classmethod
    def read(cls, text: str) -> Expression:
        """The expression; numbers, `*`, ranges, steps and lists only."""
        words = text.split()
        minutes, hours, days, months, weekdays = (_set(word, *bounds) for word, bounds in zip(words, RANGES, strict=True))
        return cls(
            minutes,
            hours,
            days,
            months,
            frozenset(day % 7 for day in weekdays),
            words[0].startswith("*") or words[1].startswith("*"),
            words[2].startswith("*") or words[4].startswith("*"),
        )

    def matches(self, label: datetime) -> bool:
        """Whether the wall's minute matches; either day field when neither begins with `*`, else both."""
        if label.minute not in self.minutes or label.hour not in self.hours or label.month not in self.months:
            return False
        day, weekday = label.day in self.days, label.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.day_star else (day or weekday)


def _set(word: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for item in word.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if first == "*" else (int(first), int(last or (high if step else first)))
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


@dataclass(frozen=True)
class Wall:
    """What the wall shows at each UTC minute of a stretch, and of the hours before it."""

    minutes: Sequence[tuple[datetime, datetime]]
    start: datetime
    end: datetime

    @classmethod
    def between(cls, zone: str, start: datetime, end: datetime) -> Wall:
        """Every minute of [start, end], after those of the look back."""
        tz = ZoneInfo(zone)
        count = (end - start + LOOK_BACK) // MINUTE + 1
        instants = (start - LOOK_BACK + k * MINUTE for k in range(count))
        return cls([(at, at.astimezone(tz).replace(tzinfo=None, fold=0)) for at in instants], start, end)

    def due(self, expression: Expression) -> list[datetime]:
        """The due instants in (start, end]."""
        found = self._wild(expression) if expression.minute_or_hour_star else self._fixed(expression)
        return [at for at in found if at > self.start]

    def _wild(self, expression: Expression) -> Iterator[datetime]:
        """Jobs that run more frequently are scheduled normally."""
        for at, label in self.minutes:
            if expression.matches(label):
                yield at

    def _fixed(self, expression: Expression) -> Iterator[datetime]:
        """Forward: those that would have run in the skipped interval run at once. Backward: nothing runs a second time."""
        seen_until = self.minutes[0][1]
        for at, label in self.minutes[1:]:
            if label <= seen_until:
                continue
            skipped = label - seen_until - MINUTE
            labels = [label]
            if skipped <= THREE_HOURS:
                labels += [seen_until + k * MINUTE for k in range(1, skipped // MINUTE + 1)]
            if any(expression.matches(one) for one in labels):
                yield at
            seen_until = label


def at(text: str) -> datetime:
    """An aware UTC instant from `2026-03-29T01:00Z`."""
    return datetime.fromisoformat(text).astimezone(UTC)
