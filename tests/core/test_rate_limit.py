"""Rate limits: how long they last, who waits for their end, and what that costs a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.admit import admit
from octojobs.core.backlog import Backlog
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import AgentAction, CommandAction, Job, Overlap, RetryPolicy
from octojobs.core.ledger import Ledger
from octojobs.core.plan import Action
from octojobs.core.rate_limit import FURTHEST, MET, Limit, deferred_until, limited_until
from octojobs.core.retry import next_attempt
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Process, Run
from octojobs.core.when import ManualWhen
from tests.core.oracle import at
from tests.core.worlds import World, job

NOON = at("2026-01-01T12:00Z")
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ROOM = {"default": 4}


def agent_job(name: str, provider: str = "anthropic", **fields: object) -> Job:
    """A job whose agent meets the provider's limits."""
    return Job(JobId(name), ManualWhen(), AgentAction("x", provider=provider), **fields)  # type: ignore[arg-type]  # fields of Job


def run_of(definition: Job, due: datetime = NOON, **fields: object) -> Run:
    """A run that was claimed when it fell due."""
    return Run(RunId.of(definition.id, due), definition, due, Cause.SCHEDULE, due, **fields)  # type: ignore[arg-type]  # fields of Run


def limited(number: int, until: datetime | None = None, ended: datetime = NOON) -> Attempt:
    """An attempt that met a limit."""
    return Attempt(number, Outcome.FAILED, ended, ended, MET, limited_until=until)


def end(ledger: Ledger, run: Run, attempt: Attempt, began: datetime = NOON) -> None:
    """Claim the run and live its attempt to the end, as the engine would."""
    if run.id not in ledger.runs:
        ledger.apply(RunClaimed(run))
    ledger.apply(AttemptStarting(run.id, attempt.number, began))
    ledger.apply(AttemptStarted(run.id, attempt.number, began, Process(1, 1, "boot")))
    run = ledger.runs[run.id]
    attempt = replace(attempt, started_at=began)
    ledger.apply(AttemptEnded(run.id, attempt, deferred_until(run, attempt)))


# ------------------------------------------------------------------------------------------------------------------- how long it lasts


def test_a_limit_lasts_as_long_as_its_program_told() -> None:
    """Be it five days: whoever asks before is refused again."""
    told = NOON + timedelta(days=5)
    assert limited_until(run_of(agent_job("ask")), limited(1), told) == told


@pytest.mark.parametrize("told", [None, NOON, NOON - HOUR, NOON + FURTHEST + SECOND], ids=["untold", "now", "over", "mistake"])
def test_a_limit_that_nobody_told_is_tried_again_after_60_120_240_seconds(told: datetime | None) -> None:
    """At most 300; one that is told to be over already, or to last beyond a week, is none that was told."""
    waits = []
    attempts: tuple[Attempt, ...] = ()
    for number in (1, 2, 3, 4, 5):
        until = limited_until(run_of(agent_job("ask"), attempt=number, attempts=attempts), limited(number), told)
        attempts += (limited(number, until),)
        waits.append(until and (until - NOON).total_seconds())
    assert waits == [60, 120, 240, 300, 300]


@pytest.mark.parametrize(
    ("definition", "attempt"),
    [
        (job("command"), limited(1)),
        (agent_job("ask"), Attempt(1, Outcome.FAILED, NOON, NOON, 1)),
        (agent_job("ask"), Attempt(1, Outcome.CANCELLED, NOON, NOON, MET)),
        (agent_job("ask"), Attempt(1, Outcome.LOST, NOON, NOON)),
    ],
    ids=["no agent", "another code", "cancelled", "lost"],
)
def test_nothing_else_is_a_limit(definition: Job, attempt: Attempt) -> None:
    """75 of a command is the command's own matter."""
    assert limited_until(run_of(definition), attempt, NOON + HOUR) is None


# ------------------------------------------------------------------------------------------------------------------- whether it goes on


def test_a_run_is_deferred_three_times_and_then_its_policy_decides() -> None:
    """The deferrals use up no retry: the fourth limit is the first failure."""
    policy = RetryPolicy(max=1, delay_s=10)
    attempts: tuple[Attempt, ...] = ()
    for number in (1, 2, 3):
        run = run_of(agent_job("ask"), attempt=number, attempts=attempts)
        attempts += (limited(number, NOON + HOUR),)
        assert deferred_until(run, attempts[-1]) == NOON + HOUR
    run = run_of(agent_job("ask"), attempt=4, attempts=attempts)
    assert deferred_until(run, limited(4, NOON + HOUR)) is None
    assert next_attempt(policy, run, Outcome.FAILED, MET, NOON) == NOON + timedelta(seconds=10)
    assert next_attempt(policy, replace(run, attempt=5, attempts=(*attempts, limited(4, NOON + HOUR))), Outcome.FAILED, MET, NOON) is None


def test_a_run_that_somebody_cancelled_is_not_deferred() -> None:
    """It was to end."""
    assert deferred_until(run_of(agent_job("ask"), cancel="ada"), limited(1, NOON + HOUR)) is None


def test_a_deferred_run_is_open_has_no_slot_and_goes_on_when_the_limit_ends() -> None:
    """Whoever looks is woken then."""
    ledger = Ledger()
    run = run_of(agent_job("ask"))
    end(ledger, run, limited(1, NOON + HOUR))
    deferred = ledger.runs[run.id]
    assert (deferred.phase, deferred.attempt, deferred.holds_slot, deferred.is_deferred) == (Phase.RETRYING, 2, False, True)
    before = admit(ledger, ROOM, NOON + HOUR - SECOND)
    assert (before.start, before.wake_at) == ((), NOON + HOUR)
    assert admit(ledger, ROOM, NOON + HOUR).start == (deferred,)


# --------------------------------------------------------------------------------------------------------------------------- who waits


def test_all_runs_of_the_provider_wait_and_are_told_why() -> None:
    """Whichever job they are of; those of others, and those that ask no agent, start."""
    ledger = Ledger()
    end(ledger, run_of(agent_job("ask")), limited(1, NOON + HOUR))
    for other in (agent_job("review"), agent_job("codex", "openai"), job("make")):
        ledger.apply(RunClaimed(run_of(other)))
    made = admit(ledger, ROOM, NOON)
    assert [run.job for run in made.start] == ["codex", "make"]
    reason = "queued: anthropic's rate limit until 2026-01-01T13:00:00Z (met by ask@20260101T120000Z)"
    assert made.held == {RunId("review@20260101T120000Z"): reason}
    assert {run.job for run in admit(ledger, ROOM, NOON + HOUR).start} == {"ask", "review", "codex", "make"}


def test_a_run_that_was_forced_tries_all_the_same() -> None:
    """Somebody may have another account by now."""
    ledger = Ledger()
    end(ledger, run_of(agent_job("ask")), limited(1, NOON + HOUR))
    ledger.apply(RunClaimed(run_of(agent_job("review"), forced=True)))
    assert [run.job for run in admit(ledger, ROOM, NOON).start] == ["review"]


def test_a_limit_is_over_when_a_run_succeeds_that_began_later() -> None:
    """One that had begun before shows nothing."""
    ledger = Ledger()
    end(ledger, run_of(agent_job("ask")), limited(1, NOON + HOUR))
    end(ledger, run_of(agent_job("early")), Attempt(1, Outcome.SUCCEEDED, NOON, NOON + SECOND, 0), began=NOON - SECOND)
    assert ledger.limit("anthropic", NOON) is not None
    end(ledger, run_of(agent_job("late")), Attempt(1, Outcome.FAILED, NOON, NOON + 2 * SECOND, 1), began=NOON + SECOND)
    assert ledger.limit("anthropic", NOON) is not None
    end(ledger, run_of(agent_job("forced")), Attempt(1, Outcome.SUCCEEDED, NOON, NOON + 2 * SECOND, 0), began=NOON + SECOND)
    assert ledger.limit("anthropic", NOON) is None


def test_of_two_limits_the_longer_one_holds_and_an_old_one_goes() -> None:
    """A program that told nothing does not shorten what another was told."""
    ledger = Ledger()
    end(ledger, run_of(agent_job("a")), limited(1, NOON + HOUR))
    end(ledger, run_of(agent_job("b")), limited(1, NOON + timedelta(minutes=1)))
    assert ledger.limits == {"anthropic": Limit(NOON + HOUR, NOON, RunId("a@20260101T120000Z"))}
    end(ledger, run_of(agent_job("c", "openai")), limited(1, NOON + 3 * HOUR, NOON + 2 * HOUR))
    assert list(ledger.limits) == ["openai"]


def test_the_next_instant_of_a_job_whose_run_waits_is_skipped_once() -> None:
    """Exactly one outcome for each due instant: its overlap decides, as while it runs."""
    definition = replace(agent_job("ask"), when=job().when)
    world = World([definition])
    world.tick(at("2026-01-01T11:30Z"))
    world.tick(NOON)
    (run,) = world.ledger.runs.values()
    end(world.ledger, run, limited(1, NOON + 3 * HOUR))
    (skipped,) = world.tick(NOON + HOUR).decisions
    assert (skipped.action, skipped.due) == (Action.SKIP, NOON + HOUR)
    assert world.tick(NOON + HOUR).decisions == ()
    assert list(world.ledger.runs) == [run.id]


def test_while_a_run_is_deferred_no_other_run_of_its_job_starts() -> None:
    """Also when its own time has come and another's limit holds it."""
    ledger = Ledger()
    definition = agent_job("ask", overlap=Overlap.QUEUE_ONE)
    first, second = run_of(definition), run_of(definition, NOON + SECOND, forced=True)
    end(ledger, first, limited(1, NOON + timedelta(minutes=1)))
    end(ledger, run_of(agent_job("review")), limited(1, NOON + HOUR))
    ledger.apply(RunClaimed(second))
    made = admit(ledger, ROOM, NOON + timedelta(minutes=2))
    assert made.start == ()
    assert made.held[second.id] == "queued: run ask@20260101T120000Z is still waiting for a retry"


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["anthropic", "openai", ""]), st.integers(0, 90)), max_size=30),
    st.integers(1, 2),
)
def test_the_backlog_sees_limits_as_admission_over_all_runs_does(wanted: list[tuple[str, str, int]], room: int) -> None:
    """Runs that wait for a limit hide nobody behind them."""
    ledger = Ledger()
    end(ledger, run_of(agent_job("met")), limited(1, NOON + HOUR))
    for name, provider, minutes in wanted:
        definition = agent_job(name + provider, provider) if provider else Job(JobId(name), ManualWhen(), CommandAction("true"))
        run = run_of(replace(definition, overlap=Overlap.QUEUE_ALL), NOON - timedelta(minutes=minutes))
        if run.id not in ledger.runs:
            ledger.apply(RunClaimed(run))
    expected, actual = admit(ledger, {"default": room}, NOON), Backlog(ledger).admit({"default": room}, NOON)
    assert (actual.start, actual.wake_at) == (expected.start, expected.wake_at)
