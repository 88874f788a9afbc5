"""What the beginning of a run brings about: claimed once, in one record with the word that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from octojobs.core.beginning import at_start
from octojobs.core.claim import manual_run
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, Event, RunClaimed, StartFollowed
from octojobs.core.job import CommandAction, FollowUp, Job, TaskAction
from octojobs.core.ledger import JobState, Ledger, Row
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Process, Run
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-11-20T10:15:12Z")
WATCH = job("watch")
RUN = "build@20261120T101512Z-3f2c"


def begun(**hook: Any) -> tuple[Ledger, Run]:
    """A ledger with a run of a job that has this `on_start`, whose code has begun."""
    definition = job("build", on_start=FollowUp(**hook))
    run = manual_run(definition, NOW, "3f2c", forced=False, by="ada", source="abc")
    ledger = Ledger(jobs={definition.id: JobState(NOW, NOW)})
    ledger.fold([RunClaimed(run), AttemptStarting(run.id, 1, NOW), AttemptStarted(run.id, 1, NOW, Process(1, 1, "boot"))])
    return ledger, ledger.runs[run.id]


def claimed(ledger: Ledger, run: Run) -> tuple[Event, ...]:
    """What is to be recorded of the beginning."""
    return at_start(run, {one.id: one for one in (run.definition, WATCH)}, ledger, NOW, "def", "salt")


@pytest.mark.parametrize(
    ("hook", "name", "action"),
    [
        ({"command": CommandAction("top")}, f"{RUN}+on_start", CommandAction("top")),
        ({"enqueue": TaskAction("Look")}, f"{RUN}+on_start", TaskAction("Look")),
        ({"run": WATCH.id}, "watch@20261120T101512Z-", WATCH.action),
    ],
)
def test_a_hook_is_a_run_of_its_own(hook: dict[str, Any], name: str, action: object) -> None:
    """A command and a task share the job's surroundings; another job has its own."""
    ledger, run = begun(**hook)
    ledger.fold(claimed(ledger, run))
    (child,) = [one for one in ledger.runs.values() if one.id != run.id]
    assert child.id.startswith(name)
    assert (child.definition.action, child.cause) == (action, Cause.ON_START)
    assert (child.definition.on_start, child.is_beside) == (FollowUp(), "run" not in hook)
    assert ledger.runs[run.id] == replace(run, start_followed=True)


def test_a_message_is_a_line_of_history_without_a_process() -> None:
    """The channels are told from it."""
    ledger, run = begun(notify=("ops", "desk"))
    (row,) = ledger.fold(claimed(ledger, run))
    assert row == Row(run.job, run.due, Outcome.SUCCEEDED, NOW, "told to ops, desk", row.run)
    assert row.run is not None
    assert (row.run.id, row.run.attempts[-1].started_at) == (f"{RUN}+on_start", None)
    assert list(ledger.runs) == [RUN]


def test_a_run_is_followed_once_however_often_it_is_tried() -> None:
    """The run itself says so: another daemon, and another attempt, claim nothing."""
    ledger, run = begun(command=CommandAction("top"))
    ledger.fold(claimed(ledger, run))
    assert claimed(ledger, ledger.runs[run.id]) == ()
    ledger.fold([AttemptEnded(run.id, Attempt(1, Outcome.FAILED, NOW, NOW), NOW), AttemptStarting(run.id, 2, NOW)])
    assert claimed(ledger, ledger.runs[run.id]) == ()


def test_a_job_that_is_not_declared_any_more_is_not_started() -> None:
    """It was removed meanwhile; nobody asks again."""
    ledger, run = begun(run=job("gone").id)
    assert claimed(ledger, run) == (StartFollowed(run.id),)


def test_a_run_without_on_start_is_not_followed() -> None:
    """Most have none, and no record says so."""
    ledger, run = begun()
    assert claimed(ledger, run) == ()


def test_what_goes_on_beside_a_run_tells_of_no_end() -> None:
    """Its environment names the run, and has the outcome empty, not missing."""
    ledger, run = begun(command=CommandAction("top"))
    ledger.fold(claimed(ledger, run))
    definition: Job = next(one for one in ledger.runs.values() if one.id != run.id).definition
    assert dict(definition.env) == {
        "OCTOJOBS_PARENT_RUN_ID": RUN,
        "OCTOJOBS_PARENT_ATTEMPT": "1",
        "OCTOJOBS_OUTCOME": "",
        "OCTOJOBS_EXIT_CODE": "",
        "OCTOJOBS_REASON": "",
    }
    assert run.phase is Phase.RUNNING
