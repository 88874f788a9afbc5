"""Schedules: when a job falls due, as values that answer "what comes after t" and "how many lie between".

All instants are aware UTC datetimes on whole seconds. The kinds, with their formulas:
interval `anchor + k·period`, k ≥ 0 · after `last end + delay` · `@once` · cron (`core/cron.py`) · a union of these · never.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from octojobs.core.counting import count_instants
from octojobs.core.cron import Cron
from octojobs.core.job import Job
from octojobs.core.once import is_once, once_instant
from octojobs.core.pace import Piece
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, JobWhen, ManualWhen, RefWhen, ScheduleWhen, TagWhen, TaskWhen
from octojobs.slotted import dataclass

_SECOND = timedelta(seconds=1)
_A_YEAR_OF_DAYS = 367


class Schedule(Protocol):
    """What a job's `when` comes to."""

    def next_after(self, t: datetime) -> datetime | None:
        """The first due instant strictly later than `t`, UTC, whole seconds; None for never."""
        ...

    def count(self, after: datetime, until: datetime) -> int:
        """The number of due instants in (after, until], by arithmetic."""
        ...

    def near(self, until: datetime) -> datetime | None:
        """A guess at an instant just before the newest due one up to `until`, so that it is found at once; None for no idea.

        Only speed rests on it: `due.newest` proves what it finds.
        """
        ...


@dataclass(frozen=True, slots=True)
class Interval:
    """`anchor + k·period_s` for k = 0, 1, …: no drift, and whoever knows the anchor computes the same instants."""

    anchor: datetime
    period_s: int

    def next_after(self, t: datetime) -> datetime | None:
        """The first instant later than `t`; the anchor itself when `t` is before it."""
        return _moved(self.anchor, self._settled(t) * self.period_s)

    def count(self, after: datetime, until: datetime) -> int:
        """The difference of two floors."""
        return max(0, self._settled(until) - self._settled(after))

    def near(self, until: datetime) -> datetime | None:
        """The second before the newest instant."""
        return self.anchor + timedelta(seconds=(self._settled(until) - 1) * self.period_s) - _SECOND

    def _settled(self, t: datetime) -> int:
        """How many instants lie at or before `t`."""
        return max(0, (t - self.anchor) // timedelta(seconds=self.period_s) + 1)


@dataclass(frozen=True, slots=True)
class Once:
    """One instant: `@once`, and `after`, whose instant is known once the previous run has ended."""

    at: datetime

    def next_after(self, t: datetime) -> datetime | None:
        """The instant while it is still to come."""
        return self.at if t < self.at else None

    def count(self, after: datetime, until: datetime) -> int:
        """1 or 0."""
        return int(after < self.at <= until)

    def near(self, until: datetime) -> datetime | None:
        """The second before it."""
        return self.at - _SECOND


@dataclass(frozen=True, slots=True)
class Never:
    """Due only when asked, or when something happens."""

    def next_after(self, t: datetime) -> datetime | None:
        """None."""
        return None

    def count(self, after: datetime, until: datetime) -> int:
        """0."""
        return 0

    def near(self, until: datetime) -> datetime | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class CronTimes:
    """Cron expressions of one zone; an instant of two of them is one instant."""

    crons: tuple[Cron, ...]

    def next_after(self, t: datetime) -> datetime | None:
        """The earliest of the expressions' next instants."""
        return _earliest(cron.next_after(t) for cron in self.crons)

    def count(self, after: datetime, until: datetime) -> int:
        """Distinct instants, by day arithmetic."""
        return count_instants(self.crons, after, until)

    def near(self, until: datetime) -> datetime | None:
        """The second before the latest label: wrong only around a change of the zone."""
        if not self.crons:
            return None
        wall = until.astimezone(self.crons[0].tz).replace(tzinfo=None, fold=0)
        labels = [label for cron in self.crons if (label := cron.fields.label_at_or_before(wall, _A_YEAR_OF_DAYS)) is not None]
        return until - (wall - max(labels)) - _SECOND if labels else None


@dataclass(frozen=True, slots=True)
class Union:
    """Cron expressions and single instants together; the single ones are distinct and few."""

    crons: CronTimes
    instants: tuple[Once, ...]

    def next_after(self, t: datetime) -> datetime | None:
        """The earliest of the parts' next instants."""
        return _earliest((self.crons.next_after(t), *(once.next_after(t) for once in self.instants)))

    def count(self, after: datetime, until: datetime) -> int:
        """Those of the expressions, and the single ones that no expression has."""
        alone = (once for once in self.instants if not self.crons.count(once.at - _SECOND, once.at))
        return self.crons.count(after, until) + sum(once.count(after, until) for once in alone)

    def near(self, until: datetime) -> datetime | None:
        """The latest guess that is not past."""
        guesses = (once.near(until) for once in self.instants if once.at <= until)
        return max((at for at in (self.crons.near(until), *guesses) if at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Paced:
    """Intervals one after the other: those of an activity-aware interval, as far as its activity is known, or of one that adapts."""

    pieces: tuple[Piece, ...]

    def next_after(self, t: datetime) -> datetime | None:
        """The first instant of the first piece that has a later one."""
        for interval, start, end in self._parts():
            found = interval.next_after(max(t, start - _SECOND))
            if found is not None and (end is None or found < end):
                return found
        return None

    def count(self, after: datetime, until: datetime) -> int:
        """The sum over the pieces."""
        total = 0
        for interval, start, end in self._parts():
            total += interval.count(max(after, start - _SECOND), until if end is None else min(until, end - _SECOND))
        return total

    def near(self, until: datetime) -> datetime | None:
        """The guess of the newest piece that has begun by then."""
        begun = [interval for interval, _, _ in self._parts() if interval.anchor <= until]
        return begun[-1].near(until) if begun else None

    def _parts(self) -> Iterator[tuple[Interval, datetime, datetime | None]]:
        """Each piece as an interval, with its beginning and its end."""
        for place, piece in enumerate(self.pieces, 1):
            end = self.pieces[place].start if place < len(self.pieces) else None
            yield Interval(piece.anchor, piece.period_s), piece.start, end


@dataclass(frozen=True, slots=True)
class Jittered:
    """Another schedule, each instant later by the same number of seconds."""

    base: Schedule
    offset_s: int

    def next_after(self, t: datetime) -> datetime | None:
        """`base.next_after(t - offset) + offset`."""
        found = self.base.next_after(_moved(t, -self.offset_s) or t)
        return None if found is None else _moved(found, self.offset_s)

    def count(self, after: datetime, until: datetime) -> int:
        """The base's, both ends moved back."""
        return self.base.count(_moved(after, -self.offset_s) or after, _moved(until, -self.offset_s) or until)

    def near(self, until: datetime) -> datetime | None:
        """The base's, moved."""
        guess = self.base.near(_moved(until, -self.offset_s) or until)
        return None if guess is None else _moved(guess, self.offset_s)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _moved(t: datetime, seconds: int) -> datetime | None:
    try:
        return t + timedelta(seconds=seconds)
    except OverflowError:  # beyond what the calendar holds
        return None


def parse_entry(entry: str, zone_name: str, *, strict: bool = True) -> Cron | Once:
    """One entry of a `schedule` as declared: a cron expression, a macro such as `@daily`, or `@once INSTANT`.

    Raises CronError, its offset into `entry`; `strict` refuses an `@once` in a gap of the zone.
    """
    return Once(once_instant(entry, zone_name, strict=strict)) if is_once(entry) else Cron.parse(entry, zone_name)


def build(job: Job, *, anchor: datetime, last_end: datetime | None = None, pieces: tuple[Piece, ...] = (), salt: str = "") -> Schedule:
    """The schedule of a job. `anchor` is where an interval counts from and where `after` begins; `last_end` is the end of the
    previous run, None for none yet; `pieces` are those of an interval by activity, or of one that adapts; `salt` names the
    repository, so that two do not jitter alike.

    Raises CronError when an entry is malformed: the loader has refused such a job long before.
    """
    match job.when:
        case IntervalWhen(period_s=period_s):
            return _jittered(Paced(pieces) if pieces else Interval(anchor, period_s), job, salt)
        case ActivityWhen():
            return _jittered(Paced(pieces), job, salt)
        case AfterWhen(delay_s=delay_s):
            ready = anchor if last_end is None else _whole(last_end) + timedelta(seconds=delay_s)
            return _jittered(Once(ready), job, salt)
        case ScheduleWhen(entries=entries):
            return _jittered(_from_entries(entries, job.timezone), job, salt)
        case ManualWhen() | RefWhen() | TagWhen() | TaskWhen() | JobWhen():
            return Never()


def _jittered(schedule: Schedule, job: Job, salt: str) -> Schedule:
    return Jittered(schedule, offset) if (offset := jitter_offset_s(job, salt)) else schedule


def _whole(t: datetime) -> datetime:
    """The next whole second, so that a delay is never cut short."""
    return t if t.microsecond == 0 else t.replace(microsecond=0) + _SECOND


def jitter_offset_s(job: Job, salt: str) -> int:
    """Seconds from 0 to `jitter_s`: sha256(salt + job) mod (jitter_s + 1), the same after a restart and on a standby."""
    if not job.jitter_s:
        return 0
    digest = hashlib.sha256(f"{salt}{job.id}".encode()).digest()
    return int.from_bytes(digest, "big") % (job.jitter_s + 1)


def once_instants(job: Job, salt: str) -> tuple[datetime, ...]:
    """The due instants of the job's `@once` entries, oldest first: those that can be past at first sight. Raises CronError."""
    if not isinstance(job.when, ScheduleWhen):
        return ()
    offset = timedelta(seconds=jitter_offset_s(job, salt))
    return tuple(sorted({once_instant(entry, job.timezone, strict=False) + offset for entry in job.when.entries if is_once(entry)}))


@lru_cache(maxsize=65_536)
def _from_entries(entries: tuple[str, ...], zone_name: str) -> Schedule:
    parts = [parse_entry(entry, zone_name, strict=False) for entry in entries]
    crons = CronTimes(tuple(part for part in parts if isinstance(part, Cron)))
    instants = tuple({part for part in parts if isinstance(part, Once)})
    if not instants:
        return crons
    return instants[0] if not crons.crons and len(instants) == 1 else Union(crons, instants)
