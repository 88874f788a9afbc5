"""Retries: whether, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Backoff, CommandAction, Job, RetryPolicy
from octojobs.core.retry import backoff_s, next_attempt
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run
from octojobs.core.when import ManualWhen
from tests.core.oracle import at

NOON = at("2026-01-01T12:00Z")
JOB = Job(JobId("nightly"), ManualWhen(), CommandAction("true"))
RUN = Run(RunId("nightly@20260101T120000Z"), JOB, NOON, Cause.SCHEDULE, NOON, Phase.RUNNING)
TWICE = RetryPolicy(max=2, delay_s=10)


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [(Backoff.CONSTANT, [10, 10, 10, 10]), (Backoff.LINEAR, [10, 20, 30, 40]), (Backoff.EXPONENTIAL, [10, 20, 40, 80])],
)
def test_the_delay_grows_as_the_back_off_says(backoff: Backoff, delays: list[float]) -> None:
    """The delays are d, d·n and d·2^(n-1)."""
    policy = RetryPolicy(max=9, backoff=backoff, delay_s=10)
    found = [next_attempt(policy, replace(RUN, attempt=number), Outcome.FAILED, 1, NOON) for number in (1, 2, 3, 4)]
    assert found == [NOON + timedelta(seconds=delay) for delay in delays]


@given(st.integers(1, 10**6), st.floats(0.1, 3600), st.sampled_from(Backoff))
def test_no_delay_exceeds_its_cap(number: int, delay_s: float, backoff: Backoff) -> None:
    """`max_delay` holds for the millionth attempt too."""
    assert backoff_s(RetryPolicy(backoff=backoff, delay_s=delay_s, max_delay_s=60), number) <= 60


def test_max_counts_the_retries_not_the_attempts() -> None:
    """`max: 2` is three attempts at most."""
    found = [next_attempt(TWICE, replace(RUN, attempt=number), Outcome.FAILED, 1, NOON) is not None for number in (1, 2, 3)]
    assert found == [True, True, False]


def test_an_attempt_that_never_started_uses_up_no_retry() -> None:
    """The daemon died between the two records: nothing of the job had run."""
    void = Attempt(1, Outcome.LOST, None, NOON, void=True)
    failed = Attempt(2, Outcome.FAILED, NOON, NOON, 1)
    run = replace(RUN, attempt=3, attempts=(void, failed))
    assert next_attempt(replace(TWICE, max=2), run, Outcome.FAILED, 1, NOON) == NOON + timedelta(seconds=20)
    assert next_attempt(replace(TWICE, max=1), run, Outcome.FAILED, 1, NOON) is None


@pytest.mark.parametrize(
    ("outcome", "on", "retried"),
    [
        (Outcome.FAILED, ("failed", "timed_out"), True),
        (Outcome.TIMED_OUT, ("failed", "timed_out"), True),
        (Outcome.LOST, ("failed", "timed_out"), False),
        (Outcome.LOST, ("lost",), True),
        (Outcome.FAILED, ("lost",), False),
        (Outcome.CANCELLED, ("failed", "timed_out", "lost"), False),
        (Outcome.SUCCEEDED, ("failed", "timed_out", "lost"), False),
    ],
)
def test_only_the_outcomes_that_the_policy_names_are_tried_again(outcome: Outcome, on: tuple[str, ...], retried: bool) -> None:
    """`on`; by default failures and time-outs."""
    assert (next_attempt(replace(TWICE, on=on), RUN, outcome, None, NOON) is not None) == retried


def test_exit_codes_narrow_failures_alone() -> None:
    """A time-out has no exit code to compare."""
    policy = replace(TWICE, exit_codes=(75,))
    assert next_attempt(policy, RUN, Outcome.FAILED, 1, NOON) is None
    assert next_attempt(policy, RUN, Outcome.FAILED, 75, NOON) is not None
    assert next_attempt(policy, RUN, Outcome.TIMED_OUT, None, NOON) is not None


def test_a_run_that_somebody_cancelled_is_not_tried_again() -> None:
    """It may have failed on its way out."""
    assert next_attempt(TWICE, replace(RUN, cancel="ada"), Outcome.FAILED, 143, NOON) is None


def test_jitter_is_half_to_all_of_the_delay_and_the_same_each_time() -> None:
    """Runs that failed together do not come back together; a restart changes nothing."""
    policy = RetryPolicy(max=1, delay_s=100, jitter=True)
    runs = [replace(RUN, id=RunId.of(JobId(f"job{number}"), NOON)) for number in range(300)]
    delays = [(next_attempt(policy, run, Outcome.FAILED, 1, NOON) or NOON) - NOON for run in runs]
    assert delays == [(next_attempt(policy, run, Outcome.FAILED, 1, NOON) or NOON) - NOON for run in runs]
    assert timedelta(seconds=50) <= min(delays) < timedelta(seconds=55)
    assert timedelta(seconds=95) < max(delays) <= timedelta(seconds=100)
