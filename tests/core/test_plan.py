"""The plan: stories of one job, from its due instants to what the ledger records of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from octojobs.core.admit import admit
from octojobs.core.claim import manual_run
from octojobs.core.events import (
    AttemptEnded,
    CancelAsked,
    CursorMoved,
    JobSeen,
    NotRun,
    Paused,
    RunBlocked,
    RunClaimed,
    RunDropped,
)
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CatchUp, Overlap
from octojobs.core.plan import Action, Decision, plan
from octojobs.core.run import Attempt, Cause, Outcome, Phase
from octojobs.core.when import AfterWhen, IntervalWhen, ScheduleWhen, When
from tests.core.oracle import at
from tests.core.worlds import World, job

NAME = JobId("nightly")
NOON = at("2026-01-01T12:00Z")
HALF_PAST_ELEVEN = at("2026-01-01T11:30Z")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BLOCKED = (Verdict(Status.FAILED, "implementer-1, pid 48213", "no_agents_running"),)


def seen(**fields: object) -> World:
    """A world whose job was seen at half past eleven."""
    world = World([job(**fields)])  # type: ignore[arg-type]  # fields of Job
    world.tick(HALF_PAST_ELEVEN)
    return world


def start(due: datetime, cause: Cause = Cause.SCHEDULE) -> Decision:
    """A decision to start."""
    return Decision(NAME, due, Action.START, cause)


def skip(due: datetime, reason: str, count: int = 1, first_due: datetime | None = None, cause: Cause = Cause.SCHEDULE) -> Decision:
    """A decision to skip."""
    return Decision(NAME, due, Action.SKIP, cause, reason, count, first_due)


def test_a_due_instant_becomes_a_claimed_run_with_all_that_it_is() -> None:
    """The run carries its definition, its cause, its deadline and where the definition was read."""
    world = seen(start_deadline_s=600)
    now = NOON + timedelta(seconds=2)
    assert world.tick(now).decisions == (start(NOON),)
    run = world.ledger.runs[RunId("nightly@20260101T120000Z")]
    assert (run.definition, run.due, run.cause, run.claimed_at) == (world.jobs[0], NOON, Cause.SCHEDULE, now)
    assert (run.phase, run.deadline, run.definitions) == (Phase.QUEUED, NOON + 10 * MINUTE, "worktree")
    assert world.ledger.jobs[NAME].cursor == NOON


def test_nothing_is_due_between_two_instants_and_nothing_is_written() -> None:
    """The plan names the instant to wake at."""
    world = seen()
    told = len(world.events)
    quiet = world.tick(NOON - MINUTE)
    assert (quiet.decisions, quiet.wake_at, quiet.next_due) == ((), NOON, {NAME: NOON})
    assert len(world.events) == told


def test_first_sight_comes_before_the_first_run() -> None:
    """The events stand in the order in which the ledger must learn them."""
    world = World([job(when=IntervalWhen(60))])
    made = world.tick(NOON)
    assert [type(event) for event in world.events] == [JobSeen, RunClaimed]
    assert made.next_due == {NAME: NOON + MINUTE}


def test_a_long_absence_is_one_run_and_one_row() -> None:
    """`latest`, as `why` and `runs` will show it."""
    world = seen()
    made = world.tick(at("2026-01-03T15:20Z"))
    missed = Decision(NAME, at("2026-01-03T14:00Z"), Action.MISS, Cause.CATCH_UP, "coalesced into 2026-01-03T15:00:00Z", 51, NOON)
    assert made.decisions == (missed, start(at("2026-01-03T15:00Z"), Cause.CATCH_UP))
    assert world.outcomes() == [("03T14:00:00", "missed", 51, "coalesced into 2026-01-03T15:00:00Z")]


def test_a_paused_job_is_skipped_with_the_pauses_words() -> None:
    """A protector runs in spite of it."""
    world = seen()
    world.tell(Paused(None, HALF_PAST_ELEVEN, NOON + HOUR, "deploy"))
    assert plan([replace(world.jobs[0], run_when_paused=True)], world.ledger, NOON).decisions == (start(NOON),)
    assert world.tick(NOON).decisions == (skip(NOON, "paused until 2026-01-01T13:00:00Z (deploy)"),)
    assert world.tick(NOON + HOUR).decisions == (start(NOON + HOUR),)


def test_a_run_that_is_still_open_skips_the_next() -> None:
    """`overlap: skip`, the default."""
    world = seen()
    world.tick(NOON)
    assert world.tick(NOON + HOUR).decisions == (skip(NOON + HOUR, "previous run nightly@20260101T120000Z is still queued"),)
    world.start(RunId("nightly@20260101T120000Z"), NOON + HOUR)
    assert world.tick(NOON + 2 * HOUR).decisions == (skip(NOON + 2 * HOUR, "previous run nightly@20260101T120000Z is still running"),)
    world.tell(AttemptEnded(RunId("nightly@20260101T120000Z"), Attempt(1, Outcome.FAILED, NOON, NOON, 1), NOON + 9 * HOUR))
    made = world.tick(NOON + 3 * HOUR)
    assert made.decisions == (skip(NOON + 3 * HOUR, "previous run nightly@20260101T120000Z is still waiting for a retry"),)


def test_cancel_running_asks_each_open_run_once() -> None:
    """The new run is claimed at once and waits for the old one's end."""
    world = seen(overlap=Overlap.CANCEL_RUNNING)
    world.tick(NOON)
    made = world.tick(NOON + HOUR)
    assert made.cancels == (CancelAsked(RunId("nightly@20260101T120000Z"), "overlap: cancel_running"),)
    assert made.decisions == (start(NOON + HOUR),)
    assert plan(world.jobs, world.ledger, NOON + 2 * HOUR).cancels == (
        CancelAsked(RunId("nightly@20260101T130000Z"), "overlap: cancel_running"),
    )


def test_cancel_running_starts_the_newest_of_several_instants() -> None:
    """An older one would only be cancelled by it."""
    world = seen(when=IntervalWhen(10), overlap=Overlap.CANCEL_RUNNING)
    world.finish_all(HALF_PAST_ELEVEN)
    made = world.tick(HALF_PAST_ELEVEN + timedelta(seconds=25))
    newest = HALF_PAST_ELEVEN + timedelta(seconds=20)
    assert made.decisions == (skip(newest - timedelta(seconds=10), "replaced by 2026-01-01T11:30:20Z"), start(newest))


def test_catch_up_all_queues_what_was_missed() -> None:
    """Oldest first, `overlap: skip` notwithstanding."""
    world = seen(catch_up=CatchUp.ALL)
    made = world.tick(NOON + 2 * HOUR + 30 * MINUTE)
    assert made.decisions == tuple(start(NOON + k * HOUR, Cause.CATCH_UP) for k in range(3))


def test_a_newer_instant_replaces_a_run_that_waits_for_its_guards() -> None:
    """The older one is skipped, with the evidence that held it back."""
    world = seen(conditions=(Condition("no_agents_running"),))
    world.tick(NOON)
    waiting = RunId("nightly@20260101T120000Z")
    assert world.ledger.runs[waiting].phase is Phase.WAITING
    world.tell(RunBlocked(waiting, BLOCKED, NOON + MINUTE))
    made = world.tick(NOON + HOUR)
    reason = "no_agents_running: implementer-1, pid 48213; replaced by 2026-01-01T13:00:00Z"
    assert made.replaced == (RunDropped(waiting, Outcome.SKIPPED, reason, NOON + HOUR, BLOCKED),)
    assert made.decisions == (start(NOON + HOUR),)
    assert world.rows[-1].run is not None
    assert world.rows[-1].run.verdicts == BLOCKED


def test_a_run_that_somebody_asked_for_is_not_replaced() -> None:
    """It waits for its guards beside the scheduled one."""
    world = seen(conditions=(Condition("no_agents_running"),))
    asked = manual_run(world.jobs[0], HALF_PAST_ELEVEN, "3f2c", forced=False, by="ada", source="worktree")
    world.tell(RunClaimed(asked))
    made = world.tick(NOON)
    assert (made.replaced, made.decisions) == ((), (start(NOON),))


def test_after_is_due_when_its_delay_has_passed_since_the_end() -> None:
    """Not while a run is open; then once, and at once when the delay passed while nobody was there."""
    world = seen(when=AfterWhen(600))
    assert [run.due for run in world.ledger.runs.values()] == [HALF_PAST_ELEVEN]
    assert world.tick(NOON + 9 * HOUR).next_due == {NAME: None}
    world.finish_all(NOON)
    assert world.tick(NOON + 9 * MINUTE).next_due == {NAME: NOON + 10 * MINUTE}
    late = world.tick(NOON + 5 * HOUR + timedelta(milliseconds=7))
    assert (late.decisions, late.next_due) == ((start(NOON + 5 * HOUR),), {NAME: None})


def test_after_goes_on_when_an_instant_became_no_run() -> None:
    """A pause must not end the job for good."""
    world = seen(when=AfterWhen(600))
    world.finish_all(HALF_PAST_ELEVEN)
    world.tell(Paused(NAME, HALF_PAST_ELEVEN, NOON + HOUR))
    made = world.tick(NOON)
    assert made.decisions == (skip(NOON, "paused until 2026-01-01T13:00:00Z"),)
    assert made.next_due == {NAME: NOON + 10 * MINUTE}
    assert world.tick(NOON + HOUR).decisions == (start(NOON + HOUR),)


def test_a_paused_after_is_skipped_once_a_delay_however_often_the_loop_looks() -> None:
    """The skipped instant is now, as a start would be: nothing more is due until the delay has passed again."""
    world = seen(when=AfterWhen(5))
    world.finish_all(HALF_PAST_ELEVEN)
    world.tell(Paused(None, HALF_PAST_ELEVEN))
    now = HALF_PAST_ELEVEN + timedelta(seconds=40, milliseconds=7)
    made = world.tick(now)
    assert made.decisions == (skip(HALF_PAST_ELEVEN + timedelta(seconds=40), "paused"),)
    assert made.wake_at == HALF_PAST_ELEVEN + timedelta(seconds=45)
    assert world.tick(now).decisions == ()
    assert world.tick(now + timedelta(seconds=4)).decisions == ()


def test_a_past_once_is_missed_at_first_sight_and_only_then() -> None:
    """Recorded once; the cursor stands at the first sight."""
    world = World([job(when=ScheduleWhen(("@once 2026-01-01T10:00Z",)))])
    world.tick(NOON)
    world.tick(NOON + HOUR)
    assert world.outcomes() == [("01T10:00:00", "missed", 1, "it was past when the job was first seen")]
    assert world.ledger.jobs[NAME].cursor == NOON


def test_once_runs_once() -> None:
    """Late too, within the window."""
    world = seen(when=ScheduleWhen(("@once 2026-01-01T12:00Z",)))
    assert world.tick(NOON + 5 * HOUR).decisions == (start(NOON, Cause.CATCH_UP),)
    world.finish_all(NOON + 5 * HOUR)
    assert world.tick(NOON + 9 * HOUR).decisions == ()


def test_once_in_a_list_is_one_more_instant_of_the_job() -> None:
    """It runs in its turn, and one that a cron expression has too runs once."""
    world = seen(when=ScheduleWhen(("0 * * * *", "@once 2026-01-01T12:20Z", "@once 2026-01-01T13:00Z")))
    for minutes in range(0, 121, 10):
        world.tick(NOON + minutes * MINUTE)
        world.finish_all(NOON + minutes * MINUTE)
    assert [row.due - NOON for row in world.rows] == [timedelta(), 20 * MINUTE, HOUR, 2 * HOUR]


def test_a_past_once_in_a_list_is_missed_at_first_sight_and_the_rest_goes_on() -> None:
    """The cron expression has no past, the `@once` has."""
    world = World([job(when=ScheduleWhen(("0 * * * *", "@once 2026-01-01T10:00Z")))])
    assert world.tick(NOON).next_due == {NAME: NOON + HOUR}
    assert world.outcomes() == [("01T10:00:00", "missed", 1, "it was past when the job was first seen")]


def test_a_missed_once_of_a_list_is_coalesced_like_any_instant_of_the_job() -> None:
    """`catch_up` is the job's: the newest instant runs, and the row counts the others."""
    world = seen(when=ScheduleWhen(("0 * * * *", "@once 2026-01-01T12:20Z")))
    made = world.tick(NOON + 2 * HOUR + 30 * MINUTE)
    assert made.decisions == (
        Decision(NAME, NOON + HOUR, Action.MISS, Cause.CATCH_UP, "coalesced into 2026-01-01T14:00:00Z", 3, NOON),
        start(NOON + 2 * HOUR, Cause.CATCH_UP),
    )


@pytest.mark.parametrize(("entries", "again"), [(("0 * * * *", "@once 2026-01-01T12:20Z"), True), (("@once 2026-01-01T12:20Z",), False)])
def test_a_settled_once_comes_again_after_a_correction_only_beside_a_cron_expression(entries: tuple[str, ...], again: bool) -> None:
    """The clock was a day ahead, and is set right before its time; alone it stays settled."""
    world = seen(when=ScheduleWhen(entries))
    at = NOON + 20 * MINUTE
    for wrong in (at, NOON + 24 * HOUR):
        world.tick(wrong)
        world.finish_all(wrong)
    world.tick(NOON)
    world.finish_all(NOON)
    assert world.tick(at).decisions == ((start(at),) if again else ())


def test_all_that_is_caught_up_runs_as_wide_as_allow_says_and_then_the_present_has_its_turn() -> None:
    """`max_instances` bounds what runs, not what is owed; an instant that falls due meanwhile is measured by it as ever."""
    world = seen(catch_up=CatchUp.ALL, overlap=Overlap.ALLOW, max_instances=3)
    now = NOON + 9 * HOUR + 5 * MINUTE
    made = world.tick(now)
    assert [one.due for one in made.decisions] == [NOON + hours * HOUR for hours in range(10)]
    assert {(one.action, one.cause) for one in made.decisions} == {(Action.START, Cause.CATCH_UP)}
    admission = admit(world.ledger, {"default": 9}, now)
    assert [run.due for run in admission.start] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert len(admission.held) == 7
    assert world.tick(NOON + 10 * HOUR).decisions == (skip(NOON + 10 * HOUR, "10 runs are open and max_instances is 3"),)
    world.finish_all(NOON + 10 * HOUR)
    assert world.tick(NOON + 11 * HOUR).decisions == (start(NOON + 11 * HOUR),)


def test_a_clock_that_steps_back_a_little_starts_nothing_twice() -> None:
    """The cursor stays."""
    world = seen()
    world.tick(NOON)
    world.finish_all(NOON)
    back = world.tick(NOON - 2 * HOUR)
    assert (back.decisions, back.cursors, back.next_due) == ((), (), {NAME: NOON + HOUR})


def test_a_clock_that_was_far_ahead_is_corrected_with_a_row() -> None:
    """The job goes on at once; history says what happened."""
    world = seen()
    world.tick(NOON + 400 * 24 * HOUR)
    world.finish_all(NOON)
    made = world.tick(NOON)
    assert [type(cursor) for cursor in made.cursors] == [CursorMoved]
    assert world.rows[-1].correction
    assert world.tick(NOON + HOUR).decisions == (start(NOON + HOUR),)


def test_an_instant_that_comes_again_beside_its_open_run_is_not_claimed_twice() -> None:
    """The clock was set back by a day, and the run of tomorrow is still open."""
    world = seen(overlap=Overlap.ALLOW, max_instances=9)
    world.tick(NOON + 24 * HOUR)
    world.tick(NOON + 24 * HOUR - 4 * HOUR - MINUTE)
    again = world.tick(NOON + 24 * HOUR).decisions[-1]
    assert again == skip(NOON + 24 * HOUR, "run nightly@20260102T120000Z is open already")


@pytest.mark.parametrize("when", [ScheduleWhen(("0 * * * *",)), IntervalWhen(3600)])
def test_a_job_that_was_disabled_for_a_day_brings_no_burst(when: When) -> None:
    """What passed meanwhile is nobody's; the next instant is."""
    world = seen(when=when)
    world.finish_all(HALF_PAST_ELEVEN)
    enabled = world.jobs
    world.jobs = [replace(enabled[0], enabled=False)]
    assert world.tick(NOON - 20 * MINUTE).next_due == {NAME: None}
    assert world.tick(NOON + 24 * HOUR).decisions == ()
    world.jobs = enabled
    made = world.tick(NOON + 24 * HOUR + 10 * MINUTE)
    assert made.decisions == ()
    assert made.wake_at is not None
    assert made.wake_at - (NOON + 24 * HOUR) in (HOUR, 30 * MINUTE)


def test_not_run_names_the_stretch_of_several_instants() -> None:
    """One event for many instants, from the first to the last."""
    world = seen(catch_up=CatchUp.NONE)
    world.tick(NOON + 3 * HOUR + 30 * MINUTE)
    now = NOON + 3 * HOUR + 30 * MINUTE
    assert world.events[-1] == NotRun(NAME, NOON + 3 * HOUR, Outcome.MISSED, "catch_up is none", now, 4, NOON)
