"""Claims: manual runs and the follow-ups of finished ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from octojobs.core.claim import follow_ups, manual_run
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp, RetryPolicy
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from octojobs.core.when import ManualWhen
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-11-20T10:15:12.5Z")
SAY_OK, SAY_NO = CommandAction("say ok"), CommandAction(("say", "no"))
JOB = job(
    conditions=(Condition("no_agents_running"),),
    retries=RetryPolicy(max=3),
    start_deadline_s=60,
    env={"A": "1"},
    pool="builds",
    pause_after=3,
    on_success=FollowUp(command=SAY_OK),
    on_failure=FollowUp(command=SAY_NO),
)


def finished(outcome: Outcome) -> Run:
    """A run of the job that ended so."""
    run = manual_run(JOB, NOW, "3f2c", forced=False, by="ada", source="abc")
    return replace(run, phase=Phase.FINISHED, outcome=outcome, attempts=(Attempt(1, outcome, NOW, NOW, 3, reason="exit code 3"),))


def test_a_manual_run_is_due_now_and_names_who_asked() -> None:
    """It waits for its guards as any other, and has the job's deadline."""
    run = manual_run(JOB, NOW, "3f2c", forced=False, by="ada", source="abc")
    assert (run.id, run.due, run.claimed_at) == ("nightly@20261120T101512Z-3f2c", NOW.replace(microsecond=0), NOW)
    assert (run.cause, run.phase, run.forced, run.requested_by) == (Cause.MANUAL, Phase.WAITING, False, "ada")
    assert (run.deadline, run.definitions, run.definition) == (run.due + timedelta(seconds=60), "abc", JOB)


def test_a_forced_run_passes_its_guards_by_and_says_so() -> None:
    """`--force`, recorded as such."""
    run = manual_run(JOB, NOW, "3f2c", forced=True, by="ada", source="abc")
    assert (run.phase, run.forced) == (Phase.QUEUED, True)


@pytest.mark.parametrize(
    ("outcome", "event", "cause", "command"),
    [
        (Outcome.SUCCEEDED, "on_success", Cause.ON_SUCCESS, SAY_OK),
        (Outcome.FAILED, "on_failure", Cause.ON_FAILURE, SAY_NO),
        (Outcome.TIMED_OUT, "on_failure", Cause.ON_FAILURE, SAY_NO),
        (Outcome.LOST, "on_failure", Cause.ON_FAILURE, SAY_NO),
    ],
)
def test_a_finished_run_is_followed_by_its_command(outcome: Outcome, event: str, cause: Cause, command: CommandAction) -> None:
    """In the job's surroundings, by none of its rules."""
    later = NOW + timedelta(minutes=1)
    (run,) = follow_ups(finished(outcome), later)
    assert (run.id, run.cause, run.phase, run.claimed_at) == (f"nightly@20261120T101512Z-3f2c+{event}", cause, Phase.QUEUED, later)
    definition = run.definition
    assert (definition.id, definition.when, definition.action) == (JobId("nightly"), ManualWhen(), command)
    assert (definition.conditions, definition.retries, definition.on_failure, run.deadline) == ((), RetryPolicy(), FollowUp(), None)
    assert (definition.pool, run.definitions) == ("builds", "abc")
    assert definition.env == {
        "A": "1",
        "OCTOJOBS_PARENT_RUN_ID": "nightly@20261120T101512Z-3f2c",
        "OCTOJOBS_PARENT_ATTEMPT": "1",
        "OCTOJOBS_OUTCOME": outcome.value,
        "OCTOJOBS_EXIT_CODE": "3",
        "OCTOJOBS_REASON": "exit code 3",
    }


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.SKIPPED, Outcome.MISSED])
def test_a_run_that_did_not_end_by_itself_has_no_follow_up(outcome: Outcome) -> None:
    """Somebody ended it, or nothing ran."""
    assert follow_ups(finished(outcome), NOW) == ()


def test_a_follow_up_has_none_itself() -> None:
    """Nor has a run whose job names no command."""
    (run,) = follow_ups(finished(Outcome.FAILED), NOW)
    assert follow_ups(replace(run, outcome=Outcome.FAILED, attempts=finished(Outcome.FAILED).attempts), NOW) == ()
    other = replace(JOB, on_failure=FollowUp(run=JobId("other")))
    assert follow_ups(replace(finished(Outcome.FAILED), definition=other), NOW) == ()
