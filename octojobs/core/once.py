"""The instant that an `@once` entry of a schedule names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from octojobs.core.cronsyntax import CronError
from octojobs.core.zones import UnknownZone, gap_end, instants_of, zone

_ONCE = re.compile(r"\s*@once\b\s*", re.IGNORECASE)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def is_once(entry: str) -> bool:
    """Whether the entry of a `schedule` is an `@once`, well-formed or not."""
    return _ONCE.match(entry) is not None


def once_instant(entry: str, zone_name: str, *, strict: bool = True) -> datetime:
    """The UTC instant of `@once 2026-05-15T10:00Z`; without an offset it is in the zone, the first occurrence in an overlap.

    In a gap it is refused when `strict`; else (the zone's rules changed since it was declared) it is the first instant after.
    Raises CronError, its offset into `entry`. Source: time.md's table.

    >>> once_instant("@once 2026-05-15T10:00", "Europe/Berlin")
    datetime.datetime(2026, 5, 15, 8, 0, tzinfo=datetime.timezone.utc)
    """
    once = _ONCE.match(entry)
    assert once is not None, f"{entry!r} is no @once"
    text, start = entry[once.end() :].strip(), once.end()
    label = _label(text, start)
    if label.tzinfo is not None:
        return label.astimezone(UTC)
    tz = _zone(zone_name)
    instants = instants_of(label, tz)
    if instants:
        return instants[0]
    if strict:
        fix = "name another time, or one with its offset from UTC"
        raise CronError(f"{text} does not exist in {zone_name}: the clocks skip it", start, fix)
    return gap_end(label, tz)


def _label(text: str, start: int) -> datetime:
    if _INSTANT.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # such as 31 February: said below
    raise CronError(f'"{text}" is not an instant', start, "write @once 2026-05-15T10:00Z, or without the Z for the job's time zone")


def _zone(name: str) -> ZoneInfo:
    try:
        return zone(name)
    except UnknownZone as error:
        raise CronError(error.what, 0, error.fix) from None
