"""Retries: whether a failed attempt is tried again, and when."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from octojobs.core.job import Backoff, RetryPolicy
from octojobs.core.rate_limit import MOST_DEFERRALS, met
from octojobs.core.run import Outcome, Run

_MOST_DOUBLINGS = 40
"""2^40 seconds is past every cap; a float must not overflow before the cap is applied."""


def next_attempt(policy: RetryPolicy, run: Run, outcome: Outcome, exit_code: int | None, ended_at: datetime) -> datetime | None:
    """When the run is tried again after its current attempt ended so; None for never.

    `run` is as it was while the attempt ran: `run.attempt` is the number of the attempt that ended. Attempts that provably never
    started (`Attempt.void`) use up no retry, nor do those that met a rate limit and were deferred. A run that somebody cancelled is
    not tried again. Source: "retries" in formats.md.
    """
    number = run.attempt - sum(attempt.void for attempt in run.attempts) - min(met(run), MOST_DEFERRALS)
    if number > policy.max or run.cancel or outcome not in policy.on:
        return None
    if outcome is Outcome.FAILED and policy.exit_codes and exit_code not in policy.exit_codes:
        return None
    delay_s = backoff_s(policy, number)
    if policy.jitter:
        delay_s *= _spread(f"{run.id}#{run.attempt}")
    return ended_at + timedelta(seconds=delay_s)


def backoff_s(policy: RetryPolicy, number: int) -> float:
    """Seconds before the retry after the `number`-th attempt: d, d·n or d·2^(n-1), at most `max_delay_s`.

    >>> [backoff_s(RetryPolicy(delay_s=10, max_delay_s=60), number) for number in (1, 2, 3, 4)]
    [10, 20, 40, 60]
    """
    growth: dict[Backoff, int] = {
        Backoff.CONSTANT: 1,
        Backoff.LINEAR: number,
        Backoff.EXPONENTIAL: 1 << min(number - 1, _MOST_DOUBLINGS),
    }
    return min(policy.delay_s * growth[policy.backoff], policy.max_delay_s)


def _spread(key: str) -> float:
    """A factor from 0.5 to 1, the same for the same key: runs that failed together do not come back together."""
    return 0.5 + int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**33
