"""Rate limits: how long one lasts, and whether the run that met it goes on afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.identity import RunId
from octojobs.core.job import AgentAction
from octojobs.core.run import Attempt, Outcome, Run
from octojobs.slotted import dataclass

MET = 75
"""What the run of an agent exits with that met one: "try again later" (sysexits.h)."""
FIRST_WAIT_S, LONGEST_WAIT_S = 60, 300
MOST_DEFERRALS = 3
FURTHEST = timedelta(days=8)
"""Limits are by the minute, by five hours, by the week: a reset that is told for later is a mistake."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A provider's rate limit: until when, the run that met it, and when."""

    until: datetime
    since: datetime
    run: RunId

    def __str__(self) -> str:
        return f"rate limit until {self.until:%Y-%m-%dT%H:%M:%SZ} (met by {self.run})"


def limited_until(run: Run, attempt: Attempt, told: datetime | None) -> datetime | None:
    """Until when the limit lasts that the attempt met: as its program `told`, else 60, 120, 240, 300 s. None when it met none.

    `run` is as it was while the attempt ran. A limit that was told to be over already is one that nobody has told.
    Source: flows.md, "Runs of agents".
    """
    if not isinstance(run.definition.action, AgentAction) or attempt.outcome is not Outcome.FAILED or attempt.exit_code != MET:
        return None
    if told is not None and attempt.ended_at < told <= attempt.ended_at + FURTHEST:
        return told
    return attempt.ended_at + timedelta(seconds=wait_s(met(run) + 1))


def wait_s(number: int) -> int:
    """Seconds before the next try after so many limits in one run.

    >>> [wait_s(number) for number in (1, 2, 3, 4)]
    [60, 120, 240, 300]
    """
    return min(FIRST_WAIT_S << (min(number, MOST_DEFERRALS + 1) - 1), LONGEST_WAIT_S)


def deferred_until(run: Run, attempt: Attempt) -> datetime | None:
    """When the run goes on that met a limit; None when it does not: it met none, or three before, or somebody cancelled it."""
    return None if run.cancel or met(run) >= MOST_DEFERRALS else attempt.limited_until


def met(run: Run) -> int:
    """How many of its attempts so far met a limit."""
    return sum(attempt.limited_until is not None for attempt in run.attempts)
