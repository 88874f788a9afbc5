"""Admission: what starts now, in what order, and why the rest waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from octojobs.core.admit import Admission, Others, admit
from octojobs.core.claim import follow_ups
from octojobs.core.events import JobSeen, Paused, RunDropped
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, FollowUp, Job, Overlap, Priority
from octojobs.core.ledger import Ledger
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from tests.core.oracle import at
from tests.core.worlds import job

NOON = at("2026-01-01T12:00Z")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POOLS = {"default": 4, "builds": 1}


def run(definition: Job, due: datetime = NOON, phase: Phase = Phase.QUEUED, **fields: object) -> Run:
    """An open run that was claimed when it fell due."""
    values = {"cause": Cause.SCHEDULE, "claimed_at": due, **fields}
    return Run(RunId.of(definition.id, due), definition, due, phase=phase, **values)  # type: ignore[arg-type]  # fields of Run


def failed(definition: Job, due: datetime = NOON) -> Run:
    """A run that is over."""
    attempts = (Attempt(1, Outcome.FAILED, due, due, 1),)
    return run(definition, due, Phase.FINISHED, outcome=Outcome.FAILED, attempts=attempts)


def admitted(*runs: Run, now: datetime = NOON, pause: Paused | None = None) -> Admission:
    """The admission of these runs."""
    ledger = Ledger(runs={one.id: one for one in runs})
    for one in runs:
        ledger.apply(JobSeen(one.job, NOON, NOON))
    if pause:
        ledger.apply(pause)
    return admit(ledger, POOLS, now)


def started(admission: Admission) -> list[str]:
    """The jobs that start, in order."""
    return [one.job for one in admission.start]


def test_ready_runs_start_by_priority_then_due_instant_then_name() -> None:
    """Urgent first; of one instant `local` before the others and `remote` after them."""
    runs = [
        run(job("b")),
        run(job("a")),
        run(job("far", group="remote")),
    ]
    assert started(admitted(*runs, run(job("z", group="local")))) == ["z", "a", "b", "far"]
    first = [
        run(job("low", priority=Priority.LOW), NOON - MINUTE),
        run(job("urgent", priority=Priority.URGENT)),
        run(job("older"), NOON - MINUTE),
    ]
    assert started(admitted(*first, run(job("newer")))) == ["urgent", "older", "newer", "low"]


def test_a_pool_holds_what_it_has_no_room_for_and_says_so() -> None:
    """By name and size; another pool is not concerned."""
    busy = [run(job(f"busy{number}"), phase=Phase.RUNNING) for number in range(3)]
    made = admitted(*busy, run(job("a")), run(job("b")), run(job("c", pool="builds")))
    assert started(made) == ["a", "c"]
    assert made.held == {RunId.of(JobId("b"), NOON): "queued: pool default 4/4"}


def test_others_take_room_too_and_unknown_others_take_all_of_it() -> None:
    """The reason names them."""
    ledger = Ledger(runs={one.id: one for one in (run(job("a", pool="builds")), run(job("b")), run(job("c")))})
    made = admit(ledger, POOLS, NOON, others={"default": Others(3, "ada's agent"), "builds": Others(None, "nobody can tell")})
    assert started(made) == ["b"]
    assert list(made.held.values()) == ["queued: pool builds 1/1: nobody can tell", "queued: pool default 4/4: ada's agent"]


def test_a_pool_that_is_not_declared_holds_its_runs() -> None:
    """Definitions were edited since the run was claimed."""
    made = admitted(run(job("a", pool="agents")))
    assert (made.start, list(made.held.values())) == ((), ["queued: there is no pool agents in octojobs.yaml"])


def test_a_low_job_that_was_overtaken_for_an_hour_is_raised_one_level() -> None:
    """It can't starve behind medium ones, and does not overtake high ones."""
    low = run(job("low", priority=Priority.LOW, pool="builds"), NOON - HOUR)
    medium = run(job("medium", pool="builds"))
    assert started(admitted(low, medium, now=NOON - timedelta(seconds=1))) == ["medium"]
    assert started(admitted(low, medium)) == ["low"]
    assert started(admitted(low, run(job("high", priority=Priority.HIGH, pool="builds")))) == ["high"]


@pytest.mark.parametrize(("phase", "words"), [(Phase.STARTING, "running"), (Phase.RUNNING, "running")])
def test_one_run_of_a_job_at_a_time(phase: Phase, words: str) -> None:
    """The older one first; a second is held by the one that is open."""
    definition = job("a", overlap=Overlap.QUEUE_ALL)
    older, newer = run(definition, NOON - HOUR), run(definition)
    assert [one.id for one in admitted(newer, older).start] == [older.id]
    made = admitted(replace(older, phase=phase), newer)
    assert (made.start, made.held) == ((), {newer.id: f"queued: run {older.id} is still {words}"})


def test_a_retry_that_waits_keeps_its_place_and_takes_no_room() -> None:
    """It holds the job's next run back, and no other job's."""
    definition = job("a", overlap=Overlap.QUEUE_ALL, pool="builds")
    failed = (Attempt(1, Outcome.FAILED, NOON, NOON, 1),)
    retrying = run(definition, NOON - HOUR, Phase.RETRYING, attempt=2, not_before=NOON + MINUTE, attempts=failed)
    queued = run(definition)
    made = admitted(queued, retrying, run(job("other", pool="builds")))
    assert started(made) == ["other"]
    assert made.held == {queued.id: f"queued: run {retrying.id} is still waiting for a retry"}
    assert made.wake_at == NOON + MINUTE
    assert [one.id for one in admitted(queued, retrying, now=NOON + MINUTE).start] == [retrying.id]


def test_allow_starts_as_many_as_max_instances() -> None:
    """What `catch_up: all` claimed beyond waits."""
    definition = job("a", overlap=Overlap.ALLOW, max_instances=2)
    runs = [run(definition, NOON - k * MINUTE) for k in range(4)]
    assert [one.due for one in admitted(*runs).start] == [NOON - 3 * MINUTE, NOON - 2 * MINUTE]
    assert len(admitted(replace(runs[3], phase=Phase.RUNNING), *runs[:3]).start) == 1


def test_a_deadline_that_passed_ends_the_run_as_missed() -> None:
    """With the guard's evidence when it waited for one; a run that has started once is no longer bound by it."""
    definition = job("a", start_deadline_s=600)
    deadline = NOON + 10 * MINUTE
    queued = run(definition, deadline=deadline)
    assert admitted(queued).wake_at == deadline + timedelta(seconds=1)
    late = deadline + timedelta(seconds=1)
    assert admitted(queued, now=late).dropped == (RunDropped(queued.id, Outcome.MISSED, "start deadline 10m passed", late),)
    verdicts = (Verdict(Status.FAILED, "implementer-1", "no_agents_running"),)
    blocked = replace(queued, phase=Phase.WAITING, verdicts=verdicts, not_before=late + MINUTE)
    reason = "start deadline 10m passed; no_agents_running: implementer-1"
    assert admitted(blocked, now=late).dropped == (RunDropped(queued.id, Outcome.MISSED, reason, late, verdicts),)
    retrying = replace(queued, phase=Phase.RETRYING, attempts=(Attempt(1, Outcome.FAILED, NOON, NOON, 1),), not_before=NOON)
    assert started(admitted(retrying, now=late)) == ["a"]


@pytest.mark.parametrize("phase", [Phase.WAITING, Phase.QUEUED, Phase.RETRYING])
def test_a_cancelled_run_that_holds_no_slot_ends(phase: Phase) -> None:
    """One that runs is the runner's to stop."""
    cancelled = run(job("a"), phase=phase, cancel="ada")
    assert admitted(cancelled).dropped == (RunDropped(cancelled.id, Outcome.CANCELLED, "cancelled by ada", NOON),)
    assert admitted(replace(cancelled, phase=Phase.RUNNING)) == Admission()


def test_a_pause_holds_what_the_schedule_queued_and_not_what_was_asked_for() -> None:
    """Protectors run, and the word of a failure reaches a person."""
    failing = job("failing", on_failure=FollowUp(command=CommandAction("mail")))
    runs = [
        run(job("scheduled")),
        run(job("asked"), cause=Cause.MANUAL),
        run(job("protector", run_when_paused=True)),
        *follow_ups(failed(failing), NOON),
    ]
    made = admitted(*runs, pause=Paused(None, NOON, NOON + HOUR, "deploy"))
    assert started(made) == ["asked", "failing", "protector"]
    assert made.held == {runs[0].id: "paused until 2026-01-01T13:00:00Z (deploy)"}
    assert made.wake_at == NOON + HOUR


def test_a_follow_up_neither_waits_for_runs_of_its_job_nor_holds_them() -> None:
    """It is the echo of one that is over."""
    definition = job("a", on_failure=FollowUp(command=CommandAction("mail")))
    (follow_up,) = follow_ups(failed(definition, NOON - HOUR), NOON)
    assert [one.id for one in admitted(run(definition), follow_up).start] == [follow_up.id, run(definition).id]
    running = replace(follow_up, phase=Phase.RUNNING)
    assert started(admitted(run(definition), running)) == ["a"]


def test_a_waiting_run_wakes_the_loop_for_its_guards() -> None:
    """It is neither started nor held: its guards have the word."""
    waiting = run(job("a", conditions=(Condition("x"),)), phase=Phase.WAITING, not_before=NOON + MINUTE)
    assert admitted(waiting) == Admission(wake_at=NOON + MINUTE)


def test_ten_thousand_queued_runs_start_as_many_as_there_is_room() -> None:
    """The first four of all, and a reason for each other."""
    runs = [run(job(f"job{number:05}")) for number in range(10_000)]
    made = admitted(*reversed(runs))
    assert started(made) == ["job00000", "job00001", "job00002", "job00003"]
    assert len(made.held) == 9_996
