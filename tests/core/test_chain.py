"""Chains: a run's end asks for a run of another job, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from octojobs.core.chain import chained_job, chained_run
from octojobs.core.claim import follow_ups, manual_run
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-11-20T10:15:12.5Z")
DEPLOY, MEND = job("deploy", conditions=(Condition("on_branch", {"branches": ["main"]}),), start_deadline_s=60), job("mend")
BUILD = job("build", on_success=FollowUp(run=DEPLOY.id), on_failure=FollowUp(run=MEND.id))
JOBS = {one.id: one for one in (BUILD, DEPLOY, MEND)}


def finished(outcome: Outcome, build: Run | None = None) -> Run:
    """A run of `build` that ended so."""
    run = build or manual_run(BUILD, NOW, "3f2c", forced=False, by="ada", source="abc")
    return replace(run, phase=Phase.FINISHED, outcome=outcome, attempts=(Attempt(1, outcome, NOW, NOW),))


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (Outcome.SUCCEEDED, (DEPLOY.id, Cause.ON_SUCCESS)),
        (Outcome.FAILED, (MEND.id, Cause.ON_FAILURE)),
        (Outcome.TIMED_OUT, (MEND.id, Cause.ON_FAILURE)),
        (Outcome.LOST, (MEND.id, Cause.ON_FAILURE)),
        (Outcome.CANCELLED, None),
        (Outcome.SKIPPED, None),
        (Outcome.MISSED, None),
    ],
)
def test_the_outcome_decides_which_job_is_next(outcome: Outcome, named: tuple[JobId, Cause] | None) -> None:
    """A failure of whatever kind has one answer; what did not run, or was called off, has none."""
    assert chained_job(finished(outcome)) == named


def test_a_chained_run_is_one_of_the_other_job_asked_for_by_the_first() -> None:
    """It has that job's guards and deadline, and is due now."""
    first = finished(Outcome.SUCCEEDED)
    run = chained_run(first, JOBS, NOW, "def")
    assert run is not None
    assert (run.definition, run.cause, run.requested_by, run.definitions) == (DEPLOY, Cause.ON_SUCCESS, first.id, "def")
    assert (run.phase, run.due, run.deadline) == (Phase.WAITING, NOW.replace(microsecond=0), at("2026-11-20T10:16:12Z"))


def test_asking_twice_asks_for_one_run_and_two_runs_ask_for_two() -> None:
    """The id is derived from the finished run's."""
    other = manual_run(BUILD, NOW, "0a0b", forced=False, by="ada", source="abc")
    runs = [chained_run(finished(Outcome.SUCCEEDED, build), JOBS, NOW, "def") for build in (None, None, other)]
    ids = [run.id for run in runs if run is not None]
    assert (len(ids), len(set(ids)), ids[0] == ids[1]) == (3, 2, True)


def test_a_run_that_has_not_ended_asks_for_nothing() -> None:
    """Its outcome is not known."""
    assert chained_job(manual_run(BUILD, NOW, "3f2c", forced=False, by="ada", source="abc")) is None


def test_the_end_of_a_follow_up_asks_for_nothing() -> None:
    """`on_failure` is told of failures of the job, not of failures to tell."""
    telling = replace(BUILD, on_failure=FollowUp(command=CommandAction("mail"), run=MEND.id))
    (mail,) = follow_ups(replace(finished(Outcome.FAILED), definition=telling), NOW)
    assert chained_job(finished(Outcome.FAILED, mail)) is None


def test_a_job_that_is_not_declared_any_more_is_not_run() -> None:
    """It was removed while the first ran."""
    assert chained_run(finished(Outcome.SUCCEEDED), {BUILD.id: BUILD}, NOW, "def") is None
