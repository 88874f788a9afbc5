"""The ledger: the hot state as a fold over events, owned and changed by the engine's thread alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from octojobs.core.events import (
    AttemptEnded,
    CursorMoved,
    Event,
    JobAbsent,
    JobForgotten,
    JobPaced,
    JobReanchored,
    JobReturned,
    JobSeen,
    JobStretched,
    NotRun,
    Paused,
    RefsHandled,
    Resumed,
    RunClaimed,
    RunEvent,
    WorkJudged,
    transition,
)
from octojobs.core.guards import seen_by
from octojobs.core.identity import JobId, RunId
from octojobs.core.pace import Pace, Stretch
from octojobs.core.rate_limit import Limit
from octojobs.core.run import Attempt, Cause, IllegalTransition, Outcome, Phase, Run
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop of starts: since when, until when (None: until resumed), and why."""

    since: datetime
    until: datetime | None = None
    reason: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether the pause is in force at `now`."""
        return self.until is None or now < self.until

    def __str__(self) -> str:
        until = f" until {self.until:%Y-%m-%dT%H:%M:%SZ}" if self.until else ""
        return f"paused{until}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class JobState:
    """What is remembered of a job between ticks; every due instant at or before `cursor` is settled.

    `seen` has the refs that the guards of the last run that succeeded looked at, each with its commit.
    `handled` has the refs that the job's `on` watches, each with the last commit that was dealt with ("" for none). `no_ops` are those
    in a row, of a job whose interval adapts, and `stretch` is what has come of them (None: nothing yet).
    """

    cursor: datetime
    anchor: datetime
    interval_s: int | None = None
    last_run: RunId | None = None
    last_outcome: Outcome | None = None
    last_end: datetime | None = None
    last_success_at: datetime | None = None
    failures: int = 0
    pause: Pause | None = None
    absent_since: datetime | None = None
    pace: Pace | None = None
    seen: Mapping[str, str] = field(default_factory=dict)
    handled: Mapping[str, str] = field(default_factory=dict)
    no_ops: int = 0
    stretch: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of history: a finished run, or due instants that ended without one (`run` is None then)."""

    job: JobId
    due: datetime
    outcome: Outcome
    at: datetime
    reason: str = ""
    run: Run | None = None
    count: int = 1
    first_due: datetime | None = None
    correction: bool = False
    not_run: NotRun | None = None


@dataclass(slots=True)
class Ledger:
    """Cursors, open runs, pauses, and the rate limits by provider. `apply` is the only way to change it.

    `_by_job` and `_unqueued` are indexes over `runs`: a burst of ten thousand queued runs must not be walked at every tick.
    """

    jobs: dict[JobId, JobState] = field(default_factory=dict)
    runs: dict[RunId, Run] = field(default_factory=dict)
    pause: Pause | None = None
    limits: dict[str, Limit] = field(default_factory=dict)
    _by_job: dict[JobId, dict[RunId, None]] = field(default_factory=dict, repr=False, compare=False)
    _unqueued: dict[RunId, None] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for run in self.runs.values():
            self._put(run)

    def unqueued(self) -> list[Run]:
        """The open runs in any phase but `queued`, in the order in which they entered it: those that bind something or wait for a time."""
        return [self.runs[run_id] for run_id in self._unqueued]

    def runs_of(self, job: JobId) -> Iterator[Run]:
        """The open runs of a job in claim order, follow-ups left out; O(open runs of the job)."""
        for run_id in self._by_job.get(job, ()):
            run = self.runs[run_id]
            if not run.is_follow_up:
                yield run

    def pause_of(self, job: JobId, now: datetime) -> Pause | None:
        """The pause that keeps the job from starting at `now`: its own, else that of all."""
        state = self.jobs.get(job)
        for pause in (state.pause if state else None, self.pause):
            if pause is not None and pause.holds(now):
                return pause
        return None

    def limit_of(self, run: Run, now: datetime) -> Limit | None:
        """The rate limit that keeps a run that is ready from starting at `now`; one that was forced tries all the same."""
        return None if run.forced else self.limit(run.definition.provider, now)

    def waits_for_limit(self, run: Run, now: datetime) -> bool:
        """Whether the end of a rate limit is what the run waits for: one that it met itself, or one that keeps it from starting."""
        if run.phase in (Phase.QUEUED, Phase.RETRYING) and self.limit_of(run, now) is not None:
            return True
        return run.is_deferred and run.not_before is not None and now < run.not_before

    def limit(self, provider: str, now: datetime) -> Limit | None:
        """The provider's rate limit, if it holds at `now`."""
        limit = self.limits.get(provider)
        return limit if limit is not None and now < limit.until else None

    def check(self, events: Iterable[Event]) -> list[Run | None]:
        """What applying the events in this order makes of the run of each, None for one that is about no run's life. O(events).

        Changes nothing. Raises IllegalTransition if applying them would.
        """
        after: dict[RunId, Run] = {}
        made: list[Run | None] = []
        for event in events:
            becomes = None
            if isinstance(event, RunClaimed):
                known = after.get(event.run.id) or self.runs.get(event.run.id)
                if known is not None and known.phase is not Phase.FINISHED:
                    raise IllegalTransition(f"run {event.run.id} is claimed already")
                after[event.run.id] = event.run
            elif isinstance(event, RunEvent):
                known = after.get(event.run) or self.runs.get(event.run)
                if known is None or known.phase is Phase.FINISHED:
                    raise IllegalTransition(f"{type(event).__name__} names run {event.run}, which is not open")
                becomes = after[event.run] = transition(known, event)
            made.append(becomes)
        return made

    def fold(self, events: Sequence[Event]) -> list[Row]:
        """Apply all the events, or none: raises IllegalTransition then. Returns the lines of history that they make."""
        rows = (self._apply(event, becomes) for event, becomes in zip(events, self.check(events), strict=True))
        return [row for row in rows if row is not None]

    def apply(self, event: Event) -> Row | None:
        """Fold one event in; returns the line of history that it makes, if any."""
        return self._apply(event, transition(self.runs[event.run], event) if isinstance(event, RunEvent) else None)

    def _apply(self, event: Event, becomes: Run | None) -> Row | None:
        """`becomes` is what the event makes of its run."""
        if becomes is not None:
            if isinstance(event, AttemptEnded):
                self._heed(becomes, event.attempt)
            if becomes.phase is Phase.FINISHED:
                return self._finish(becomes)
            self._put(becomes)
            return None
        match event:
            case Paused(job=None):
                self.pause = Pause(event.at, event.until, event.reason)
            case Resumed(job=None):
                self.pause = None
            case RunClaimed(run=run):
                self._claim(run)
            case (
                JobSeen()
                | CursorMoved()
                | JobReanchored()
                | JobPaced()
                | WorkJudged()
                | JobStretched()
                | RefsHandled()
                | JobAbsent()
                | JobReturned()
                | JobForgotten()
                | NotRun()
                | Paused()
                | Resumed()
            ):
                return self._apply_to_job(event)
        return None

    def _heed(self, run: Run, attempt: Attempt) -> None:
        """A limit holds for all runs of its provider; one that succeeds although it began later shows that it is over."""
        if not (provider := run.definition.provider):
            return
        self.limits = {name: limit for name, limit in self.limits.items() if limit.until > attempt.ended_at}
        known = self.limits.get(provider)
        if attempt.limited_until is not None:
            if known is None or known.until < attempt.limited_until:
                self.limits[provider] = Limit(attempt.limited_until, attempt.ended_at, run.id)
        elif known is not None and attempt.outcome is Outcome.SUCCEEDED and attempt.started_at and attempt.started_at > known.since:
            del self.limits[provider]

    def _put(self, run: Run) -> None:
        self.runs[run.id] = run
        self._by_job.setdefault(run.job, {})[run.id] = None
        if run.phase is Phase.QUEUED:
            self._unqueued.pop(run.id, None)
        else:
            self._unqueued[run.id] = None

    def _claim(self, run: Run) -> None:
        self._put(run)
        state = self.jobs.get(run.job)
        if state is not None and run.cause in (Cause.SCHEDULE, Cause.CATCH_UP):
            self.jobs[run.job] = replace(state, cursor=max(state.cursor, run.due))

    def _finish(self, run: Run) -> Row:
        del self.runs[run.id]
        del self._by_job[run.job][run.id]
        self._unqueued.pop(run.id, None)
        last = run.attempts[-1]
        outcome = last.outcome
        state = self.jobs.get(run.job)
        if state is not None and not run.is_follow_up and outcome not in (Outcome.SKIPPED, Outcome.MISSED):
            succeeded = outcome is Outcome.SUCCEEDED
            self.jobs[run.job] = replace(
                state,
                last_run=run.id,
                last_outcome=outcome,
                last_end=last.ended_at,
                last_success_at=last.ended_at if succeeded else state.last_success_at,
                failures=0 if succeeded else state.failures + (outcome is not Outcome.CANCELLED),
                seen=seen_by(run.verdicts) if succeeded else state.seen,
            )
        return Row(run.job, run.due, outcome, last.ended_at, last.reason, run)

    def _apply_to_job(self, event: _AboutJob) -> Row | None:
        if event.job is None:
            return None
        if isinstance(event, JobSeen):
            self.jobs[event.job] = JobState(event.cursor, event.anchor, event.interval_s)
            return None
        if isinstance(event, JobForgotten):
            self.jobs.pop(event.job, None)
            return None
        state = self.jobs.get(event.job)
        if state is not None:
            self.jobs[event.job] = _changed(state, event)
        return _row_of(event)


_AboutKnownJob = (
    CursorMoved | JobReanchored | JobPaced | WorkJudged | JobStretched | RefsHandled | JobAbsent | JobReturned | NotRun | Paused | Resumed
)
_AboutJob = JobSeen | JobForgotten | _AboutKnownJob


def _changed(state: JobState, event: _AboutKnownJob) -> JobState:
    match event:
        case CursorMoved(cursor=cursor):
            return replace(state, cursor=cursor)
        case JobReanchored(cursor=cursor, anchor=anchor, interval_s=interval_s):
            return replace(state, cursor=cursor, anchor=anchor, interval_s=interval_s, no_ops=0, stretch=None)
        case JobPaced(cursor=cursor, pace=pace):
            return replace(state, cursor=cursor, pace=pace)
        case WorkJudged(no_op=no_op):
            return replace(state, no_ops=state.no_ops + 1 if no_op else 0)
        case JobStretched(stretch=stretch):
            return replace(state, stretch=stretch)
        case RefsHandled(refs=refs, gone=gone):
            kept = {ref: commit for ref, commit in state.handled.items() if ref not in gone}
            return replace(state, handled={**kept, **refs})
        case JobAbsent(at=at):
            return replace(state, absent_since=at)
        case JobReturned(cursor=cursor):
            return replace(state, cursor=max(cursor, state.cursor), absent_since=None, handled={})
        case NotRun(due=due):
            return replace(state, cursor=max(state.cursor, due))
        case Paused(at=at, until=until, reason=reason):
            return replace(state, pause=Pause(at, until, reason))
        case Resumed():
            return replace(state, pause=None)


def _row_of(event: _AboutKnownJob) -> Row | None:
    match event:
        case CursorMoved(job=job, cursor=cursor, correction=correction) if correction:
            return Row(job, cursor, Outcome.MISSED, cursor, correction, count=0, correction=True)
        case NotRun(job=job, due=due, outcome=outcome, at=at, reason=reason):
            return Row(job, due, outcome, at, reason, count=event.count, first_due=event.first_due, not_run=event)
        case _:
            return None
