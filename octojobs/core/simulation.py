"""A span of time played through: what the plan, the guards, admission and retries make of it when runs go as assumed.

The rules are those of the engine, called in its order (settle, plan, judge, admit); only processes are assumptions. Nothing is
random and no clock is read: the same world and span give the same rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta

from octojobs.core.admit import Admission, admit
from octojobs.core.beginning import at_start
from octojobs.core.blocked import after_guards
from octojobs.core.chain import chained_run
from octojobs.core.claim import events_of, first_sight, follow_ups
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, Event, Paused, RunBlocked, RunClaimed
from octojobs.core.guards import Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger, Row
from octojobs.core.plan import plan
from octojobs.core.retry import next_attempt
from octojobs.core.run import Attempt, Outcome, Phase, Process, Run
from octojobs.core.triggering import followers, following
from octojobs.core.when import AfterWhen
from octojobs.slotted import dataclass

MOST_STEPS = 100_000
MOST_ROWS = 50_000
"""Where a simulation stops: half a minute's work, and more lines than anybody reads."""

_NO_PROCESS = Process(0, 0, "simulated")
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Assumption:
    """How an attempt goes: how long it takes, in seconds, and how it ends."""

    duration_s: float
    outcome: Outcome = Outcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class World:
    """What a simulation needs to know: the jobs, the sizes of the pools (that of `default` included), and what is assumed.

    `verdicts` judges the guards of a run at an instant. `away` are spans, [from, to) each, in which no daemon runs: attempts go on,
    and what falls due is caught up with at the end.
    """

    jobs: Mapping[JobId, Job]
    pools: Mapping[str, int]
    assume: Callable[[Run], Assumption]
    verdicts: Callable[[Run, datetime], tuple[Verdict, ...]]
    salt: str = ""
    away: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of the span: `rows` as the history would have them, runs that are open at its end, why runs had to wait.

    `stopped_at` is where it was broken off because too much happens; None when it went through.
    """

    rows: tuple[Row, ...]
    open_runs: tuple[Run, ...]
    held: Mapping[RunId, str]
    stopped_at: datetime | None = None


def simulate(world: World, ledger: Ledger, start: datetime, until: datetime) -> Simulation:
    """Play [start, until] through, beginning with this ledger, which is changed."""
    play = _Play(world, ledger)
    play.look_at(world.jobs, start)
    now: datetime | None = _present(world, start)
    steps = 0
    while now is not None and now <= until:
        if steps >= MOST_STEPS or len(play.rows) >= MOST_ROWS:
            return play.told(now)
        play.step(now)
        steps += 1
        now = play.next_after(now)
    return play.told(None)


def _present(world: World, now: datetime) -> datetime:
    """The instant itself, or the end of the absence that it falls into."""
    return next((end for begin, end in world.away if begin <= now < end), now)


@dataclass(slots=True)
class _Play:
    """The simulation while it goes on."""

    world: World
    ledger: Ledger
    rows: list[Row] = field(default_factory=list)
    held: dict[RunId, str] = field(default_factory=dict)
    _agenda: list[tuple[datetime, JobId]] = field(default_factory=list)
    _next: dict[JobId, datetime] = field(default_factory=dict)
    _ends: list[tuple[datetime, RunId, Outcome]] = field(default_factory=list)
    _admission: Admission = field(default_factory=Admission)
    _recheck_at: datetime | None = None
    _followers: Mapping[JobId, tuple[Job, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self._followers = followers(self.world.jobs.values())

    def look_at(self, jobs: Iterable[JobId], at: datetime) -> None:
        """These jobs are planned at `at`."""
        for job in jobs:
            self._next[job] = at
            heapq.heappush(self._agenda, (at, job))

    def step(self, now: datetime) -> None:
        """One tick."""
        self._settle(now)
        self._plan(now)
        self._judge(now)
        self._admit(now)

    def next_after(self, now: datetime) -> datetime | None:
        """When something happens next; `now` itself when it is not over."""
        while self._agenda and self._next.get(self._agenda[0][1]) != self._agenda[0][0]:
            heapq.heappop(self._agenda)
        tops = [heap[0][0] for heap in (self._agenda, self._ends) if heap]
        found = min((at for at in (*tops, self._admission.wake_at, self._recheck_at) if at is not None), default=None)
        return None if found is None else _present(self.world, max(found, now))

    def told(self, stopped_at: datetime | None) -> Simulation:
        """What came of it."""
        return Simulation(tuple(self.rows), tuple(self.ledger.runs.values()), self.held, stopped_at)

    def _settle(self, now: datetime) -> None:
        while self._ends and self._ends[0][0] <= now:
            ended_at, run_id, outcome = heapq.heappop(self._ends)
            run = self.ledger.runs.get(run_id)
            if run is not None and run.holds_slot:  # a run that was cancelled has ended already
                self._end(run, outcome, ended_at, now)

    def _end(self, run: Run, outcome: Outcome, ended_at: datetime, now: datetime) -> None:
        code = {Outcome.SUCCEEDED: 0, Outcome.FAILED: _FAILED}.get(outcome)
        retry_at = next_attempt(run.definition.retries, run, outcome, code, ended_at)
        reason = f"cancelled by {run.cancel}" if run.cancel else "" if outcome is Outcome.SUCCEEDED else "as assumed"
        attempt = Attempt(run.attempt, outcome, run.started_at, ended_at, code, reason=reason)
        for row in self._apply((AttemptEnded(run.id, attempt, retry_at),)):
            self._after(row, now)

    def _after(self, row: Row, now: datetime) -> None:
        """What a finished run brings about: its follow-up, the job that it names, and the pause of a job that keeps failing."""
        run = row.run
        if run is None or run.is_follow_up:
            return
        children = [*follow_ups(run, now)]
        if (chained := chained_run(run, self.world.jobs, now, "")) is not None:
            self._apply(first_sight(chained.definition, self.ledger, now, self.world.salt))
            children.append(chained)
        self._apply(RunClaimed(child) for child in children if child.id not in self.ledger.runs)
        self._apply(following(run, self._followers.get(run.job, ()), self.ledger, now, "", self.world.salt))
        state, limit = self.ledger.jobs.get(run.job), run.definition.pause_after
        if state is not None and limit is not None and state.failures >= limit and state.pause is None:
            self._apply((Paused(run.job, now, None, f"{state.failures} consecutive failures"),))

    def _plan(self, now: datetime) -> None:
        due: list[Job] = []
        while self._agenda and self._agenda[0][0] <= now:
            at, job = heapq.heappop(self._agenda)
            if self._next.get(job) == at:
                del self._next[job]
                due.append(self.world.jobs[job])
        decided = plan(due, self.ledger, now, salt=self.world.salt)
        self._apply(events_of(decided, self.world.jobs, now, ""))
        for job, next_due in decided.next_due.items():
            if next_due is not None:
                self.look_at((job,), next_due)
        for run in self.ledger.unqueued() if decided.cancels else ():
            if run.cancel and run.holds_slot:
                self._end(run, Outcome.CANCELLED, now, now)

    def _judge(self, now: datetime) -> None:
        self._recheck_at = None
        for run in self.ledger.unqueued():
            if run.phase is not Phase.WAITING:
                continue
            at = run.not_before
            if at is None or at <= now:
                event = after_guards(run, self.world.verdicts(run, now), now, self._next.get(run.job))
                self._apply((event,))
                at = event.not_before if isinstance(event, RunBlocked) else None
            if at is not None and (self._recheck_at is None or at < self._recheck_at):
                self._recheck_at = at

    def _admit(self, now: datetime) -> None:
        self._admission = admit(self.ledger, self.world.pools, now)
        self._apply(self._admission.dropped)
        for run in self._admission.start:
            starting = AttemptStarting(run.id, run.attempt, now), AttemptStarted(run.id, run.attempt, now, _NO_PROCESS)
            self._apply(starting)
            self._apply(at_start(self.ledger.runs[run.id], self.world.jobs, self.ledger, now, "", self.world.salt))
            ends_at, outcome = self._goes(run, now)
            heapq.heappush(self._ends, (ends_at, run.id, outcome))
        for held, reason in self._admission.held.items():
            self.held.setdefault(held, reason)

    def _goes(self, run: Run, now: datetime) -> tuple[datetime, Outcome]:
        """When the attempt ends, and how: its time limit holds."""
        assumed, limit_s = self.world.assume(run), run.definition.limits.timeout_s
        if limit_s is not None and assumed.duration_s > limit_s:
            return now + timedelta(seconds=limit_s), Outcome.TIMED_OUT
        return now + timedelta(seconds=assumed.duration_s), assumed.outcome

    def _apply(self, events: Iterable[Event]) -> list[Row]:
        rows = [row for event in events if (row := self.ledger.apply(event)) is not None]
        self.rows += rows
        for row in rows:
            job = self.world.jobs.get(row.job)
            if job is not None and isinstance(job.when, AfterWhen):
                self.look_at((job.id,), row.at)
        return rows
