"""The pace of an activity-aware interval: which of its three periods is in force when, and the instants that come of it.

A job is due as soon as so much time has passed since its last instant as the mode in force says. The mode follows from the last
activity alone: active for 10 minutes after it, idle up to an hour, then dormant; quiet hours are dormant whatever happens. So what
is known of an activity fixes all instants up to the next one, and they are written down as *pieces*, each an interval with an anchor
of its own: re-anchored at each change of mode. Source: time.md, "Activity".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from octojobs.core.when import ActivityWhen
from octojobs.core.zones import changes, zone
from octojobs.slotted import dataclass

ACTIVE_FOR = timedelta(minutes=10)
IDLE_UNTIL = timedelta(hours=1)

NEWS_AFTER = timedelta(minutes=1)
"""An activity so soon after the last one changes nothing that anybody would notice, and is not recorded."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class Mode(StrEnum):
    """How much goes on in the repository."""

    ACTIVE = "active"
    IDLE = "idle"
    DORMANT = "dormant"


@dataclass(frozen=True, slots=True)
class Piece:
    """From `start` until the next piece, due at `anchor + k·period_s`; the anchor is not before the start."""

    start: datetime
    anchor: datetime
    period_s: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What is settled about a job's instants: by which rule, after which activity (None: none is known), and the pieces, oldest first."""

    when: ActivityWhen
    timezone: str
    activity: datetime | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The instants of an interval that adapts (`core/adapt.py`), which may grow to `longest_s`; pieces, oldest first, the last in force."""

    longest_s: int | None
    pieces: tuple[Piece, ...]

    @property
    def period_s(self) -> int:
        """The interval in force, in seconds."""
        return self.pieces[-1].period_s


def mode_at(at: datetime, activity: datetime | None, quiet: tuple[int, int] | None, tz: ZoneInfo) -> Mode:
    """The mode at an instant, when nothing has happened since `activity`.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> [mode_at(noon + timedelta(minutes=m), noon, (0, 420), ZoneInfo("UTC")).value for m in (0, 10, 60)]
    ['active', 'idle', 'dormant']
    """
    if activity is None or at - activity >= IDLE_UNTIL or is_quiet(at, quiet, tz):
        return Mode.DORMANT
    return Mode.ACTIVE if at - activity < ACTIVE_FOR else Mode.IDLE


def mode_of(pace: Pace, at: datetime) -> Mode:
    """The mode in force, as far as the job was told of activity."""
    return mode_at(at, pace.activity, pace.when.quiet, zone(pace.timezone))


def first_pace(when: ActivityWhen, timezone: str, activity: datetime | None, since: datetime, last: datetime | None) -> Pace:
    """The pace from `since` on, whose last instant was `last`; None for a job that is due at once."""
    return Pace(when, timezone, activity, tuple(_pieces(when, zone(timezone), activity, since, last)))


def next_pace(pace: Pace, activity: datetime | None, cursor: datetime) -> Pace:
    """The pace after an activity, which is as it was when that is no news; instants up to `cursor` are settled.

    What fell due before the activity and is not settled yet stays due.
    """
    if activity is None or (pace.activity is not None and activity < pace.activity + NEWS_AFTER):
        return pace
    since = max(activity, cursor + _SECOND)
    kept, last = before(pace.pieces, since, cursor)
    fresh = list(_pieces(pace.when, zone(pace.timezone), activity, since, last))
    if kept and _goes_on(kept[-1], fresh[0]):
        del fresh[0]
    return replace(pace, activity=activity, pieces=(*kept, *fresh))


def before(pieces: Sequence[Piece], since: datetime, cursor: datetime) -> tuple[list[Piece], datetime]:
    """The pieces that begin before `since`, without those that are settled; and the last instant before it."""
    begun = [piece for piece in pieces if piece.start < since]
    lasts = [_last_before(piece, end) for piece, end in zip(begun, [*(piece.start for piece in begun[1:]), since], strict=True)]
    last = next((at for at in reversed(lasts) if at is not None), cursor)
    needed = min(last, cursor)
    ends = [*(piece.start for piece in begun[1:]), since]
    return [piece for piece, end in zip(begun, ends, strict=True) if end > needed], last


def _last_before(piece: Piece, end: datetime) -> datetime | None:
    """The piece's newest instant before `end`."""
    if piece.anchor >= end:
        return None
    period = timedelta(seconds=piece.period_s)
    return piece.anchor + (end - _SECOND - piece.anchor) // period * period


def _goes_on(before: Piece, after: Piece) -> bool:
    """Whether the second piece has the instants that the first one would have."""
    ahead = after.anchor - before.anchor
    return before.period_s == after.period_s and ahead >= timedelta() and not ahead % timedelta(seconds=before.period_s)


def _pieces(when: ActivityWhen, tz: ZoneInfo, activity: datetime | None, since: datetime, last: datetime | None) -> Iterator[Piece]:
    """A piece for each stretch of one mode from `since` on; the last one is dormant and has no end."""
    start: datetime | None = since
    while start is not None:
        mode = mode_at(start, activity, when.quiet, tz)
        period_s = {Mode.ACTIVE: when.active_s, Mode.IDLE: when.idle_s, Mode.DORMANT: when.dormant_s}[mode]
        anchor = start if last is None else max(start, last + timedelta(seconds=period_s))
        piece = Piece(start, anchor, period_s)
        yield piece
        start = _next_change(start, mode, when, activity, tz)
        if start is not None:
            last = _last_before(piece, start) or last


def _next_change(after: datetime, mode: Mode, when: ActivityWhen, activity: datetime | None, tz: ZoneInfo) -> datetime | None:
    """When the mode becomes another one if nothing happens; None for never."""
    if activity is None or after >= activity + IDLE_UNTIL:
        return None
    ends = activity + IDLE_UNTIL
    candidates = [activity + ACTIVE_FOR, ends, *quiet_edges(after, ends, when.quiet, tz)]
    return next((at for at in sorted(candidates) if at > after and mode_at(at, activity, when.quiet, tz) is not mode), None)


def quiet_edges(after: datetime, until: datetime, quiet: tuple[int, int] | None, tz: ZoneInfo) -> Iterator[datetime]:
    """Instants in or near (after, until] at which quiet hours may begin or end: their labels, and the zone's own changes."""
    if quiet is None:
        return
    yield from (change.at for change in changes(tz, after, until))
    day = after.astimezone(tz).date() - _DAY
    for _ in range(3):
        for minutes in quiet:
            label = datetime.combine(day, time(minutes // 60 % 24, minutes % 60), tzinfo=tz)
            yield from (label.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        day += _DAY


def is_quiet(at: datetime, quiet: tuple[int, int] | None, tz: ZoneInfo) -> bool:
    """As `between` says it: the wall clock alone counts, and the span may cross midnight."""
    if quiet is None:
        return False
    local = at.astimezone(tz)
    start, end = quiet
    minute = local.hour * 60 + local.minute
    return start <= minute < end if start < end else minute >= start or minute < end
