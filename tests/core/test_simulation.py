"""A span played through: the engine's rules with assumed processes, bounded, and the same each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from octojobs.core import simulation
from octojobs.core.guards import Condition, Status, Verdict
from octojobs.core.identity import JobId
from octojobs.core.job import Backoff, CommandAction, FollowUp, Job, Limits, Overlap, Priority, RetryPolicy
from octojobs.core.ledger import Ledger
from octojobs.core.plan import missed_once
from octojobs.core.run import Outcome, Run
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.simulation import Assumption, Simulation, World, simulate
from octojobs.core.when import AfterWhen, IntervalWhen, ScheduleWhen
from tests.core.worlds import job
from tests.strategies import START, jobs

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=30)
MANY = 100
"""Instants: some milliseconds' work."""


def play(*declared: Job, hours: float = 6, size: int = 4, takes: float | Callable[[Run], Assumption] = 60, **more: Any) -> Simulation:
    """These jobs from START on, whose attempts take so many seconds."""
    goes = takes if callable(takes) else lambda _: Assumption(float(takes))
    world = World({one.id: one for one in declared}, {"default": size}, goes, more.pop("verdicts", lambda *_: ()), **more)
    return simulate(world, Ledger(), START, START + hours * HOUR)


def told(made: Simulation) -> list[tuple[str, str, str, str]]:
    """Each row in short: job, due instant, first start, outcome."""
    return [
        (row.job, f"{row.due:%H:%M}", f"{row.run.attempts[0].started_at:%H:%M}" if row.run else "-", row.outcome.value) for row in made.rows
    ]


def every(name: str, minutes: int, **fields: Any) -> Job:
    """An interval job."""
    return job(name, IntervalWhen(minutes * 60), **fields)


def test_runs_wait_for_room_and_start_in_the_order_of_their_priority() -> None:
    """And say why they waited."""
    made = play(every("low", 120, priority=Priority.LOW), every("high", 120, priority=Priority.HIGH), hours=1, size=1, takes=600)
    assert told(made) == [("high", "00:00", "00:00", "succeeded"), ("low", "00:00", "00:10", "succeeded")]
    assert made.held == {made.rows[1].run.id: "queued: pool default 1/1"} if made.rows[1].run else False


def test_what_falls_due_during_a_run_is_skipped_as_overlap_says() -> None:
    """With the reason that the engine gives."""
    made = play(every("a", 10), hours=0.5, takes=15 * 60)
    assert (
        told(made)
        == [("a", "00:10", "-", "skipped"), ("a", "00:00", "00:00", "succeeded"), ("a", "00:30", "-", "skipped")][: len(made.rows)]
    )
    assert made.rows[0].reason == "previous run a@20260101T000000Z is still running"
    cancelled = play(every("a", 10, overlap=Overlap.CANCEL_RUNNING), hours=0.25, takes=15 * 60)
    assert [(row.outcome.value, row.reason) for row in cancelled.rows] == [("cancelled", "cancelled by overlap: cancel_running")]
    assert [run.due for run in cancelled.open_runs] == [START + 10 * MINUTE]


def test_failures_are_tried_again_and_followed_up() -> None:
    """A job that keeps failing is paused, and its instants are skipped from then on."""
    failing = every(
        "a",
        60,
        retries=RetryPolicy(max=1, delay_s=120, backoff=Backoff.CONSTANT),
        on_failure=FollowUp(command=CommandAction("mail")),
        pause_after=2,
    )
    made = play(failing, hours=3, takes=lambda run: Assumption(60, Outcome.SUCCEEDED if run.is_follow_up else Outcome.FAILED))
    assert told(made) == [
        ("a", "00:00", "00:00", "failed"),
        ("a", "00:00", "00:04", "succeeded"),
        ("a", "01:00", "01:00", "failed"),
        ("a", "01:00", "01:04", "succeeded"),
        ("a", "02:00", "-", "skipped"),
        ("a", "03:00", "-", "skipped"),
    ]
    assert [len(row.run.attempts) for row in made.rows[:2] if row.run] == [2, 1]
    assert made.rows[-1].reason == "paused (2 consecutive failures)"


def test_a_chain_starts_the_job_that_it_names() -> None:
    """As soon as the run before it has ended."""
    made = play(every("a", 600, on_success=FollowUp(run=JobId("b"))), every("b", 600), hours=0.1, size=9, takes=120)
    assert [(row.job, f"{row.at:%H:%M}") for row in made.rows] == [("a", "00:02"), ("b", "00:02"), ("b", "00:04")]


def test_a_time_limit_ends_what_takes_longer() -> None:
    """Whatever outcome is assumed."""
    (row,) = play(every("a", 600, limits=Limits(timeout_s=30)), hours=0.1).rows
    assert (row.outcome, row.at) == (Outcome.TIMED_OUT, START + timedelta(seconds=30))


def test_after_counts_from_the_end() -> None:
    """However long the run took."""
    made = play(job("a", AfterWhen(1800)), hours=2, takes=600)
    assert [f"{row.due:%H:%M}" for row in made.rows] == ["00:00", "00:40", "01:20"]


def test_what_falls_due_while_nobody_is_there_is_caught_up_with() -> None:
    """Runs that have begun go on meanwhile, and end when they end."""
    away = ((START + 5 * MINUTE, START + 65 * MINUTE),)
    made = play(every("a", 20), hours=1.5, takes=600, away=away)
    assert told(made) == [
        ("a", "00:00", "00:00", "succeeded"),
        ("a", "00:40", "-", "missed"),
        ("a", "01:00", "01:05", "succeeded"),
        ("a", "01:20", "01:20", "succeeded"),
    ]
    assert (made.rows[0].at, made.rows[1].count) == (START + 10 * MINUTE, 2)


def test_guards_are_asked_and_asked_again() -> None:
    """A run waits for one that does not hold."""
    opens = START + 10 * MINUTE

    def verdicts(_: Run, now: datetime) -> tuple[Verdict, ...]:
        return (Verdict(Status.PASSED if now >= opens else Status.FAILED, "it is early", "open"),)

    made = play(every("a", 60, conditions=(Condition("open"),)), hours=0.5, verdicts=verdicts)
    assert told(made) == [("a", "00:00", "00:10", "succeeded")]


def test_too_much_is_broken_off_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs for ever, also where attempts take no time at all."""
    monkeypatch.setattr(simulation, "MOST_STEPS", 500)
    made = play(every("a", 1), hours=1000, takes=0)
    assert made.stopped_at is not None
    assert made.stopped_at < START + 10 * HOUR
    monkeypatch.setattr(simulation, "MOST_ROWS", 7)
    assert 7 <= len(play(every("a", 1), hours=1000).rows) <= 8


some_jobs = st.lists(st.sampled_from("abc").flatmap(jobs), min_size=1, max_size=3, unique_by=lambda one: one.id)


@given(some_jobs, st.integers(0, 5000), st.integers(1, 3))
@example([job("a", ScheduleWhen(("@once 2026-01-01T00:00:00Z",)))], 0, 1)
@example([job("a", AfterWhen(1))], 0, 1)
def test_each_due_instant_ends_once_and_the_same_way_each_time(declared: Sequence[Job], seconds: int, size: int) -> None:
    """Every instant of the span is a row, part of one, or a run that is open at its end; a second time nothing differs."""
    timed = [one for one in declared if one.enabled and not isinstance(one.when, AfterWhen)]
    numbers = {one.id: _instants(one) for one in timed}
    after = [SPAN.total_seconds() / (one.when.delay_s + seconds) for one in declared if isinstance(one.when, AfterWhen)]
    assume(sum((*numbers.values(), *after)) < MANY)
    made, again = (play(*declared, hours=SPAN / HOUR, size=size, takes=seconds) for _ in range(2))
    assert made == again
    assert made.stopped_at is None
    for one in timed:
        ended = sum(row.count for row in made.rows if row.job == one.id and row.due >= START)
        assert ended + sum(run.job == one.id for run in made.open_runs) == numbers[one.id]


def _instants(one: Job) -> int:
    """How many due instants lie in the span of a job that is first seen at its beginning: a `@once` of just then is past."""
    state = sight(one, None, START).state
    assert state is not None
    past = sum(decision.due == START for decision in missed_once(one, START, ""))
    return past + schedule_of(one, state, START).count(state.cursor, START + SPAN)
