"""The backlog admits what admission over all open runs would admit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.admit import Others, admit
from octojobs.core.backlog import Backlog
from octojobs.core.events import AttemptStarted, AttemptStarting, CancelAsked, Paused, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job, Overlap, Priority
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.run import Cause, Process, Run
from octojobs.core.when import ManualWhen

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
POOLS = {"default": 3, "agents": 1}


@st.composite
def _runs(draw: st.DrawFn) -> list[tuple[Run, str]]:
    """Queued runs of a few jobs, and what happens to each: it is left, started or cancelled."""
    made: dict[RunId, tuple[Run, str]] = {}
    jobs = [
        Job(
            JobId(name),
            ManualWhen(),
            CommandAction("true"),
            pool=draw(st.sampled_from(["", "", "agents"])),
            priority=draw(st.sampled_from(Priority)),
            overlap=draw(st.sampled_from(Overlap)),
            max_instances=2,
        )
        for name in "abcdefgh"
    ]
    for _ in range(draw(st.integers(0, 40))):
        job = draw(st.sampled_from(jobs))
        due = NOW - timedelta(minutes=draw(st.integers(0, 120)))
        deadline = draw(st.sampled_from([None, None, NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)]))
        run = Run(RunId.of(job.id, due), job, due, Cause.SCHEDULE, due, deadline=deadline)
        if draw(st.integers(0, 9)) == 0:
            run = replace(run, id=run.id.follow_up("on_start"), cause=Cause.ON_START)
        made[run.id] = (run, draw(st.sampled_from(["left", "left", "left", "started", "cancelled"])))
    return list(made.values())


@given(_runs(), st.sampled_from([None, "a", "b"]), st.sampled_from([None, 0, 1, 2]))
def test_the_backlog_starts_and_drops_what_admission_over_all_runs_does(
    runs: list[tuple[Run, str]], paused: str | None, taken: int | None
) -> None:
    """Same starts in the same order, same endings, the same instant to wake at, now and once more after nothing happened."""
    ledger = Ledger(jobs={run.job: JobState(NOW, NOW) for run, _ in runs})
    backlog = Backlog(ledger)
    for run, fate in runs:
        ledger.apply(RunClaimed(run))
        if fate == "started":
            ledger.apply(AttemptStarting(run.id, 1, NOW))
            ledger.apply(AttemptStarted(run.id, 1, NOW, Process(1, 1, "boot")))
        elif fate == "cancelled":
            ledger.apply(CancelAsked(run.id, "ada"))
        backlog.add(ledger.runs[run.id])
    if paused is not None:
        ledger.apply(Paused(JobId(paused), NOW, NOW + timedelta(hours=1)))
    others = {"default": Others(taken, "somebody")}
    expected = admit(ledger, POOLS, NOW, others=others)
    actual = backlog.admit(POOLS, NOW, others)
    assert actual.start == expected.start
    assert set(actual.dropped) == set(expected.dropped)
    again = backlog.admit(POOLS, NOW, others)
    assert again.start == expected.start


def test_a_job_that_holds_the_front_of_the_queue_does_not_starve_the_others() -> None:
    """A hundred queued runs of a job that is running leave the pool's room to the job behind them."""
    ledger = Ledger()
    jams = [_queued("jam", minutes, overlap=Overlap.QUEUE_ALL) for minutes in range(200, 100, -1)]
    for run in [*jams, _queued("late", 1)]:
        ledger.apply(RunClaimed(run))
    ledger.apply(AttemptStarting(jams[0].id, 1, NOW))
    assert [run.job for run in Backlog(ledger).admit(POOLS, NOW).start] == ["late"]


def test_what_a_job_keeps_waiting_does_not_hide_who_comes_before_the_less_urgent() -> None:
    """Behind four runs of an urgent job, of which one starts, there are more urgent ones: none of a lower priority overtakes them."""
    ledger = Ledger()
    urgent = [
        *(_queued("a", minutes, priority=Priority.URGENT) for minutes in (3, 2, 1, 0)),
        *(_queued(name, 0, priority=Priority.URGENT) for name in "bc"),
    ]
    for run in [*urgent, _queued("d", 0, priority=Priority.HIGH)]:
        ledger.apply(RunClaimed(run))
    assert [run.job for run in Backlog(ledger).admit(POOLS, NOW).start] == ["a", "b", "c"]


def _queued(name: str, minutes_ago: int, overlap: Overlap = Overlap.SKIP, priority: Priority = Priority.MEDIUM) -> Run:
    job = Job(JobId(name), ManualWhen(), CommandAction("true"), overlap=overlap, priority=priority)
    due = NOW - timedelta(minutes=minutes_ago)
    return Run(RunId.of(job.id, due), job, due, Cause.SCHEDULE, due)
