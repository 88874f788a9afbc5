"""The events of the ledger: everything that can happen, as frozen values, and what each does to a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from octojobs.core.guards import Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.pace import Pace, Stretch
from octojobs.core.run import Attempt, IllegalTransition, Outcome, Phase, Process, Run
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class JobSeen:
    """First sight of a job: instants at or before `cursor` are none of its business; intervals count from `anchor`."""

    job: JobId
    cursor: datetime
    anchor: datetime
    interval_s: int | None = None


@dataclass(frozen=True, slots=True)
class CursorMoved:
    """Instants up to `cursor` are settled. `correction` says why when the clock, not the schedule, moved it."""

    job: JobId
    cursor: datetime
    correction: str = ""


@dataclass(frozen=True, slots=True)
class JobReanchored:
    """The interval was edited (or the job came to have one): it counts from `anchor` now."""

    job: JobId
    cursor: datetime
    anchor: datetime
    interval_s: int | None


@dataclass(frozen=True, slots=True)
class JobPaced:
    """An activity-aware interval has a new pace: it was seen or edited, or an activity changed its mode."""

    job: JobId
    cursor: datetime
    pace: Pace


@dataclass(frozen=True, slots=True)
class WorkJudged:
    """A run of a job whose interval adapts was a no-op, or (`no_op` false) there was something to do."""

    job: JobId
    no_op: bool


@dataclass(frozen=True, slots=True)
class JobStretched:
    """The interval of a job that adapts is another one from here on."""

    job: JobId
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class RefsHandled:
    """Refs that the job watches, by their full names, each with the commit that is dealt with now ("" for none); `gone` count no more.

    With the first look at a pattern of tags stands the pattern itself: nothing else tells that there were none.
    """

    job: JobId
    refs: Mapping[str, str]
    gone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobAbsent:
    """The job left the definitions, or was disabled there; its cursor is kept (for 30 days when it left)."""

    job: JobId
    at: datetime


@dataclass(frozen=True, slots=True)
class JobReturned:
    """The job is back in the definitions, or enabled again; what fell due meanwhile is no burst: its cursor is `cursor`."""

    job: JobId
    cursor: datetime


@dataclass(frozen=True, slots=True)
class JobForgotten:
    """The job was absent for 30 days."""

    job: JobId


@dataclass(frozen=True, slots=True)
class NotRun:
    """`count` due instants, from `first_due` (None when it is one) up to `due`, ended without a run.

    `reason` says why; `moves_cursor` is false for an instant that lies before the cursor already.
    """

    job: JobId
    due: datetime
    outcome: Outcome
    reason: str
    at: datetime
    count: int = 1
    first_due: datetime | None = None
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class RunClaimed:
    """A due instant (or a request) became a run; the cursor moves to its due instant when the schedule caused it."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunBlocked:
    """A guard does not hold; the run is looked at again at `not_before`."""

    run: RunId
    verdicts: tuple[Verdict, ...]
    not_before: datetime


@dataclass(frozen=True, slots=True)
class RunReady:
    """The guards hold; the run waits for room in its pool only."""

    run: RunId
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class AttemptStarting:
    """Promise P1: on disk before the process exists."""

    run: RunId
    attempt: int
    at: datetime
    commit: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """Promise P1: on disk before a line of user code runs."""

    run: RunId
    attempt: int
    at: datetime
    process: Process


@dataclass(frozen=True, slots=True)
class AttemptVoid:
    """The attempt provably never started (its shim is fenced): the same due instant is started again as the next attempt."""

    run: RunId
    attempt: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt has ended; the run ends with it unless `retry_at` says when it is tried again."""

    run: RunId
    attempt: Attempt
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunDropped:
    """The run ended without a further attempt: skipped, missed, cancelled or lost; `verdicts` when guards decided so."""

    run: RunId
    outcome: Outcome
    reason: str
    at: datetime
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants the run to end; `by` says who or what."""

    run: RunId
    by: str


@dataclass(frozen=True, slots=True)
class StartFollowed:
    """The run's code has begun, and what its `on_start` asks for is claimed in the same record: once, however often the run is tried."""

    run: RunId


@dataclass(frozen=True, slots=True)
class Paused:
    """No starts, of one job or (None) of all, until `until` (None: until resumed)."""

    job: JobId | None
    at: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The pause of the job, or (None) the pause of all, is over."""

    job: JobId | None
    at: datetime


RunEvent = RunBlocked | RunReady | AttemptStarting | AttemptStarted | AttemptVoid | AttemptEnded | RunDropped | CancelAsked | StartFollowed
JobEvent = (
    JobSeen
    | CursorMoved
    | JobReanchored
    | JobPaced
    | WorkJudged
    | JobStretched
    | RefsHandled
    | JobAbsent
    | JobReturned
    | JobForgotten
    | NotRun
    | RunClaimed
)
Event = RunEvent | JobEvent | Paused | Resumed


_BEGUN = frozenset({Phase.STARTING, Phase.RUNNING})

HAPPENS_TO: dict[type[RunEvent], frozenset[Phase]] = {
    RunBlocked: frozenset({Phase.WAITING, Phase.QUEUED, Phase.RETRYING}),
    RunReady: frozenset({Phase.WAITING, Phase.RETRYING}),
    AttemptStarting: frozenset({Phase.QUEUED, Phase.RETRYING}),
    AttemptStarted: frozenset({Phase.STARTING}),
    AttemptVoid: _BEGUN,
    AttemptEnded: _BEGUN,
    RunDropped: frozenset({Phase.WAITING, Phase.QUEUED, Phase.RETRYING}),
    CancelAsked: frozenset(Phase) - {Phase.FINISHED},
    StartFollowed: frozenset({Phase.RUNNING}),
}
"""The state machine: the phases in which each event can happen. The picture is in `docs/state-machine.md`."""


def transition(run: Run, event: RunEvent) -> Run:
    """The run after the event; raises IllegalTransition, naming both, when the state machine has no such arrow."""
    _check(run, event)
    match event:
        case RunBlocked(verdicts=verdicts, not_before=not_before):
            return replace(run, phase=Phase.WAITING, verdicts=verdicts, not_before=not_before)
        case RunReady(verdicts=verdicts):
            return replace(run, phase=Phase.QUEUED, verdicts=verdicts, not_before=None)
        case AttemptStarting(commit=commit, dirty=dirty):
            return replace(run, phase=Phase.STARTING, commit=commit, dirty=dirty, process=None, started_at=None, not_before=None)
        case AttemptStarted(process=process, at=at):
            return replace(run, phase=Phase.RUNNING, process=process, started_at=at)
        case AttemptVoid(at=at, reason=reason):
            void = Attempt(run.attempt, Outcome.LOST, None, at, reason=reason, void=True)
            return replace(run, phase=Phase.QUEUED, attempt=run.attempt + 1, process=None, attempts=(*run.attempts, void))
        case AttemptEnded(attempt=attempt, retry_at=None):
            return _finished(run, attempt)
        case AttemptEnded(attempt=attempt, retry_at=retry_at):
            attempts = (*run.attempts, attempt)
            return replace(run, phase=Phase.RETRYING, attempts=attempts, attempt=run.attempt + 1, not_before=retry_at, process=None)
        case RunDropped(outcome=outcome, reason=reason, at=at, verdicts=verdicts):
            dropped = _finished(run, Attempt(run.attempt, outcome, None, at, reason=reason))
            return replace(dropped, verdicts=verdicts) if verdicts else dropped
        case CancelAsked(by=by):
            return replace(run, cancel=run.cancel or by)
        case StartFollowed():
            return replace(run, start_followed=True)


def _check(run: Run, event: RunEvent) -> None:
    if run.phase not in HAPPENS_TO[type(event)]:
        raise IllegalTransition(f"{type(event).__name__} can't happen to run {run.id}, which is {run.phase}")
    match event:
        case AttemptStarting(attempt=number) | AttemptStarted(attempt=number) | AttemptVoid(attempt=number):
            named: int = number
        case AttemptEnded(attempt=attempt):
            named = attempt.number
        case _:
            return
    if named != run.attempt:
        raise IllegalTransition(f"{type(event).__name__} names attempt {named} of {run.id}, which is at attempt {run.attempt}")


def _finished(run: Run, last: Attempt) -> Run:
    attempts = (*run.attempts, last)
    return replace(run, phase=Phase.FINISHED, attempts=attempts, outcome=last.outcome, ended_at=last.ended_at, process=None)
