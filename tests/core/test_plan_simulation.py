"""A simulated week: ticks, ends, failures, pauses, edits, requests and small steps of the clock, in any order hypothesis likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from octojobs.core import admit as admit_module
from octojobs.core import plan as plan_module
from octojobs.core.admit import admit
from octojobs.core.blocked import after_guards
from octojobs.core.catchup import CaughtUp, Missed, catch_up
from octojobs.core.claim import follow_ups, manual_run
from octojobs.core.events import AttemptEnded, CancelAsked, Paused, Resumed, RunClaimed
from octojobs.core.guards import Status, Verdict
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp, Job, Overlap, RetryPolicy
from octojobs.core.plan import Plan, plan
from octojobs.core.retry import next_attempt
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from octojobs.core.when import IntervalWhen
from tests.core.worlds import World
from tests.strategies import START, jobs

POOLS = {"default": 2}
SECOND = timedelta(seconds=1)


class Week(RuleBasedStateMachine):
    """One world; the invariants are the promises that the core keeps whatever happens."""

    @initialize(first=jobs("a"), second=jobs("b"))
    def begin(self, first: Job, second: Job) -> None:
        """Two jobs of any kind, one of which is tried again and followed up."""
        retried = replace(second, retries=RetryPolicy(max=2, delay_s=30), on_failure=FollowUp(command=CommandAction("mail")))
        self.world = World([first, retried])
        self.now = START
        self.latest = START
        self.asked = 0

    @rule(seconds=st.integers(1, 90) | st.integers(1, 86_400), milliseconds=st.integers(0, 999))
    def tick(self, seconds: int, milliseconds: int) -> None:
        """Time passes, and the loop looks: plan, guards, admission, starts."""
        self.now += timedelta(seconds=seconds, milliseconds=milliseconds)
        self.latest = max(self.latest, self.now)
        made = self.world.tick(self.now)
        assert made.wake_at is None or made.wake_at > self.now
        again = plan(self.world.jobs, self.world.ledger, self.now)
        assert again == Plan(next_due=again.next_due)
        admission = admit(self.world.ledger, POOLS, self.now)
        assert admission.wake_at is None or admission.wake_at > self.now
        for dropped in admission.dropped:
            self.world.tell(dropped)
        for run in admission.start:
            self.world.start(run.id, self.now)

    @rule(seconds=st.integers(1, 3600))
    def clock_steps_back(self, seconds: int) -> None:
        """At most three hours below the latest instant: more is a correction, and another story."""
        self.now = max(self.now - timedelta(seconds=seconds), self.latest - timedelta(hours=3))

    @rule(data=st.data(), status=st.sampled_from(Status))
    def guards_are_judged(self, data: st.DataObject, status: Status) -> None:
        """Of the runs that wait for them."""
        waiting = [run for run in self.world.ledger.runs.values() if run.phase is Phase.WAITING and not run.cancel]
        if waiting:
            run = data.draw(st.sampled_from(waiting))
            self.world.tell(after_guards(run, (Verdict(status, "so it is", "not_paused"),), self.now, self.now + SECOND))

    @rule(data=st.data(), outcome=st.sampled_from([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST]))
    def a_run_ends(self, data: st.DataObject, outcome: Outcome) -> None:
        """By itself; it may be tried again, and it may be followed up."""
        running = [run for run in self.world.ledger.runs.values() if run.holds_slot]
        if running:
            run = data.draw(st.sampled_from(running))
            retry_at = next_attempt(run.definition.retries, run, outcome, 1, self.now)
            self.world.tell(AttemptEnded(run.id, Attempt(run.attempt, outcome, self.now, self.now, 1), retry_at))
            finished = self.world.rows[-1].run if retry_at is None else None
            if finished is not None:
                self.world.tell(*(RunClaimed(follow_up) for follow_up in follow_ups(finished, self.now)))

    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        """Any open run."""
        if self.world.ledger.runs:
            self.world.tell(CancelAsked(data.draw(st.sampled_from(sorted(self.world.ledger.runs))), "ada"))

    @rule(data=st.data(), forced=st.booleans())
    def somebody_asks(self, data: st.DataObject, *, forced: bool) -> None:
        """For a run by hand."""
        job = data.draw(st.sampled_from(self.world.jobs))
        self.asked += 1
        run = manual_run(job, self.now, f"{self.asked:04x}", forced=forced, by="ada", source="worktree")
        self.world.tell(RunClaimed(run))

    @rule(name=st.sampled_from([None, "a", "b"]), seconds=st.none() | st.integers(1, 86_400))
    def pause(self, name: str | None, seconds: int | None) -> None:
        """One job or all."""
        until = None if seconds is None else self.now + timedelta(seconds=seconds)
        self.world.tell(Paused(JobId(name) if name else None, self.now, until))

    @rule(name=st.sampled_from([None, "a", "b"]))
    def resume(self, name: str | None) -> None:
        """One job or all."""
        self.world.tell(Resumed(JobId(name) if name else None, self.now))

    @rule(position=st.integers(0, 1), enabled=st.booleans(), period_s=st.none() | st.integers(1, 7200))
    def somebody_edits(self, position: int, *, enabled: bool, period_s: int | None) -> None:
        """Enables, disables, gives an interval."""
        edited = list(self.world.jobs)
        edited[position] = replace(edited[position], enabled=enabled)
        if period_s is not None:
            edited[position] = replace(edited[position], when=IntervalWhen(period_s))
        self.world.jobs = edited

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def each_due_instant_has_one_outcome(self) -> None:
        """Promise P4: one run or one row, never both, never two."""
        scheduled = [row.run for row in self.world.rows if row.run] + list(self.world.ledger.runs.values())
        keys = Counter((run.job, run.due) for run in scheduled if run.cause in (Cause.SCHEDULE, Cause.CATCH_UP))
        keys.update((row.job, row.due) for row in self.world.rows if row.not_run)
        assert [key for key, times in keys.items() if times > 1] == []

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def no_pool_is_overfull_and_no_job_beside_itself(self) -> None:
        """Unless its overlap allows so many."""
        running = [run for run in self.world.ledger.runs.values() if run.holds_slot]
        assert len(running) <= POOLS["default"]
        for job, times in Counter(run.job for run in running if not run.is_follow_up).items():
            definitions = [run.definition for run in running if run.job == job]
            room = max(one.max_instances if one.overlap is Overlap.ALLOW else 1 for one in definitions)
            assert times <= room


TestWeek = Week.TestCase
TestWeek.settings = settings(stateful_step_count=40)


def every_ready_run(desk: Any) -> Iterator[Run]:
    """A broken rule: overlap is not looked at when runs start."""
    for ready in desk.ready.values():
        yield from ready


def no_room_needed(_desk: object, _pool: str, _size: int | None, runs: Sequence[Run]) -> list[Run]:
    """A broken rule: pools have no size."""
    return list(runs)


def always_twice(job: Job, schedule: Any, cursor: datetime, now: datetime) -> CaughtUp:
    """A broken rule: an instant that starts is a row as well."""
    made = whole_catch_up(job, schedule, cursor, now)
    return replace(made, missed=(*made.missed, *(Missed(at, at, 1, "twice") for at in made.starts)))


whole_catch_up = catch_up


@pytest.mark.parametrize(
    ("where", "name", "broken"),
    [(admit_module, "_startable", every_ready_run), (admit_module, "_fill", no_room_needed), (plan_module, "catch_up", always_twice)],
)
def test_the_simulation_notices_a_broken_rule(monkeypatch: pytest.MonkeyPatch, where: object, name: str, broken: object) -> None:
    """A week is long enough for each."""
    monkeypatch.setattr(where, name, broken)
    few = settings(max_examples=300, stateful_step_count=40, database=None, derandomize=True, phases=[Stage.generate], deadline=None)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Week, settings=few)
