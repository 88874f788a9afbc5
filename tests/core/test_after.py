"""`after`: stories of one job that follows itself, and of what can come between two of its runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from octojobs.core.absence import absences
from octojobs.core.blocked import LONGEST_WAIT, after_guards
from octojobs.core.claim import manual_run
from octojobs.core.events import CancelAsked, JobAbsent, JobReturned, Paused, Resumed, RunClaimed, RunDropped, RunReady
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId
from octojobs.core.job import WhenBlocked
from octojobs.core.plan import Action
from octojobs.core.run import Outcome, Run
from octojobs.core.when import AfterWhen
from tests.core.oracle import at
from tests.core.worlds import World, job

NAME = JobId("nightly")
NOON = at("2026-01-01T12:00Z")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BLOCKED = (Verdict(Status.FAILED, "implementer-1, pid 48213", "no_agents_running"),)
GUARDED = (Condition("no_agents_running"),)


def ran_at_noon(**fields: Any) -> World:
    """A world whose job comes ten minutes after itself, and has just ended, at noon."""
    world = World([job(when=AfterWhen(600), **fields)])
    world.tick(NOON)
    world.finish_all(NOON)
    return world


def waiting(**fields: Any) -> tuple[World, Run]:
    """A world whose guarded job was claimed at noon and waits."""
    world = World([job(when=AfterWhen(600), conditions=GUARDED, **fields)])
    world.tick(NOON)
    (run,) = world.ledger.runs.values()
    return world, run


def test_a_pause_makes_one_row_a_delay_and_a_resume_goes_on_at_the_next() -> None:
    """However often the loop looks meanwhile; the skipped instant counts as the end of a run."""
    world = ran_at_noon()
    world.tell(Paused(None, NOON, None, "deploy"))
    for minutes in range(31):
        world.tick(NOON + minutes * MINUTE)
    skipped = [(row.due, row.reason) for row in world.rows if row.outcome is Outcome.SKIPPED]
    assert skipped == [(NOON + minutes * MINUTE, "paused (deploy)") for minutes in (10, 20, 30)]
    world.tell(Resumed(None, NOON + 31 * MINUTE))
    assert world.tick(NOON + 31 * MINUTE).next_due == {NAME: NOON + 40 * MINUTE}
    assert [one.due for one in world.tick(NOON + 40 * MINUTE).decisions if one.action is Action.START] == [NOON + 40 * MINUTE]


def test_a_protector_runs_in_spite_of_a_pause() -> None:
    """`run_when_paused` holds here as well."""
    world = ran_at_noon(run_when_paused=True)
    world.tell(Paused(None, NOON))
    assert [one.action for one in world.tick(NOON + 10 * MINUTE).decisions] == [Action.START]


def test_nothing_replaces_a_run_that_waits_for_its_guards() -> None:
    """There is no next instant until it has ended: it waits for a day, then the next one is due at once, and waits."""
    world, run = waiting()
    assert world.tick(NOON + 5 * HOUR).next_due == {NAME: None}
    world.tell(after_guards(run, BLOCKED, NOON + LONGEST_WAIT, None))
    later = NOON + LONGEST_WAIT + MINUTE
    assert [(one.due, one.action) for one in world.tick(later).decisions] == [(later, Action.START)]
    assert world.outcomes() == [
        ("01T12:00:00", "skipped", 1, "no_agents_running: implementer-1, pid 48213; nothing changed in time"),
    ]


def test_guards_that_skip_are_asked_again_a_delay_later() -> None:
    """`when_blocked: skip` polls at the pace of the job."""
    world, run = waiting(when_blocked=WhenBlocked.SKIP)
    world.tell(after_guards(run, BLOCKED, NOON, None))
    assert world.tick(NOON + MINUTE).next_due == {NAME: NOON + 10 * MINUTE}
    assert [one.due for one in world.tick(NOON + 10 * MINUTE).decisions] == [NOON + 10 * MINUTE]


def test_a_wait_that_ends_well_counts_from_the_end_of_the_run() -> None:
    """Not from the instant at which the run fell due."""
    world, run = waiting()
    world.tell(RunReady(run.id, ()))
    world.finish(world.ledger.runs[run.id], NOON + 3 * HOUR)
    assert world.tick(NOON + 3 * HOUR).next_due == {NAME: NOON + 3 * HOUR + 10 * MINUTE}


def test_a_run_that_was_cancelled_before_it_started_is_followed_by_the_next() -> None:
    """A delay after somebody cancelled it."""
    world, run = waiting()
    world.tell(CancelAsked(run.id, "ada"), RunDropped(run.id, Outcome.CANCELLED, "cancelled by ada", NOON + MINUTE))
    assert world.tick(NOON + MINUTE).next_due == {NAME: NOON + 11 * MINUTE}


def test_a_run_by_hand_puts_the_next_one_off() -> None:
    """It is a run like any other: none beside it, and the delay counts from its end."""
    world = ran_at_noon()
    asked = manual_run(world.jobs[0], NOON + 5 * MINUTE, "3f2c", forced=False, by="ada", source="worktree")
    world.tell(RunClaimed(asked))
    assert world.tick(NOON + 10 * MINUTE).next_due == {NAME: None}
    world.finish_all(NOON + 12 * MINUTE)
    assert world.tick(NOON + 12 * MINUTE).next_due == {NAME: NOON + 22 * MINUTE}


def test_a_job_that_was_disabled_comes_a_delay_after_it_is_enabled() -> None:
    """What would have fallen due meanwhile leaves no row, and it is no burst."""
    world = ran_at_noon()
    (enabled,) = world.jobs
    world.jobs = [replace(enabled, enabled=False)]
    assert world.tick(NOON + MINUTE).sightings == (JobAbsent(NAME, NOON + MINUTE),)
    assert world.tick(NOON + 5 * HOUR).next_due == {NAME: None}
    world.jobs = [enabled]
    made = world.tick(NOON + 9 * HOUR)
    assert (made.sightings, made.decisions) == ((JobReturned(NAME, NOON + 9 * HOUR),), ())
    assert made.next_due == {NAME: NOON + 9 * HOUR + 10 * MINUTE}
    assert [row.outcome for row in world.rows] == [Outcome.SUCCEEDED]


def test_a_job_that_was_away_comes_a_delay_after_it_returns() -> None:
    """A revert is no burst either."""
    world = ran_at_noon()
    world.tell(*absences((), world.ledger, NOON + MINUTE))
    assert world.tick(NOON + 48 * HOUR).next_due == {NAME: NOON + 48 * HOUR + 10 * MINUTE}


def test_a_job_that_was_first_seen_disabled_is_due_at_once_when_it_is_enabled() -> None:
    """It never ran: that is its first sight."""
    world = World([job(when=AfterWhen(600), enabled=False)])
    assert world.tick(NOON).sightings == ()
    world.jobs = [job(when=AfterWhen(600))]
    assert [one.due for one in world.tick(NOON + HOUR).decisions] == [NOON + HOUR]


def test_a_schedule_that_becomes_an_after_counts_from_its_last_run() -> None:
    """The edit keeps the cursor and the end."""
    world = World([job()])
    world.tick(NOON - MINUTE)
    world.tick(NOON)
    world.finish_all(NOON + MINUTE)
    world.jobs = [job(when=AfterWhen(600))]
    assert world.tick(NOON + 5 * MINUTE).next_due == {NAME: NOON + 11 * MINUTE}
