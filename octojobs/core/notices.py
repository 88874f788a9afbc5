"""What is worth telling of a job's ends: a change, and that a failure lasts; all else is noise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from octojobs.core.run import Outcome
from octojobs.slotted import dataclass


class Notice(StrEnum):
    """What can be told."""

    FAILED = "failed"
    RECOVERED = "recovered"
    MISSED = "missed"
    SUCCEEDED = "succeeded"
    BLOCKED = "blocked"
    OVERDUE = "overdue"
    BUDGET = "budget"


LATE = frozenset({Notice.BLOCKED, Notice.OVERDUE, Notice.BUDGET})
"""What is told of a due run that does not start."""


BAD = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST})
HAS_RESULT = BAD | {Outcome.SUCCEEDED}
"""The ends of a run that has done something."""
STILL_EVERY = timedelta(hours=24)
"""How long a job that keeps failing, or does not start, is silent between two notices."""


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures in a row, since the last success; `told_at` is when the last of them was told of, None while there is none.

    `waits_since` is the first due instant that its guards kept from running, since the last run; `wait_told_at` when it was last
    told that a due run does not start; `budget_until` when the budget comes back of which was told that it is spent.
    """

    failures: int = 0
    told_at: datetime | None = None
    waits_since: datetime | None = None
    wait_told_at: datetime | None = None
    budget_until: datetime | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether something was told, or counted, after which a success is a recovery."""
        return bool(self.failures or self.wait_told_at or self.budget_until)


CALM = Streak()


def notices(streak: Streak, outcome: Outcome, at: datetime) -> tuple[Streak, tuple[Notice, ...]]:
    """The streak after an end at `at` (aware), and what is told of it.

    A failure is told when it is the first, or when the last notice is `STILL_EVERY` old. A run that was skipped or cancelled
    says nothing about the job: it begins no streak and ends none.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> streak, told = notices(CALM, Outcome.FAILED, noon)
    >>> told, notices(streak, Outcome.FAILED, noon + timedelta(hours=1))[1], notices(streak, Outcome.SUCCEEDED, noon)[1]
    ((<Notice.FAILED: 'failed'>,), (), (<Notice.RECOVERED: 'recovered'>, <Notice.SUCCEEDED: 'succeeded'>))
    """
    if outcome in BAD:
        if streak.told_at is not None and abs(at - streak.told_at) < STILL_EVERY:  # later than `at`: the clock was set back
            return Streak(streak.failures + 1, streak.told_at), ()
        return Streak(streak.failures + 1, at), (Notice.FAILED,)
    if outcome is Outcome.SUCCEEDED:
        return CALM, (Notice.RECOVERED, Notice.SUCCEEDED) if streak.is_trouble else (Notice.SUCCEEDED,)
    return streak, (Notice.MISSED,) if outcome is Outcome.MISSED else ()


def kept_waiting(streak: Streak, due: datetime) -> Streak:
    """The streak when the guards of a run that is due at `due` don't hold: it waits since the first of these."""
    return streak if streak.waits_since is not None and streak.waits_since <= due else replace(streak, waits_since=due)


def late_at(streak: Streak, due: datetime, after: timedelta) -> datetime:
    """When it is to be told that a run, due at `due`, does not start: so long after, and then once a day."""
    since = min(due, streak.waits_since or due)
    return since + after if streak.wait_told_at is None else max(since + after, streak.wait_told_at + STILL_EVERY)
