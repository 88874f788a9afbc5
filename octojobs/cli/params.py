"""Values on the command line that are more than text: instants, durations, ages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from octojobs.core.codec import NotDecodable, parse_instant
from octojobs.core.durations import InvalidDuration, TooLong, parse_duration
from octojobs.core.zones import UnknownZone, zone
from octojobs.engine.clock import SystemClock

FIRST_YEAR, LAST_YEAR = 1970, 9998
"""Beyond them the arithmetic of instants ends, and no job was ever due."""


class Instant(click.ParamType[datetime]):
    """An RFC 3339 instant with its offset, such as 2026-11-20T10:00Z."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """An aware UTC datetime."""
        if isinstance(value, datetime):
            return value
        try:
            return _within(parse_instant(value))
        except NotDecodable as error:
            self.fail(f"{error}; write it with its offset, such as 2026-11-20T10:00Z", param, ctx)
        except OverflowError:
            self.fail(_outside(value), param, ctx)


class Duration(click.ParamType[timedelta]):
    """A duration as in the jobs file: 90, 2m, 1h30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span, at least a second."""
        if isinstance(value, timedelta):
            return value
        try:
            seconds = parse_duration(value)
        except InvalidDuration as error:
            self.fail(str(error), param, ctx)
        if seconds < 1:
            self.fail(f"{value} is no time at all; write 1s or more", param, ctx)
        return timedelta(seconds=seconds)


class Age(click.ParamType[datetime]):
    """An instant, or how long ago: 2026-11-20T10:00Z, 2h."""

    name = "instant|duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """An aware UTC datetime."""
        if isinstance(value, datetime):
            return value
        try:
            return _within(parse_instant(value))
        except NotDecodable:
            pass  # a duration, then
        except OverflowError:
            self.fail(_outside(value), param, ctx)
        try:
            return SystemClock().now() - timedelta(seconds=parse_duration(value))
        except TooLong as error:
            self.fail(str(error), param, ctx)
        except InvalidDuration:
            self.fail(f"{value!r} is neither an instant nor a duration; write 2026-11-20T10:00Z or 2h", param, ctx)


class Zone(click.ParamType[str]):
    """The IANA name of a time zone, such as Europe/Berlin."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as the zone spells it."""
        try:
            return zone(value).key
        except UnknownZone as error:
            self.fail(str(error), param, ctx)


class Number(click.IntRange):
    """A whole number, from `min` to `max` (None: any)."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number; write one{self._span()}", param, ctx)
        if (self.min is not None and number < self.min) or (self.max is not None and number > self.max):
            self.fail(f"{number} is out of range; write a whole number{self._span()}", param, ctx)
        return number

    def _span(self) -> str:
        return f" from {self.min} to {self.max}" if self.max is not None else f" from {self.min} on"


def _within(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise OverflowError
    return at


def _outside(value: str) -> str:
    return f"{value!r} is outside the years {FIRST_YEAR} to {LAST_YEAR}"


INSTANT, DURATION, AGE = Instant(), Duration(), Age()
ZONE = Zone()
