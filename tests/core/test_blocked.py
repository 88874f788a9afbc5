"""Blocked runs: wait, skip, and how long."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from octojobs.core.blocked import after_guards, blocking
from octojobs.core.events import RunBlocked, RunDropped, RunReady
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Hold, Job, OnUnknown, WhenBlocked
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.core.when import IntervalWhen
from tests.core.oracle import at

NOON = at("2026-01-01T12:00Z")
LATER = NOON + timedelta(hours=1)
JOB = Job(JobId("sweep"), IntervalWhen(3600), CommandAction("true"), conditions=(Condition("no_agents_running"),))
RUN = Run(RunId("sweep@20260101T120000Z"), JOB, NOON, Cause.SCHEDULE, NOON, Phase.WAITING)
FAILED = (Verdict(Status.PASSED, "on main", "on_branch"), Verdict(Status.FAILED, "implementer-1, pid 48213", "no_agents_running"))
UNKNOWN = (Verdict(Status.UNKNOWN, "can't read .octopoid", "no_agents_running"),)
PASSED = (Verdict(Status.PASSED, "no agents", "no_agents_running"),)


def run(cause: Cause = Cause.SCHEDULE, *, forced: bool = False, deadline: datetime | None = None, **fields: object) -> Run:
    """A waiting run of a job with these fields."""
    definition = replace(JOB, **fields)  # type: ignore[arg-type]  # the tests name fields of Job
    return replace(RUN, definition=definition, cause=cause, forced=forced, deadline=deadline)


@pytest.mark.parametrize(
    ("waiting", "verdicts"),
    [(run(), PASSED), (run(), ()), (run(forced=True), FAILED), (run(on_unknown=OnUnknown.RUN), UNKNOWN)],
    ids=["passed", "no guards", "forced", "unknown, and on_unknown: run"],
)
def test_a_run_whose_guards_hold_is_ready(waiting: Run, verdicts: tuple[Verdict, ...]) -> None:
    """Or that nobody's guards are asked for."""
    assert after_guards(waiting, verdicts, NOON, LATER) == RunReady(RUN.id, verdicts)


FREE, TAKEN, UNTOLD = (Verdict(status, "x", "hold(name x)") for status in (Status.PASSED, Status.FAILED, Status.UNKNOWN))


@pytest.mark.parametrize(
    ("waiting", "guards", "held", "is_ready"),
    [
        (run(), PASSED, FREE, True),
        (run(), PASSED, TAKEN, False),
        (run(), FAILED, FREE, False),
        (run(forced=True), (), FREE, True),
        (run(forced=True), (), TAKEN, False),
        (run(on_unknown=OnUnknown.RUN), UNKNOWN, FREE, True),
        (run(on_unknown=OnUnknown.RUN), UNKNOWN, UNTOLD, False),
    ],
)
def test_a_hold_has_to_be_free_whatever_else_is_said(waiting: Run, guards: tuple[Verdict, ...], held: Verdict, is_ready: bool) -> None:
    """The last verdict is about it."""
    waiting = replace(waiting, definition=replace(waiting.definition, hold=Hold(name="x")))
    event = after_guards(waiting, (*guards, held), NOON, LATER)
    assert isinstance(event, RunReady if is_ready else RunBlocked)


@pytest.mark.parametrize("verdicts", [FAILED, UNKNOWN], ids=["failed", "unknown"])
def test_a_blocked_run_is_looked_at_again_in_thirty_seconds(verdicts: tuple[Verdict, ...]) -> None:
    """Unknown does not hold. It may wait for ever: the next due instant replaces it."""
    for now in (NOON, NOON + timedelta(days=30)):
        assert after_guards(run(), verdicts, now, now + timedelta(hours=1)) == RunBlocked(RUN.id, verdicts, now + timedelta(seconds=30))


def test_skip_ends_the_run_with_the_evidence() -> None:
    """`when_blocked: skip`."""
    dropped = after_guards(run(when_blocked=WhenBlocked.SKIP), FAILED, NOON, LATER)
    assert dropped == RunDropped(RUN.id, Outcome.SKIPPED, "no_agents_running: implementer-1, pid 48213", NOON, FAILED)


@pytest.mark.parametrize(("cause", "next_due"), [(Cause.SCHEDULE, None), (Cause.MANUAL, LATER)], ids=["no next due instant", "manual"])
def test_what_nothing_replaces_waits_for_a_day(cause: Cause, next_due: datetime | None) -> None:
    """Then it is skipped, with the evidence."""
    almost = NOON + timedelta(hours=24) - timedelta(seconds=10)
    assert after_guards(run(cause), FAILED, almost, next_due) == RunBlocked(RUN.id, FAILED, NOON + timedelta(hours=24))
    dropped = after_guards(run(cause), FAILED, NOON + timedelta(hours=24), next_due)
    reason = "no_agents_running: implementer-1, pid 48213; nothing changed in time"
    assert dropped == RunDropped(RUN.id, Outcome.SKIPPED, reason, NOON + timedelta(hours=24), FAILED)


def test_what_nothing_replaces_waits_for_its_start_deadline() -> None:
    """Where the job names one."""
    manual = run(Cause.MANUAL, deadline=NOON + timedelta(minutes=10))
    assert isinstance(after_guards(manual, FAILED, NOON + timedelta(minutes=9), LATER), RunBlocked)
    assert isinstance(after_guards(manual, FAILED, NOON + timedelta(minutes=10), LATER), RunDropped)


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (FAILED, "no_agents_running: implementer-1, pid 48213"),
        (UNKNOWN, "no_agents_running is unknown: can't read .octopoid"),
        (PASSED, "conditions hold"),
        ((), "conditions not judged yet"),
    ],
)
def test_the_evidence_is_told_in_words(verdicts: tuple[Verdict, ...], words: str) -> None:
    """Of the guard that keeps the run from starting."""
    assert blocking(verdicts) == words
