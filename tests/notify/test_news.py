"""What is told of a run that is due and does not start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from octojobs.core.identity import RunId
from octojobs.core.job import Notify
from octojobs.core.notices import Streak
from octojobs.notify.news import late_news
from tests.engine.world import job

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_clock_that_is_set_back_silences_no_run_that_is_late() -> None:
    """By a second it changes nothing; a notice of next year is no reason to be silent until then."""
    late = job("late", every=60, notify=Notify(("blocked",), ("ops",)))
    told = []
    for ahead in (timedelta(seconds=1), timedelta(days=365)):
        streak = Streak(wait_told_at=NOON + ahead)
        _, made, _ = late_news(streak, late, RunId("late@20261120T100000Z"), NOON - timedelta(hours=2), "", NOON, blocked=True)
        told.append([channel for _, channel, _ in made])
    assert told == [[], ["ops"]]
