"""The ledger: a fold over events, with the rows of history that they make and indexes that never disagree with it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octojobs.core.claim import follow_ups, manual_run
from octojobs.core.events import (
    AttemptEnded,
    AttemptStarted,
    AttemptStarting,
    AttemptVoid,
    CancelAsked,
    CursorMoved,
    Event,
    JobAbsent,
    JobForgotten,
    JobReanchored,
    JobReturned,
    JobSeen,
    NotRun,
    Paused,
    Resumed,
    RunBlocked,
    RunClaimed,
    RunDropped,
    RunReady,
)
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, FollowUp
from octojobs.core.ledger import JobState, Ledger, Pause, Row
from octojobs.core.run import Attempt, Cause, IllegalTransition, Outcome, Phase, Process, Run
from tests.core.oracle import at
from tests.core.worlds import job

NOON = at("2026-11-20T12:00Z")
MINUTE = timedelta(minutes=1)
NAME, OTHER = JobId("nightly"), JobId("sweep")
SHIM = Process(4711, 1, "boot")


def run_at(minute: int = 0, name: str = "nightly", cause: Cause = Cause.SCHEDULE, phase: Phase = Phase.QUEUED) -> Run:
    """The run of a job that is due so many minutes after noon."""
    due = NOON + minute * MINUTE
    return Run(RunId.of(JobId(name), due), job(name), due, cause, due, phase)


def ended(run: Run, outcome: Outcome = Outcome.SUCCEEDED, minute: int = 1) -> AttemptEnded:
    """The end of the run's attempt, so many minutes after noon."""
    return AttemptEnded(run.id, Attempt(run.attempt, outcome, run.due, NOON + minute * MINUTE, reason=f"it {outcome}"))


def life(run: Run, outcome: Outcome = Outcome.SUCCEEDED, minute: int = 1) -> list[Event]:
    """From claim to outcome."""
    return [RunClaimed(run), AttemptStarting(run.id, 1, run.due), AttemptStarted(run.id, 1, run.due, SHIM), ended(run, outcome, minute)]


def ledger(*events: Event) -> Ledger:
    """A ledger that has seen both jobs, and then these."""
    made = Ledger()
    for event in (JobSeen(NAME, NOON, NOON), JobSeen(OTHER, NOON, NOON, 60), *events):
        made.apply(event)
    return made


# ----------------------------------------------------------------------------------------------------------- of one job


def test_first_sight_begins_the_state_of_a_job() -> None:
    """Its cursor, its anchor, its interval, and nothing else yet."""
    assert ledger().jobs == {NAME: JobState(NOON, NOON), OTHER: JobState(NOON, NOON, 60)}


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (CursorMoved(NAME, NOON + MINUTE), {"cursor": NOON + MINUTE}),
        (CursorMoved(NAME, NOON - MINUTE, "the clock was set back"), {"cursor": NOON - MINUTE}),
        (JobReanchored(NAME, NOON + MINUTE, NOON - MINUTE, 90), {"cursor": NOON + MINUTE, "anchor": NOON - MINUTE, "interval_s": 90}),
        (JobAbsent(NAME, NOON + MINUTE), {"absent_since": NOON + MINUTE}),
        (JobReturned(NAME, NOON + MINUTE), {"cursor": NOON + MINUTE}),
        (JobReturned(NAME, NOON - MINUTE), {}),
        (NotRun(NAME, NOON + MINUTE, Outcome.SKIPPED, "paused", NOON), {"cursor": NOON + MINUTE}),
        (NotRun(NAME, NOON - MINUTE, Outcome.SKIPPED, "paused", NOON), {}),
        (Paused(NAME, NOON, NOON + MINUTE, "deploying"), {"pause": Pause(NOON, NOON + MINUTE, "deploying")}),
        (Resumed(NAME, NOON), {}),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else ",".join(value),
)
def test_an_event_of_a_job_changes_what_it_names_and_no_other_job(event: Event, changed: dict[str, object]) -> None:
    """A cursor goes back for a correction of the clock alone."""
    known = ledger(event).jobs
    assert known == {NAME: replace(JobState(NOON, NOON), **changed), OTHER: JobState(NOON, NOON, 60)}  # type: ignore[arg-type]  # fields of JobState


def test_a_job_that_returns_is_no_longer_absent_and_a_resumed_one_no_longer_paused() -> None:
    """What was said is taken back."""
    known = ledger(JobAbsent(NAME, NOON), Paused(NAME, NOON), JobReturned(NAME, NOON), Resumed(NAME, NOON))
    assert known.jobs[NAME] == JobState(NOON, NOON)


def test_a_job_that_is_forgotten_is_gone_and_forgetting_it_twice_is_once() -> None:
    """Its next sight is a first one."""
    assert NAME not in ledger(JobForgotten(NAME), JobForgotten(NAME)).jobs


@pytest.mark.parametrize(
    "event", [CursorMoved(JobId("new"), NOON), JobAbsent(JobId("new"), NOON), Paused(JobId("new"), NOON), Resumed(JobId("new"), NOON)]
)
def test_an_event_of_a_job_that_nobody_has_seen_changes_nothing(event: Event) -> None:
    """There is no state that it could change, and none is made up."""
    assert ledger(event) == ledger()


# ------------------------------------------------------------------------------------------------------------------ rows


def test_an_instant_that_was_not_run_makes_a_row_also_for_a_job_that_is_not_known() -> None:
    """P4: the outcome is recorded, whatever became of the job."""
    for name in (NAME, JobId("forgotten")):
        event = NotRun(name, NOON, Outcome.MISSED, "nobody was there", NOON + MINUTE, count=3, first_due=NOON - 2 * MINUTE)
        row = ledger().apply(event)
        assert row == Row(name, NOON, Outcome.MISSED, NOON + MINUTE, "nobody was there", None, 3, NOON - 2 * MINUTE, not_run=event)


def test_a_correction_of_the_cursor_makes_a_row_that_counts_no_instants() -> None:
    """It is told, and is no outcome of any; a cursor that the schedule moved makes none."""
    row = ledger().apply(CursorMoved(NAME, NOON, "the clock was set back"))
    assert row == Row(NAME, NOON, Outcome.MISSED, NOON, "the clock was set back", count=0, correction=True)
    assert ledger().apply(CursorMoved(NAME, NOON)) is None


def test_the_end_of_a_run_makes_its_row_and_nothing_before_it_does() -> None:
    """One row a run, with the run as it ended."""
    run = run_at()
    known = ledger()
    rows = [known.apply(event) for event in life(run, Outcome.FAILED)]
    assert rows[:-1] == [None, None, None]
    row = rows[-1]
    assert row is not None
    assert row.run is not None
    assert (row.job, row.due, row.outcome, row.at, row.reason, row.count) == (NAME, NOON, Outcome.FAILED, NOON + MINUTE, "it failed", 1)
    assert (row.run.phase, row.run.outcome, known.runs) == (Phase.FINISHED, Outcome.FAILED, {})


def test_a_run_that_is_tried_again_makes_one_row_at_its_last_end() -> None:
    """Its attempts are in it."""
    run = run_at()
    first = AttemptEnded(run.id, Attempt(1, Outcome.FAILED, NOON, NOON), NOON + MINUTE)
    known = ledger(*life(run)[:-1], first, AttemptStarting(run.id, 2, NOON), AttemptStarted(run.id, 2, NOON, SHIM))
    row = known.apply(ended(replace(run, attempt=2)))
    assert row is not None
    assert row.run is not None
    assert ([attempt.outcome for attempt in row.run.attempts], known.jobs[NAME].failures) == ([Outcome.FAILED, Outcome.SUCCEEDED], 0)


# ------------------------------------------------------------------------------------------------------------------ runs


@pytest.mark.parametrize(
    ("cause", "moves"),
    [(cause, cause in (Cause.SCHEDULE, Cause.CATCH_UP)) for cause in Cause],
)
def test_a_claim_moves_the_cursor_when_the_schedule_caused_it(cause: Cause, moves: bool) -> None:
    """In the same event, so that no crash falls between; what was asked for settles no due instant."""
    assert ledger(RunClaimed(run_at(5, cause=cause))).jobs[NAME].cursor == (NOON + 5 * MINUTE if moves else NOON)


def test_a_claim_of_an_older_instant_moves_no_cursor_back() -> None:
    """Catching up goes from the oldest to the newest, whatever is there already."""
    assert ledger(RunClaimed(run_at(5)), RunClaimed(run_at(2))).jobs[NAME].cursor == NOON + 5 * MINUTE


@pytest.mark.parametrize(
    ("outcomes", "failures", "succeeded_at"),
    [
        ([Outcome.SUCCEEDED], 0, 1),
        ([Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST], 3, None),
        ([Outcome.FAILED, Outcome.SUCCEEDED], 0, 2),
        ([Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED], 1, 1),
    ],
    ids=str,
)
def test_the_failures_in_a_row_are_counted_and_a_success_begins_anew(
    outcomes: list[Outcome], failures: int, succeeded_at: int | None
) -> None:
    """A cancelled run is no failure of the job, and no success."""
    known = ledger(*(event for minute, outcome in enumerate(outcomes) for event in life(run_at(minute), outcome, minute + 1)))
    state = known.jobs[NAME]
    assert (state.failures, state.last_outcome) == (failures, outcomes[-1])
    assert state.last_success_at == (None if succeeded_at is None else NOON + succeeded_at * MINUTE)
    assert (state.last_end, state.last_run) == (NOON + len(outcomes) * MINUTE, run_at(len(outcomes) - 1).id)


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.MISSED])
def test_a_run_that_never_ran_says_nothing_of_the_job_s_health(outcome: Outcome) -> None:
    """Neither its last run nor its failures change."""
    run = run_at()
    known = ledger(RunClaimed(run), RunDropped(run.id, outcome, "so it is", NOON))
    assert known.jobs[NAME] == JobState(NOON, NOON)


def test_the_end_of_a_follow_up_says_nothing_of_the_job_s_health() -> None:
    """A mail that could not be sent is no failure of the build."""
    build = replace(run_at(), definition=job(on_success=FollowUp(command=CommandAction("mail"))))
    known = ledger(*life(build))
    (mail,) = follow_ups(replace(build, outcome=Outcome.SUCCEEDED, attempts=(Attempt(1, Outcome.SUCCEEDED, NOON, NOON),)), NOON)
    for event in life(mail, Outcome.FAILED):
        known.apply(event)
    assert (known.jobs[NAME].failures, known.jobs[NAME].last_run, known.runs) == (0, build.id, {})


def test_the_runs_of_a_job_are_its_open_ones_in_the_order_of_their_claims() -> None:
    """Without follow-ups, which neither wait for runs of the job nor keep them waiting."""
    first, second, third = run_at(0), run_at(1), run_at(2)
    mail = replace(run_at(0), id=run_at(0).id.follow_up("on_failure"))
    known = ledger(*(RunClaimed(run) for run in (first, run_at(0, "sweep"), second, mail, third)), *life(second)[1:])
    assert [run.id for run in known.runs_of(NAME)] == [first.id, third.id]
    assert list(known.runs_of(JobId("nobody"))) == []


# ---------------------------------------------------------------------------------------------------------------- pauses


def test_a_pause_of_a_job_holds_that_job_until_its_end() -> None:
    """Its own first, else that of all; None when neither holds."""
    known = ledger(Paused(NAME, NOON, NOON + MINUTE, "deploying"), Paused(None, NOON, NOON + 2 * MINUTE))
    assert str(known.pause_of(NAME, NOON)) == "paused until 2026-11-20T12:01:00Z (deploying)"
    assert str(known.pause_of(NAME, NOON + MINUTE)) == str(known.pause_of(OTHER, NOON)) == "paused until 2026-11-20T12:02:00Z"
    assert known.pause_of(JobId("unseen"), NOON) == known.pause
    assert known.pause_of(NAME, NOON + 2 * MINUTE) is None


def test_resuming_all_leaves_the_pause_of_a_job_and_the_other_way_round() -> None:
    """Each is taken back by who gave it."""
    known = ledger(Paused(NAME, NOON), Paused(None, NOON), Resumed(None, NOON))
    assert (str(known.pause_of(NAME, NOON)), known.pause_of(OTHER, NOON)) == ("paused", None)
    known = ledger(Paused(NAME, NOON), Paused(None, NOON), Resumed(NAME, NOON))
    assert known.pause_of(NAME, NOON) == known.pause == Pause(NOON)


# ------------------------------------------------------------------------------------- whatever is applied in any order

RUNS = tuple(run_at(minute, name, phase=phase) for name in (NAME, OTHER) for minute, phase in enumerate((Phase.QUEUED, Phase.WAITING)))
_attempts = st.integers(1, 3)


def of_run(run: Run) -> st.SearchStrategy[Event]:
    """Anything that may, or may not, happen to the run."""
    outcome = st.sampled_from(Outcome)
    return st.one_of(
        st.just(RunClaimed(run)),
        st.just(RunBlocked(run.id, (), NOON)),
        st.just(RunReady(run.id, ())),
        _attempts.map(lambda n: AttemptStarting(run.id, n, NOON)),
        _attempts.map(lambda n: AttemptStarted(run.id, n, NOON, SHIM)),
        _attempts.map(lambda n: AttemptVoid(run.id, n, NOON, "fenced")),
        st.builds(
            lambda n, outcome, retry_at: AttemptEnded(run.id, Attempt(n, outcome, NOON, NOON), retry_at),
            _attempts, outcome, st.sampled_from([None, NOON]),
        ),
        outcome.map(lambda outcome: RunDropped(run.id, outcome, "so it is", NOON)),
        st.just(CancelAsked(run.id, "ada")),
        st.just(NotRun(run.job, run.due, Outcome.SKIPPED, "paused", NOON)),
    )  # fmt: skip


anything = st.lists(st.sampled_from(RUNS).flatmap(of_run), max_size=30)


@settings(max_examples=150)
@given(anything)
def test_a_check_says_before_what_applying_would_say(events: list[Event]) -> None:
    """It changes nothing, and refuses exactly the batches that the fold refuses."""
    known = ledger()
    before = deepcopy(known)
    try:
        known.check(events)
    except IllegalTransition:
        allowed = False
    else:
        allowed = True
    assert known == before
    assert allowed == folds(known, events)


def folds(known: Ledger, events: list[Event]) -> bool:
    """Whether the events can be applied one after the other; none for a run that is not open, no claim of one that is."""
    for event in events:
        try:
            if isinstance(event, RunClaimed) and event.run.id in known.runs:
                return False
            known.apply(event)
        except (IllegalTransition, KeyError):
            return False
    return True


@settings(max_examples=150)
@given(anything)
def test_the_indexes_are_those_of_the_open_runs(events: list[Event]) -> None:
    """As if they were made from nothing at every step; the hot loop asks them in place of walking all runs."""
    known = ledger()
    claimed: list[RunId] = []
    for event in events:
        try:
            known.check([event])
        except IllegalTransition:
            continue
        known.apply(event)
        if isinstance(event, RunClaimed):
            claimed = [run for run in claimed if run != event.run.id] + [event.run.id]
        claimed = [run for run in claimed if run in known.runs]
        assert {run.id for run in known.unqueued()} == {run.id for run in known.runs.values() if run.phase is not Phase.QUEUED}
        for name in (NAME, OTHER):
            assert [run.id for run in known.runs_of(name)] == [run for run in claimed if run.job == name]
        assert Ledger(known.jobs, dict(known.runs), known.pause) == known


@settings(max_examples=150)
@given(anything)
def test_every_claim_ends_in_at_most_one_row_and_no_row_is_made_of_nothing(events: list[Event]) -> None:
    """The fold's part of P4: rows and open runs together are what was claimed, and what was said not to run."""
    known = ledger()
    claims = not_run = rows = 0
    for event in events:
        try:
            known.check([event])
        except IllegalTransition:
            continue
        rows += known.apply(event) is not None
        claims += isinstance(event, RunClaimed)
        not_run += isinstance(event, NotRun)
    assert rows + len(known.runs) == claims + not_run


def test_a_manual_run_of_a_job_that_is_not_known_leaves_no_state_behind() -> None:
    """A state begins with first sight alone: an anchor that nobody chose would be a lie."""
    run = manual_run(job("new"), NOON, "3f2c", forced=False, by="ada", source="worktree")
    known = ledger(*life(run))
    assert (JobId("new") in known.jobs, known.runs) == (False, {})
