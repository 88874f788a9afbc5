"""Events: what each does to a run, where it may happen, and what stays as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.claim import manual_run
from octojobs.core.events import (
    HAPPENS_TO,
    AttemptEnded,
    AttemptStarted,
    AttemptStarting,
    AttemptVoid,
    CancelAsked,
    RunBlocked,
    RunDropped,
    RunEvent,
    RunReady,
    StartFollowed,
    transition,
)
from octojobs.core.guards import Status, Verdict
from octojobs.core.run import Attempt, IllegalTransition, Outcome, Phase, Process, Run
from tests.core.oracle import at
from tests.core.worlds import job
from tests.strategies import values

NOW = at("2026-11-20T12:00Z")
LATER = NOW + timedelta(minutes=1)
SHIM = Process(4711, 1, "boot")
PASSED = (Verdict(Status.PASSED, "on main", "on_branch"),)
FAILED = (Verdict(Status.FAILED, "on topic", "on_branch"),)
ENDED = Attempt(1, Outcome.FAILED, NOW, LATER, exit_code=3)
RUN = manual_run(job(), NOW, "3f2c", forced=False, by="ada", source="abc")

EVENTS: tuple[RunEvent, ...] = (
    RunBlocked(RUN.id, FAILED, LATER),
    RunReady(RUN.id, PASSED),
    AttemptStarting(RUN.id, 1, NOW, "3f2c1ab", dirty=True),
    AttemptStarted(RUN.id, 1, LATER, SHIM),
    AttemptVoid(RUN.id, 1, NOW, "provably never started"),
    AttemptEnded(RUN.id, ENDED),
    AttemptEnded(RUN.id, ENDED, LATER),
    RunDropped(RUN.id, Outcome.SKIPPED, "paused", NOW),
    CancelAsked(RUN.id, "ada"),
    StartFollowed(RUN.id),
)
ARRIVES_IN: dict[type[RunEvent], Phase] = {
    RunBlocked: Phase.WAITING,
    RunReady: Phase.QUEUED,
    AttemptStarting: Phase.STARTING,
    AttemptStarted: Phase.RUNNING,
    AttemptVoid: Phase.QUEUED,
    RunDropped: Phase.FINISHED,
}


def after(*events: RunEvent, run: Run = RUN) -> Run:
    """The run after these events."""
    for event in events:
        run = transition(run, event)
    return run


STARTING = after(AttemptStarting(RUN.id, 1, NOW, "3f2c1ab"))
RUNNING = after(AttemptStarted(RUN.id, 1, NOW, SHIM), run=STARTING)


@pytest.mark.parametrize(
    ("event", "phase"), list(product(EVENTS, Phase)), ids=lambda value: type(value).__name__ if value in EVENTS else str(value)
)
def test_an_event_moves_a_run_where_it_can_happen_and_is_refused_elsewhere(event: RunEvent, phase: Phase) -> None:
    """The whole machine, each event in each phase; a refusal names the event, the run and where it stands."""
    run = replace(RUN, phase=phase)
    if phase in HAPPENS_TO[type(event)]:
        retried = Phase.RETRYING if isinstance(event, AttemptEnded) and event.retry_at else Phase.FINISHED
        stays = phase if isinstance(event, CancelAsked | StartFollowed) else retried
        assert transition(run, event).phase is ARRIVES_IN.get(type(event), stays)
        return
    with pytest.raises(IllegalTransition) as refused:
        transition(run, event)
    assert str(refused.value) == f"{type(event).__name__} can't happen to run {RUN.id}, which is {phase}"


def test_every_event_of_a_run_has_its_phases() -> None:
    """An event that is added without them would be refused everywhere."""
    assert set(HAPPENS_TO) == set(get_args(RunEvent)) == {type(event) for event in EVENTS}


@given(st.sampled_from(Phase), values(RunEvent))
def test_a_transition_changes_no_name_and_forgets_no_attempt(phase: Phase, event: RunEvent) -> None:
    """What a run is stays: its id, definition, due instant and cause; what is recorded of it only grows."""
    run = replace(RUN, phase=phase, attempts=(ENDED,))
    try:
        moved = transition(run, event)
    except IllegalTransition:
        return
    lasting = ("id", "definition", "due", "cause", "claimed_at", "deadline", "forced", "requested_by", "definitions")
    assert [getattr(moved, name) for name in lasting] == [getattr(run, name) for name in lasting]
    assert moved.attempts[:1] == (ENDED,)
    assert (moved.outcome is not None, moved.ended_at is not None) == (moved.phase is Phase.FINISHED,) * 2
    assert moved.attempt - run.attempt == (moved.phase in (Phase.RETRYING, Phase.QUEUED)) * (len(moved.attempts) - 1)


def test_a_blocked_run_keeps_the_evidence_and_the_time_of_the_next_look() -> None:
    """Until its guards hold: then it waits for no time any more."""
    blocked = after(RunBlocked(RUN.id, FAILED, LATER))
    assert (blocked.verdicts, blocked.not_before) == (FAILED, LATER)
    ready = after(RunReady(RUN.id, PASSED), run=blocked)
    assert (ready.verdicts, ready.not_before) == (PASSED, None)


def test_a_start_records_the_commit_then_the_process_and_the_time() -> None:
    """In that order: the process comes to be known when it exists."""
    assert (STARTING.commit, STARTING.process, STARTING.started_at, STARTING.holds_slot) == ("3f2c1ab", None, None, True)
    assert (RUNNING.process, RUNNING.started_at, RUNNING.holds_slot) == (SHIM, NOW, True)


def test_a_void_attempt_is_kept_as_such_and_another_takes_its_place() -> None:
    """It never started: no retry is used up."""
    void = after(AttemptVoid(RUN.id, 1, LATER, "provably never started"), run=RUNNING)
    assert (void.attempt, void.process, void.holds_slot) == (2, None, False)
    assert void.attempts == (Attempt(1, Outcome.LOST, None, LATER, reason="provably never started", void=True),)


def test_a_retried_attempt_waits_for_its_time_with_the_next_number() -> None:
    """It holds no slot meanwhile; its start clears what was known of the former attempt."""
    retrying = after(AttemptEnded(RUN.id, ENDED, LATER), run=RUNNING)
    assert (retrying.attempt, retrying.not_before, retrying.process, retrying.attempts) == (2, LATER, None, (ENDED,))
    again = after(AttemptStarting(RUN.id, 2, LATER), run=retrying)
    assert (again.not_before, again.started_at, again.holds_slot) == (None, None, True)


def test_the_last_attempt_gives_the_run_its_outcome_and_its_end() -> None:
    """As the receipt says, not as the daemon noticed."""
    finished = after(AttemptEnded(RUN.id, ENDED), run=RUNNING)
    assert (finished.outcome, finished.ended_at, finished.attempts, finished.process) == (Outcome.FAILED, LATER, (ENDED,), None)


def test_a_dropped_run_ends_with_an_attempt_that_never_started() -> None:
    """With the reason; the guards' evidence is that of the event, or what was known before."""
    blocked = after(RunBlocked(RUN.id, FAILED, LATER))
    dropped = after(RunDropped(RUN.id, Outcome.MISSED, "too late", LATER), run=blocked)
    assert (dropped.outcome, dropped.verdicts) == (Outcome.MISSED, FAILED)
    assert dropped.attempts == (Attempt(1, Outcome.MISSED, None, LATER, reason="too late"),)
    assert after(RunDropped(RUN.id, Outcome.SKIPPED, "on_branch", LATER, PASSED), run=blocked).verdicts == PASSED
    retrying = after(AttemptEnded(RUN.id, ENDED, LATER), run=RUNNING)
    assert after(RunDropped(RUN.id, Outcome.CANCELLED, "ada", LATER), run=retrying).attempts[-1].started_at is None


def test_the_first_who_asks_for_the_end_of_a_run_is_remembered() -> None:
    """The second changes nothing."""
    assert after(CancelAsked(RUN.id, "ada"), CancelAsked(RUN.id, "bob"), run=RUNNING).cancel == "ada"


@pytest.mark.parametrize(
    ("run", "event"),
    [
        (RUN, AttemptStarting(RUN.id, 2, NOW)),
        (STARTING, AttemptStarted(RUN.id, 2, NOW, SHIM)),
        (RUNNING, AttemptVoid(RUN.id, 2, NOW, "late")),
        (RUNNING, AttemptEnded(RUN.id, replace(ENDED, number=2))),
    ],
)
def test_news_of_another_attempt_is_refused(run: Run, event: RunEvent) -> None:
    """A slow shim of an earlier attempt must not end the present one."""
    with pytest.raises(IllegalTransition) as refused:
        transition(run, event)
    assert str(refused.value) == f"{type(event).__name__} names attempt 2 of {RUN.id}, which is at attempt 1"
