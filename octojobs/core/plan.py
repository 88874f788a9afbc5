"""The plan, a total function of (jobs, ledger, now): which due instants of which jobs start, are skipped or are missed.

Jobs do not see each other here: adding one changes no other's plan. Pools and priorities come after, in `admit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum

from octojobs.core.blocked import blocking
from octojobs.core.catchup import Missed, catch_up, is_late
from octojobs.core.codec import format_instant
from octojobs.core.due import count, newest, next_after
from octojobs.core.events import CancelAsked, CursorMoved, RunDropped
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CatchUp, Job, Overlap
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.overlap import STILL, OpenRun, make_room
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.core.schedule import Schedule, once_instants
from octojobs.core.sighting import SightingEvent, schedule_of, sight
from octojobs.core.when import AfterWhen
from octojobs.slotted import dataclass


class Action(StrEnum):
    """What a due instant comes to."""

    START = "start"
    SKIP = "skip"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class Decision:
    """One due instant, or `count` consecutive ones from `first_due` (None for one) to `due`, and what they come to."""

    job: JobId
    due: datetime
    action: Action
    cause: Cause
    reason: str = ""
    count: int = 1
    first_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions by job, oldest first; what the ledger learns first (`sightings`, then `cursors`); runs that must end for new ones.

    `next_due` has every candidate; None for never, or not before something else happens.
    """

    decisions: tuple[Decision, ...] = ()
    sightings: tuple[SightingEvent, ...] = ()
    cursors: tuple[CursorMoved, ...] = ()
    cancels: tuple[CancelAsked, ...] = ()
    replaced: tuple[RunDropped, ...] = ()
    next_due: Mapping[JobId, datetime | None] = field(default_factory=dict)

    @property
    def wake_at(self) -> datetime | None:
        """The earliest next due instant of the candidates, later than the plan's now; None for never."""
        return min((at for at in self.next_due.values() if at is not None), default=None)


@dataclass(slots=True)
class _Draft:
    """The plan while it is made."""

    decisions: list[Decision] = field(default_factory=list)
    sightings: list[SightingEvent] = field(default_factory=list)
    cursors: list[CursorMoved] = field(default_factory=list)
    cancels: list[CancelAsked] = field(default_factory=list)
    replaced: list[RunDropped] = field(default_factory=list)
    next_due: dict[JobId, datetime | None] = field(default_factory=dict)


def plan(candidates: Sequence[Job], ledger: Ledger, now: datetime, *, salt: str = "", activity: datetime | None = None) -> Plan:
    """What is due of the candidates at `now` (aware), each instant in exactly one decision. Changes nothing.

    `salt` names the repository: jitter hashes it. `activity` is when something last happened there, None for unknown. Disabled
    candidates have no due instants. Raises CronError for a schedule that the loader would have refused, ScheduleStandsStill for
    one that would never end.
    """
    draft = _Draft()
    for job in candidates:
        sighting = sight(job, ledger.jobs.get(job.id), now, activity)
        draft.sightings += sighting.events
        draft.cursors += sighting.corrections
        draft.next_due[job.id] = None if sighting.state is None else _plan_job(draft, job, sighting.state, ledger, now, salt)
    return Plan(
        tuple(draft.decisions),
        tuple(draft.sightings),
        tuple(draft.cursors),
        tuple(draft.cancels),
        tuple(draft.replaced),
        draft.next_due,
    )


def _plan_job(draft: _Draft, job: Job, state: JobState, ledger: Ledger, now: datetime, salt: str) -> datetime | None:
    """Adds the job's decisions to the draft; returns its next due instant, later than now."""
    runs = tuple(ledger.runs_of(job.id))
    schedule = schedule_of(job, state, now, salt)
    if isinstance(job.when, AfterWhen):
        return _plan_after(draft, job, state, schedule, runs, ledger, now, salt)
    if job.id not in ledger.jobs:
        draft.decisions += missed_once(job, state.cursor, salt)
    first = next_after(schedule, state.cursor)
    if first is None or first > now:
        return first
    if reason := _stopped(job, ledger, now):
        last = newest(schedule, state.cursor, now) or first
        draft.decisions.append(_not_run(job, Action.SKIP, Missed(first, last, count(schedule, state.cursor, now), reason), now))
    else:
        caught = catch_up(job, schedule, state.cursor, now)
        draft.decisions += [_not_run(job, Action.MISS, missed, now) for missed in caught.missed]
        _start(draft, job, caught.starts, runs, now)
    return next_after(schedule, now)


def _plan_after(
    draft: _Draft, job: Job, state: JobState, schedule: Schedule, runs: Sequence[Run], ledger: Ledger, now: datetime, salt: str
) -> datetime | None:
    """`after`: due at max(end + delay, now) once no run is left, so it is never late. Source: time.md's table."""
    if runs:
        return None
    ready = next_after(schedule, state.cursor)
    if ready is None or ready > now:
        return ready
    at = now.replace(microsecond=0)
    reason = _stopped(job, ledger, now)
    if not reason:
        _start(draft, job, (at,), runs, now)
        return None
    draft.decisions.append(_not_run(job, Action.SKIP, Missed(at, at, 1, reason), now))
    # the next one counts from the instant that was skipped: planning again at this second finds nothing due
    return next_after(schedule_of(job, replace(state, cursor=at), now, salt), at)


def _stopped(job: Job, ledger: Ledger, now: datetime) -> str:
    """Why nothing of the job starts now, whatever is due; empty when it may."""
    pause = None if job.run_when_paused else ledger.pause_of(job.id, now)
    return "" if pause is None else str(pause)


def _start(draft: _Draft, job: Job, starts: Sequence[datetime], runs: Sequence[Run], now: datetime) -> None:
    """Adds a decision for each instant, in order, beside the open runs and those that the instants before it became."""
    open_runs = [OpenRun(run.id, run.phase) for run in runs if run.phase in STILL]
    waiting = [run for run in runs if run.phase is Phase.WAITING and run.cause in (Cause.SCHEDULE, Cause.CATCH_UP)]
    known = {run.id for run in runs}
    for at in starts:
        cause = _cause(at, now)
        run_id = RunId.of(job.id, at)
        if run_id in known:  # the clock was set back, and the instant has come again
            draft.decisions.append(Decision(job.id, at, Action.SKIP, cause, f"run {run_id} is open already"))
            continue
        if job.overlap is Overlap.CANCEL_RUNNING and at != starts[-1]:
            draft.decisions.append(Decision(job.id, at, Action.SKIP, cause, f"replaced by {format_instant(starts[-1])}"))
            continue
        room = make_room(job, open_runs, backfill=job.catch_up is CatchUp.ALL and cause is Cause.CATCH_UP)
        if not room.starts:
            draft.decisions.append(Decision(job.id, at, Action.SKIP, cause, room.reason))
            continue
        draft.cancels += [CancelAsked(run.id, "overlap: cancel_running") for run in runs if run.id in room.cancel and not run.cancel]
        draft.replaced += [_replaced(run, at, now) for run in waiting]
        draft.decisions.append(Decision(job.id, at, Action.START, cause))
        open_runs.append(OpenRun(run_id, Phase.QUEUED))
        waiting = []


def _cause(at: datetime, now: datetime) -> Cause:
    return Cause.CATCH_UP if is_late(at, now) else Cause.SCHEDULE


def _not_run(job: Job, action: Action, missed: Missed, now: datetime) -> Decision:
    first_due = missed.first if missed.count > 1 else None
    return Decision(job.id, missed.last, action, _cause(missed.last, now), missed.reason, missed.count, first_due)


def missed_once(job: Job, seen_at: datetime, salt: str) -> tuple[Decision, ...]:
    """What becomes of the job's `@once` instants that were past when it was first seen: they are known, and nothing else tells of them."""
    reason = "it was past when the job was first seen"
    return tuple(Decision(job.id, at, Action.MISS, Cause.CATCH_UP, reason) for at in once_instants(job, salt) if at <= seen_at)


def _replaced(run: Run, at: datetime, now: datetime) -> RunDropped:
    reason = f"{blocking(run.verdicts)}; replaced by {format_instant(at)}"
    return RunDropped(run.id, Outcome.SKIPPED, reason, now, run.verdicts)
