"""What is worth telling of a job's ends: a change, and that a failure lasts; all else is noise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from octojobs.core.run import Outcome


class Notice(StrEnum):
    """What can be told."""

    FAILED = "failed"
    RECOVERED = "recovered"
    MISSED = "missed"
    SUCCEEDED = "succeeded"


BAD = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST})
HAS_RESULT = BAD | {Outcome.SUCCEEDED}
"""The ends of a run that has done something."""
STILL_EVERY = timedelta(hours=24)
"""How long a job that keeps failing is silent between two notices."""


@dataclass(frozen=True, slots=True)
class Streak:
    """Failures in a row, since the last success; `told_at` is when the last of them was told of, None while there is none."""

    failures: int = 0
    told_at: datetime | None = None


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
        if streak.told_at is not None and at - streak.told_at < STILL_EVERY:
            return Streak(streak.failures + 1, streak.told_at), ()
        return Streak(streak.failures + 1, at), (Notice.FAILED,)
    if outcome is Outcome.SUCCEEDED:
        return CALM, (Notice.RECOVERED, Notice.SUCCEEDED) if streak.failures else (Notice.SUCCEEDED,)
    return streak, (Notice.MISSED,) if outcome is Outcome.MISSED else ()
