"""Catch-up: what becomes of the due instants in (cursor, now], those that nobody was there to start included.

With *late* meaning `now - due >= GRACE`:

- nothing late: each instant starts;
- `latest`: the newest starts, however old; the others are one row `missed N (coalesced into …)`;
- `none`: what is late is one row, the rest starts;
- `all`: at most 100, oldest first, of the last 24 h; what is older is one row.

`start_deadline` and `catch_up_window` bound each of them: an instant older than one of these never starts. Counting is arithmetic,
so a daemon that slept for a decade decides in milliseconds. Source: "Catch-up" in time.md; anacron for `latest`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from octojobs.core.codec import format_instant
from octojobs.core.due import count, due, newest, newest_few, next_after
from octojobs.core.durations import format_duration
from octojobs.core.job import CatchUp, Job
from octojobs.core.schedule import Schedule
from octojobs.slotted import dataclass

GRACE = timedelta(seconds=60)
"""Below this an instant is on time. A minute, exclusive: what a busy loop or a cron line calling `tick` is late by is no catch-up,
and a job of every minute never has two instants on time at once."""

MOST_CAUGHT_UP = 100
"""Of `catch_up: all`: enough for a day of quarter hours, few enough that a week's absence does not bury the machine."""

WINDOW_OF_ALL_S = 24 * 3600
"""The window of `catch_up: all` where the job names none."""

_BURST = 1000
"""More on-time instants than a job can have: an interval is a second at least."""


@dataclass(frozen=True, slots=True)
class Missed:
    """`count` consecutive due instants from `first` to `last` that don't start."""

    first: datetime
    last: datetime
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What is missed, then what starts; both oldest first, and together each instant of (cursor, now] once."""

    missed: tuple[Missed, ...] = ()
    starts: tuple[datetime, ...] = ()


def catch_up(job: Job, schedule: Schedule, cursor: datetime, now: datetime) -> CaughtUp:
    """The job's policy over its due instants in (cursor, now]; nothing when there are none."""
    starts = _starts(job, schedule, cursor, now)
    startable_from, too_late = _bound(job, now)
    starts = tuple(at for at in starts if at >= startable_from)
    until = starts[0] - timedelta(seconds=1) if starts else now
    number = count(schedule, cursor, until)
    first, last = next_after(schedule, cursor), newest(schedule, cursor, until)
    if not number or first is None or last is None:
        return CaughtUp((), starts)
    if job.catch_up is CatchUp.LATEST and starts and is_late(first, now):
        reason = f"coalesced into {format_instant(starts[-1])}"
    elif job.catch_up is CatchUp.NONE and is_late(last, now):
        reason = "catch_up is none"
    elif job.catch_up is CatchUp.ALL and last >= startable_from:
        reason = f"catch_up starts at most {MOST_CAUGHT_UP}"
    else:
        reason = too_late
    return CaughtUp((Missed(first, last, number, reason),), starts)


def is_late(due_at: datetime, now: datetime) -> bool:
    """Whether an instant is caught up with, not on time.

    >>> from datetime import UTC
    >>> is_late(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, 0, 59, tzinfo=UTC))
    False
    """
    return now - due_at >= GRACE


def _starts(job: Job, schedule: Schedule, cursor: datetime, now: datetime) -> tuple[datetime, ...]:
    """The instants that the policy starts, the bounds not yet applied: a suffix of those in (cursor, now]."""
    late_until = max(cursor, now - GRACE)
    first = next_after(schedule, cursor)
    if job.catch_up is CatchUp.NONE or first is None or first > late_until:
        return due(schedule, late_until, now, _BURST)
    if job.catch_up is CatchUp.ALL:
        return newest_few(schedule, cursor, now, MOST_CAUGHT_UP)
    last = newest(schedule, cursor, now)
    return () if last is None else (last,)


def window_s(job: Job) -> int | None:
    """How far back catch-up reaches, in seconds; None for no bound."""
    if job.catch_up_window_s is None and job.catch_up is CatchUp.ALL:
        return WINDOW_OF_ALL_S
    return job.catch_up_window_s


def _bound(job: Job, now: datetime) -> tuple[datetime, str]:
    """The earliest instant that may still start, and why an earlier one may not."""
    bounds = [(datetime.min.replace(tzinfo=UTC), "")]
    if job.start_deadline_s is not None:
        bounds.append((now - timedelta(seconds=job.start_deadline_s), start_deadline_reason(job)))
    if (window := window_s(job)) is not None:
        # a window shorter than the grace must not swallow what is on time
        reach = max(timedelta(seconds=window), GRACE)
        bounds.append((now - reach, f"older than the catch-up window {format_duration(window)}"))
    return max(bounds)


def start_deadline_reason(job: Job) -> str:
    """Why an instant that could not start in time is missed."""
    return f"start deadline {format_duration(job.start_deadline_s or 0)} passed"
