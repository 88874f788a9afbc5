"""Sightings: what the ledger must remember of a job before its due instants can be asked for, and the corrections of its cursor."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from octojobs.core.codec import format_instant
from octojobs.core.events import CursorMoved, JobAbsent, JobPaced, JobReanchored, JobReturned, JobSeen, JobStretched
from octojobs.core.job import Job
from octojobs.core.ledger import JobState
from octojobs.core.once import is_once
from octojobs.core.pace import Pace, first_pace, next_pace
from octojobs.core.schedule import Schedule, build
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, ScheduleWhen
from octojobs.core.zones import CORRECTION
from octojobs.slotted import dataclass

_SECOND = timedelta(seconds=1)

SightingEvent = JobSeen | JobReturned | JobReanchored | JobPaced | JobStretched | JobAbsent


@dataclass(frozen=True, slots=True)
class Sighting:
    """The job's state as it will be once the events are applied; None for a disabled job, which has no due instants."""

    state: JobState | None
    events: tuple[SightingEvent, ...] = ()
    corrections: tuple[CursorMoved, ...] = ()


def sight(job: Job, state: JobState | None, now: datetime, activity: datetime | None = None) -> Sighting:
    """What seeing the job in the definitions at `now` brings; nothing for one that is known and unchanged.

    First sight: an interval (and `after`) is due at once, a cron job has no past. Disabled: its cursor does not stand for what
    passes meanwhile, so it is absent until it is enabled, and returns without a burst. An edited interval counts from now;
    any other edit keeps the cursor. `activity` is when something last happened in the repository, None for nothing that is known:
    an activity-aware interval gets a new pace by it. Source: time.md, "First sight", and "formats.md", absent jobs.
    """
    activity = None if activity is None else min(activity, now).replace(microsecond=0)
    second = now.replace(microsecond=0)
    if not job.enabled:
        leaves = state is not None and state.absent_since is None
        return Sighting(None, (JobAbsent(job.id, now),) if leaves else ())
    period_s = job.when.period_s if isinstance(job.when, IntervalWhen) else None
    if state is None:
        cursor = second - _SECOND if isinstance(job.when, IntervalWhen | ActivityWhen | AfterWhen) else second
        seen = JobSeen(job.id, cursor, second, period_s)
        if not isinstance(job.when, ActivityWhen):
            return Sighting(JobState(cursor, second, period_s), (seen,))
        pace = first_pace(job.when, job.timezone, activity, second, None)
        return Sighting(JobState(cursor, second, pace=pace), (seen, JobPaced(job.id, cursor, pace)))
    events: list[SightingEvent] = []
    if state.absent_since is not None:
        state = replace(state, cursor=max(state.cursor, second), absent_since=None)
        events.append(JobReturned(job.id, second))
    if state.interval_s != period_s:
        state = replace(state, interval_s=period_s, no_ops=0, stretch=None)
        if period_s is not None:
            # the clock may have been set back by less than a correction: what is settled stays so
            state = replace(state, cursor=max(state.cursor, second), anchor=second)
        events.append(JobReanchored(job.id, state.cursor, state.anchor, period_s))
    if isinstance(job.when, IntervalWhen) and (job.when.longest_s is not None or state.stretch is not None):
        state, adapted = _adapted(job, job.when, state, second)
        events += adapted
    if isinstance(job.when, ActivityWhen):
        pace, cursor = _paced(job.when, job.timezone, state, activity, second)
        if pace is not state.pace:
            state = replace(state, cursor=cursor, pace=pace)
            events.append(JobPaced(job.id, cursor, pace))
    return _corrected(job, state, tuple(events), now)


def _paced(when: ActivityWhen, timezone: str, state: JobState, activity: datetime | None, second: datetime) -> tuple[Pace, datetime]:
    """The pace of a job that is known, and its cursor; an edited one counts from now, as any interval does."""
    pace = state.pace
    if pace is None or (pace.when, pace.timezone) != (when, timezone):
        return first_pace(when, timezone, activity, second, second), max(state.cursor, second)
    if pace.activity is not None and pace.activity > second + CORRECTION:
        # The clock was far ahead then: nothing has happened at that instant yet.
        return first_pace(when, timezone, activity, second, second), state.cursor
    return next_pace(pace, activity, state.cursor), state.cursor


def _adapted(job: Job, when: IntervalWhen, state: JobState, second: datetime) -> tuple[JobState, list[SightingEvent]]:
    """The state with the interval that no-ops have made of the declared one; that itself, from now on, where it adapts no more.

    The end of the run that was the no-op (or was none) is where another interval begins, and now for one that was edited.
    """
    if when.longest_s is None:
        cursor = max(state.cursor, second)
        back = replace(state, cursor=cursor, no_ops=0, stretch=None)
        return back, [JobReanchored(job.id, cursor, state.anchor, state.interval_s)]
    from octojobs.core.adapt import next_stretch  # jobs whose interval is what it says don't pay for it

    edited = state.stretch is not None and state.stretch.longest_s != when.longest_s
    since = second if edited or state.last_end is None else min(state.last_end.replace(microsecond=0), second)
    stretch = next_stretch(when, state.anchor, state.stretch, state.no_ops, state.cursor, since)
    if stretch is None or stretch is state.stretch:
        return state, []
    return replace(state, stretch=stretch), [JobStretched(job.id, stretch)]


def _corrected(job: Job, state: JobState, events: tuple[SightingEvent, ...], now: datetime) -> Sighting:
    """A cursor more than three hours in the future never freezes a job: the clock was wrong when it was set, and it becomes now.

    Up to three hours it stays, so that nothing runs twice; and it stays for `@once`, whose instant is settled when the cursor
    is past it and pending when it is not, whatever the clock says. Source: time.md's table; cron(8) for the three hours.
    """
    if state.cursor - now <= CORRECTION or _is_once(job):
        return Sighting(state, events)
    second = now.replace(microsecond=0)
    text = f"the clock was set back: the cursor was at {format_instant(state.cursor)} and is now at {format_instant(second)}"
    state = replace(state, cursor=second)
    if state.pace is not None and isinstance(job.when, ActivityWhen):
        pace = first_pace(job.when, job.timezone, state.pace.activity, second, second)
        state = replace(state, pace=pace)
        events = (*events, JobPaced(job.id, second, pace))
    if state.anchor > now or state.stretch is not None:
        # an interval has no instants before its anchor, or its last piece
        state = replace(state, anchor=min(state.anchor, second), no_ops=0, stretch=None)
        events = (*events, JobReanchored(job.id, second, state.anchor, state.interval_s))
    return Sighting(state, events, (CursorMoved(job.id, second, text),))


def _is_once(job: Job) -> bool:
    return isinstance(job.when, ScheduleWhen) and all(is_once(entry) for entry in job.when.entries)


def schedule_of(job: Job, state: JobState, now: datetime, salt: str = "") -> Schedule:
    """The job's schedule as the ledger knows it: intervals from their anchor, `after` from the end of the last run.

    An `after` whose last instant became no run (it was paused, say) counts from that instant; an end that lies in the future
    because the clock was wrong is no end.
    """
    if not isinstance(job.when, AfterWhen):
        settled = state.stretch if isinstance(job.when, IntervalWhen) else state.pace
        return build(job, anchor=state.anchor, pieces=settled.pieces if settled else (), salt=salt)
    ends = [state.last_end] if state.last_end is not None and state.last_end - now <= CORRECTION else []
    if state.cursor >= state.anchor:
        ends.append(state.cursor)
    return build(job, anchor=state.anchor, last_end=max(ends, default=None), salt=salt)
