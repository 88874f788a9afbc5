"""Absence: a job that left the definitions keeps its cursor for 30 days, and longer while a run of it is open."""

from __future__ import annotations

from datetime import timedelta

from octojobs.core.absence import KEPT, absences
from octojobs.core.claim import manual_run
from octojobs.core.events import JobAbsent, JobForgotten, JobReturned, JobSeen, RunClaimed
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-01-01T12:00Z")
NAME = JobId("nightly")


def ledger(*events: JobSeen | JobAbsent | JobReturned | RunClaimed) -> Ledger:
    """A ledger that has seen the job, and then these."""
    made = Ledger()
    for event in (JobSeen(NAME, NOW, NOW), *events):
        made.apply(event)
    return made


def test_a_job_that_is_declared_is_left_alone() -> None:
    """Also one that is back: the plan welcomes it."""
    assert absences([NAME], ledger(), NOW) == ()
    assert absences([NAME], ledger(JobAbsent(NAME, NOW - KEPT)), NOW) == ()


def test_a_job_that_left_is_absent_and_that_is_recorded_once() -> None:
    """Its absence counts from the first look that missed it."""
    left = ledger()
    assert absences([], left, NOW) == (JobAbsent(NAME, NOW),)
    left.apply(JobAbsent(NAME, NOW))
    assert absences([], left, NOW + timedelta(days=1)) == ()


def test_a_job_is_forgotten_after_thirty_days_and_no_second_earlier() -> None:
    """A branch may lie for weeks; what nobody has declared for a month is litter."""
    left = ledger(JobAbsent(NAME, NOW))
    assert absences([], left, NOW + KEPT - timedelta(seconds=1)) == ()
    (forgotten,) = absences([], left, NOW + KEPT)
    assert forgotten == JobForgotten(NAME)
    left.apply(forgotten)
    assert (left.jobs, absences([], left, NOW + KEPT)) == ({}, ())


def test_a_job_with_an_open_run_is_not_forgotten() -> None:
    """What the run ends in must be known to the job's next start."""
    run = manual_run(job(), NOW, "3f2c", forced=False, by="ada", source="worktree")
    assert absences([], ledger(JobAbsent(NAME, NOW), RunClaimed(run)), NOW + 2 * KEPT) == ()


def test_a_clock_that_went_back_forgets_nothing() -> None:
    """An absence that lies ahead has lasted no time."""
    assert absences([], ledger(JobAbsent(NAME, NOW + KEPT)), NOW) == ()
