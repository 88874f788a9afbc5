"""Requests: what each becomes in the ledger, and why some are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from octojobs.core.claim import manual_run
from octojobs.core.events import CancelAsked, Event, JobSeen, Paused, Resumed, RunClaimed
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.core.plan import plan
from octojobs.core.run import Phase
from octojobs.core.when import ScheduleWhen
from octojobs.engine.asked import Refused, events_for
from octojobs.store.requests import Request
from tests.engine.world import job
from tests.fakes import START

HAND, GATED = job("hand"), job("gated", conditions=(Condition("not_paused"),))
JOBS = {one.id: one for one in (HAND, GATED)}
SEEN = JobSeen(HAND.id, START, START)


def asked(kind: str, ledger: Ledger | None = None, **fields: Any) -> tuple[Event, ...]:
    """The events that the request becomes, a second after it was made, in a ledger that has seen `hand`."""
    request = Request(kind, START, by="ada", id="3f2c" * 4, **fields)
    return events_for(request, JOBS, ledger or known(), START + timedelta(seconds=1), "abc")


def known(*events: Event) -> Ledger:
    """A ledger that has seen `hand`, and then these."""
    ledger = Ledger()
    for event in (SEEN, *events):
        ledger.apply(event)
    return ledger


def by_hand(name: Job = HAND, suffix: str = "3f2c", *, forced: bool = False) -> RunClaimed:
    """The claim of a run by hand."""
    return RunClaimed(manual_run(name, START, suffix, forced=forced, by="ada", source="abc"))


@pytest.mark.parametrize("kind", ["run", "retry"])
def test_a_request_to_run_is_due_when_it_was_made_and_names_who_made_it(kind: str) -> None:
    """Not when it was read: the id must be the same whenever that is."""
    assert asked(kind, job=HAND.id) == (by_hand(),)


def test_a_request_that_was_carried_out_is_carried_out_once() -> None:
    """It is read again when the daemon died between the record and the removal of the file."""
    assert asked("run", known(by_hand()), job=HAND.id) == ()


@pytest.mark.parametrize("kind", ["run", "pause"])
def test_a_past_once_is_missed_when_a_request_sees_the_job_first(kind: str) -> None:
    """As it is when a plan does: every due instant has one outcome, and the next plan has nothing to add."""
    gone = replace(HAND, when=ScheduleWhen(("@once 2020-01-01T10:00Z", "0 * * * *")))
    ledger = Ledger()
    rows = [ledger.apply(event) for event in events_for(Request(kind, START, gone.id), {gone.id: gone}, ledger, START, "abc")]
    told = [(row.due.isoformat(), row.outcome.value, row.reason) for row in rows if row is not None]
    assert told == [("2020-01-01T10:00:00+00:00", "missed", "it was past when the job was first seen")]
    assert plan([gone], ledger, START).decisions == ()


def test_a_past_once_of_a_disabled_job_is_no_due_instant() -> None:
    """It is asked for by hand all the same."""
    off = replace(HAND, when=ScheduleWhen(("@once 2020-01-01T10:00Z",)), enabled=False)
    events = events_for(Request("run", START, off.id), {off.id: off}, Ledger(), START, "abc")
    assert [type(event) for event in events] == [JobSeen, RunClaimed]


def test_a_job_that_was_never_planned_is_seen_first() -> None:
    """What becomes of its run needs a state to stand in."""
    events = asked("run", Ledger(), job=HAND.id)
    assert (type(events[0]), events[-1]) == (JobSeen, by_hand())
    assert [type(event) for event in asked("pause", Ledger(), job=HAND.id)] == [JobSeen, Paused]


def test_a_forced_run_passes_its_guards_by() -> None:
    """And only a forced one."""
    phases = [asked("run", job=GATED.id, force=force)[-1].run.phase for force in (False, True)]  # type: ignore[union-attr]  # a claim
    assert phases == [Phase.WAITING, Phase.QUEUED]


def test_cancelling_a_job_cancels_each_of_its_open_runs_that_is_not_cancelled_yet() -> None:
    """Twice is once."""
    first, second = by_hand(suffix="0001"), by_hand(suffix="0002")
    ledger = known(first, second, CancelAsked(first.run.id, "bob"))
    assert asked("cancel", ledger, job=HAND.id) == (CancelAsked(second.run.id, "ada"),)


def test_cancelling_a_run_leaves_its_siblings() -> None:
    """It is named."""
    first, second = by_hand(suffix="0001"), by_hand(suffix="0002")
    assert asked("cancel", known(first, second), run=second.run.id) == (CancelAsked(second.run.id, "ada"),)


@pytest.mark.parametrize("name", [HAND.id, None])
def test_pause_and_resume_are_of_a_job_or_of_all(name: JobId | None) -> None:
    """From now on, with its end and its reason."""
    now, until = START + timedelta(seconds=1), START + timedelta(hours=1)
    assert asked("pause", job=name, until=until, reason="deploying") == (Paused(name, now, until, "deploying"),)
    assert asked("resume", job=name) == (Resumed(name, now),)


def test_a_job_that_was_removed_can_be_resumed() -> None:
    """A run of it that was tried again, or asked for, may wait for nothing else."""
    request = Request("resume", START, HAND.id, by="ada")
    assert events_for(request, {}, known(Paused(HAND.id, START)), START, "abc") == (Resumed(HAND.id, START),)


@pytest.mark.parametrize(
    ("kind", "fields", "why"),
    [
        ("run", {"job": JobId("nobody")}, "there is no job 'nobody' in the definitions that are live"),
        ("pause", {"job": JobId("nobody")}, "there is no job 'nobody' in the definitions that are live"),
        ("resume", {"job": JobId("nobody")}, "there is no job 'nobody' in the definitions that are live"),
        ("run", {}, "the request names no job"),
        ("cancel", {}, "the request names neither a run nor a job"),
        ("cancel", {"job": HAND.id}, "no run of hand is open"),
        ("cancel", {"run": RunId("hand@20261120T100000Z")}, "run hand@20261120T100000Z is not open"),
        ("dance", {}, "nobody knows how to dance"),
    ],
)
def test_what_can_t_be_done_is_refused_in_words(kind: str, fields: dict[str, Any], why: str) -> None:
    """They reach the log, where who asked can find them."""
    with pytest.raises(Refused) as refused:
        asked(kind, **fields)
    assert str(refused.value) == why
