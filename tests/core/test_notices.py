"""What is told of a job's ends: properties over every sequence of outcomes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.notices import CALM, STILL_EVERY, Notice, Streak, kept_waiting, late_at, notices
from octojobs.core.run import Outcome

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENDS = st.lists(st.tuples(st.sampled_from(Outcome), st.integers(0, 3 * 86_400)), max_size=40)
BAD = {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST}

Told = list[tuple[Outcome, datetime, tuple[Notice, ...]]]


def _told(ends: list[tuple[Outcome, int]]) -> Told:
    """Each end with its instant, so many seconds after the one before, and what is told of it."""
    streak, at, told = CALM, NOON, []
    for outcome, seconds in ends:
        at += timedelta(seconds=seconds)
        streak, found = notices(streak, outcome, at)
        told.append((outcome, at, found))
    return told


@given(ENDS)
def test_the_first_failure_is_always_told_and_a_recovery_once(ends: list[tuple[Outcome, int]]) -> None:
    """Failed and recovered alternate as the job does, whatever is skipped or cancelled in between."""
    failing = False
    for outcome, _, found in _told(ends):
        if outcome in BAD:
            assert failing or found == (Notice.FAILED,)
            failing = True
        elif outcome is Outcome.SUCCEEDED:
            assert found == ((Notice.RECOVERED, Notice.SUCCEEDED) if failing else (Notice.SUCCEEDED,))
            failing = False


@given(ENDS)
def test_a_failure_that_lasts_is_told_once_a_day(ends: list[tuple[Outcome, int]]) -> None:
    """Within a streak two notices are a day apart at least, and no failure is silent for longer than that."""
    last: datetime | None = None
    for outcome, at, found in _told(ends):
        if outcome is Outcome.SUCCEEDED:
            last = None
        elif outcome in BAD:
            assert (found == (Notice.FAILED,)) == (last is None or at - last >= STILL_EVERY)
            last = at if found else last


@given(st.sampled_from([Outcome.SKIPPED, Outcome.CANCELLED, Outcome.MISSED]), st.integers(0, 5))
def test_what_did_not_run_changes_no_streak(outcome: Outcome, failures: int) -> None:
    """Only a missed instant is told, each time."""
    streak = Streak(failures, NOON if failures else None)
    assert notices(streak, outcome, NOON) == (streak, (Notice.MISSED,) if outcome is Outcome.MISSED else ())


@given(st.lists(st.integers(0, 200), min_size=1, max_size=20), st.integers(1, 100))
def test_a_job_is_late_so_long_after_the_first_instant_that_came_to_nothing(hours: list[int], after: int) -> None:
    """In whatever order they are told; and then once a day."""
    dues = [NOON + timedelta(hours=hour) for hour in hours]
    streak = Streak()
    for due in dues:
        streak = kept_waiting(streak, due)
    late = late_at(streak, dues[-1], timedelta(hours=after))
    assert late == min(dues) + timedelta(hours=after)
    told = replace(streak, wait_told_at=late)
    assert late_at(told, dues[-1], timedelta(hours=after)) == late + STILL_EVERY


def test_a_run_ends_the_wait_and_a_success_after_a_notice_of_it_is_a_recovery() -> None:
    """A failure ends it, too: that is told by itself."""
    waits = Streak(waits_since=NOON, wait_told_at=NOON)
    assert notices(waits, Outcome.SUCCEEDED, NOON) == (Streak(), (Notice.RECOVERED, Notice.SUCCEEDED))
    assert notices(waits, Outcome.FAILED, NOON)[0].waits_since is None
    assert notices(Streak(waits_since=NOON), Outcome.SUCCEEDED, NOON)[1] == (Notice.SUCCEEDED,)


def test_a_clock_that_is_set_back_silences_no_failure() -> None:
    """By a second it changes nothing; a notice of next year is no reason to be silent until then."""
    streak = Streak(3, NOON)
    assert notices(streak, Outcome.FAILED, NOON - timedelta(seconds=1))[1] == ()
    assert notices(streak, Outcome.FAILED, NOON - timedelta(days=365)) == (Streak(4, NOON - timedelta(days=365)), (Notice.FAILED,))


def test_a_success_after_a_budget_was_told_is_a_recovery() -> None:
    """Each end of a run is a change, after which a spent budget is told again; what was skipped is none."""
    streak = Streak(budget_until=NOON)
    assert notices(streak, Outcome.SUCCEEDED, NOON) == (CALM, (Notice.RECOVERED, Notice.SUCCEEDED))
    assert notices(streak, Outcome.FAILED, NOON)[0].budget_until is None
    assert notices(streak, Outcome.SKIPPED, NOON) == (streak, ())
