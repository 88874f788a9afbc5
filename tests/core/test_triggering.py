"""Triggers become runs: the parts that no repository is needed for."""

from __future__ import annotations

from dataclasses import replace

from octojobs.core.claim import first_sight
from octojobs.core.events import NotRun, RunClaimed
from octojobs.core.job import Job, Overlap
from octojobs.core.ledger import Ledger
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from octojobs.core.trigger import Trigger
from octojobs.core.triggering import MOST_IN_A_ROW, followers, following, triggered
from octojobs.core.when import Ending, JobWhen, RefWhen
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-11-20T10:15:12.5Z")
TEST = replace(job("test"), when=RefWhen("refs/heads/main"))
SHIP = replace(job("ship"), when=JobWhen(TEST.id, Ending.FINISHED))
MOVED = Trigger("refs/heads/main moved", "refs/heads/main", "aaa", "bbb")


def ledger_of(*jobs: Job) -> Ledger:
    """A ledger that has seen the jobs."""
    ledger = Ledger()
    for one in jobs:
        ledger.fold(first_sight(one, ledger, NOW, ""))
    return ledger


def claimed(trigger: Trigger = MOVED, ledger: Ledger | None = None) -> Run:
    """The run of `test` that the trigger brings about."""
    (event,) = triggered(TEST, trigger, Cause.REF, ledger or ledger_of(TEST), NOW, "abc")
    assert isinstance(event, RunClaimed)
    return event.run


def ended(run: Run, outcome: Outcome) -> Run:
    """The run after it has ended so."""
    return replace(run, phase=Phase.FINISHED, outcome=outcome, attempts=(Attempt(1, outcome, NOW, NOW),))


def test_asking_twice_is_asking_for_one_run() -> None:
    """The id follows from the second and from the trigger."""
    assert claimed().id == claimed().id
    assert claimed().id.startswith("test@20261120T101512Z-")
    assert claimed(replace(MOVED, commit="ccc")).id != claimed().id


def test_two_runs_never_share_an_id() -> None:
    """Not even when the digits are taken already: asked for at that very second, by chance."""
    ledger = ledger_of(TEST)
    taken = replace(claimed(), definition=replace(TEST, overlap=Overlap.ALLOW, max_instances=2), cause=Cause.MANUAL)
    ledger.fold([RunClaimed(taken)])
    (event,) = triggered(taken.definition, MOVED, Cause.REF, ledger, NOW, "abc")
    assert isinstance(event, RunClaimed)
    assert event.run.id != taken.id


def test_every_end_of_a_run_that_began_is_one() -> None:
    """A due instant that was skipped or missed is none, and neither is the end of a follow-up."""
    waiting = followers([TEST, SHIP, replace(SHIP, enabled=False)])[TEST.id]
    assert waiting == (SHIP,)
    for outcome in Outcome:
        events = following(ended(claimed(), outcome), waiting, ledger_of(TEST, SHIP), NOW, "abc", "")
        assert bool(events) is (outcome not in (Outcome.SKIPPED, Outcome.MISSED)), outcome
    follow_up = replace(ended(claimed(), Outcome.SUCCEEDED), id=claimed().id.follow_up("on_success"))
    assert following(follow_up, waiting, ledger_of(TEST, SHIP), NOW, "abc", "") == ()


def test_a_chain_that_edits_have_made_a_circle_ends() -> None:
    """After fifty jobs in a row, with a line of history that says so."""
    run = ended(claimed(replace(MOVED, depth=MOST_IN_A_ROW)), Outcome.SUCCEEDED)
    (event,) = following(run, [SHIP], ledger_of(TEST, SHIP), NOW, "abc", "")
    assert isinstance(event, NotRun)
    assert event.reason == f"{run.id} succeeded; 50 jobs have followed one another, and no more are started"


def test_what_follows_is_told_of_the_same_commit() -> None:
    """Whoever asks which commit a release was made of."""
    (event,) = following(ended(claimed(), Outcome.SUCCEEDED), [SHIP], ledger_of(TEST, SHIP), NOW, "abc", "")
    assert isinstance(event, RunClaimed)
    assert event.run.trigger == Trigger(f"{claimed().id} succeeded", "refs/heads/main", "aaa", "bbb", claimed().id, 1)
