"""Time zones: names, and how local labels and instants map onto each other around a zone's changes.

A *label* is a naive local date and time, what a clock on the wall shows; an *instant* is an aware UTC datetime.
Arithmetic is done on labels or on UTC instants, never on aware local datetimes: Python compares two of one zone by wall time.
"""

from __future__ import annotations

import zoneinfo
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import cache, lru_cache

from octojobs.slotted import dataclass

CORRECTION = timedelta(hours=3)
"""cron(8): changes of more than three hours are corrections of the clock, not daylight saving; nothing is made up for."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_NOT_PORTABLE = ("localtime", "posixrules", "Factory")
"""Names that mean something else on each host; the same definitions must mean the same everywhere."""
_UTC_FILE = b"TZif" + bytes(32) + (1).to_bytes(4) + (4).to_bytes(4) + bytes(6) + b"UTC\0"
"""RFC 8536: no transition, one type (offset 0, no daylight saving, designation 0), and its designation."""


class _Bytes:
    """Bytes to be read as if they were a file: the core imports no io."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read(self, size: int) -> bytes:
        """The next so many bytes."""
        found, self._left = self._left[:size], self._left[size:]
        return found


class UnknownZone(ValueError):
    """There is no time zone of that name; `what` and `fix` as in `errors.Problem`."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.fix = fix


@cache
def zone(name: str) -> zoneinfo.ZoneInfo:
    """The IANA zone of that name; raises UnknownZone with a suggestion. Reads the zone's file once, then it is kept.

    >>> zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    try:
        if name in _NOT_PORTABLE or name.startswith(("right/", "posix/")):
            raise KeyError(name)
        if name == "UTC":  # the default, and no file to look for: that costs the start of every hook 6 ms
            return zoneinfo.ZoneInfo.from_file(_Bytes(_UTC_FILE), key=name)  # type: ignore[arg-type]  # version 1 is not sought in
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # ZoneInfoNotFoundError is a KeyError; "Europe" is a folder, "" and "../x" are ValueErrors
        raise UnknownZone(f'there is no time zone "{name}"', _suggestion(name)) from None


def _suggestion(name: str) -> str:
    import difflib  # only for a mistake: the hook's start-up does not pay for it

    known = {key.lower(): key for key in zoneinfo.available_timezones() if key not in _NOT_PORTABLE}
    wanted = name.lower().replace(" ", "_")
    by_city = [key for lower, key in sorted(known.items()) if wanted and lower.rpartition("/")[2] == wanted]
    close = by_city or [known[lower] for lower in difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)]
    return f'did you mean "{close[0]}"?' if close else "use an IANA name such as Europe/Berlin or UTC"


def instants_of(label: datetime, tz: zoneinfo.ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which the zone's clocks show the label: none in a gap, two in an overlap, else one; oldest first.

    >>> [f"{at:%H:%M}" for at in instants_of(datetime(2026, 10, 25, 2, 30), zone("Europe/Berlin"))]
    ['00:30', '01:30']
    """
    before, after = _readings(label, tz)
    if before == after:
        return (before,)
    return (before, after) if before < after else ()


def landing(label: datetime, tz: zoneinfo.ZoneInfo) -> datetime | None:
    """Where a fixed-time job's label lands: its first instant; for a label in a gap the first instant after the gap.

    None in a gap of more than three hours, such as a day that the zone skips. Source: cron(8), "time.md".

    >>> landing(datetime(2026, 3, 29, 2, 30), zone("Europe/Berlin"))
    datetime.datetime(2026, 3, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """
    before, after = _readings(label, tz)
    if before <= after:
        return before
    return None if before - after > CORRECTION else gap_end(label, tz)


def gap_end(label: datetime, tz: zoneinfo.ZoneInfo) -> datetime:
    """The first instant after the gap that the label lies in."""
    # PEP 495: in a gap, fold=0 reads the label with the offset before it, fold=1 with the one after; the change lies between
    before, after = _readings(label, tz)
    return _change_in(after.replace(microsecond=0), before.replace(microsecond=0), tz)


def _readings(label: datetime, tz: zoneinfo.ZoneInfo) -> tuple[datetime, datetime]:
    first = label.replace(tzinfo=tz, fold=0)
    second = label.replace(tzinfo=tz, fold=1)
    naive = label.replace(tzinfo=UTC)
    return naive - _offset(first), naive - _offset(second)


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def offset_at(at: datetime, tz: zoneinfo.ZoneInfo) -> timedelta:
    """The zone's offset from UTC at an instant."""
    return _offset(at.astimezone(tz))


def _change_in(low: datetime, high: datetime, tz: zoneinfo.ZoneInfo) -> datetime:
    """The first second in (low, high] with the offset of `high`, by bisection; both are whole seconds apart."""
    old = offset_at(low, tz)
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if offset_at(middle, tz) == old:
            low = middle
        else:
            high = middle
    return high


def second_pass(at: datetime, tz: zoneinfo.ZoneInfo) -> datetime | None:
    """The instant at which an overlap's second pass begins, when `at` lies in its first pass; else None."""
    label = at.astimezone(tz).replace(tzinfo=None, fold=0)
    instants = instants_of(label, tz)
    if len(instants) < 2 or at >= instants[1]:
        return None
    return _change_in(instants[0].replace(microsecond=0), instants[1].replace(microsecond=0), tz)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a zone's offset: from instant `at` on it is `after`."""

    at: datetime
    before: timedelta
    after: timedelta


def changes(tz: zoneinfo.ZoneInfo, after: datetime, until: datetime) -> tuple[Change, ...]:
    """The zone's changes in (after, until], oldest first. Two changes within a day that cancel out are not seen: no zone has had any."""
    years = range(after.astimezone(UTC).year, until.astimezone(UTC).year + 1)
    return tuple(change for year in years for change in _changes_in_year(tz, year) if after < change.at <= until)


@lru_cache(maxsize=4096)
def _changes_in_year(tz: zoneinfo.ZoneInfo, year: int) -> tuple[Change, ...]:
    if year >= MAXYEAR:
        return ()
    at = datetime(year, 1, 1, tzinfo=UTC) - _SECOND if year > 1 else datetime(1, 1, 2, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) - _SECOND
    offset = offset_at(at, tz)
    found = []
    while at < end:
        later = min(at + _DAY, end)
        if (new := offset_at(later, tz)) != offset:
            found.append(Change(_change_in(at, later, tz), offset, new))
            offset = new
        at = later
    return tuple(found)
