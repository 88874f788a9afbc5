"""Sightings: first sight, edits, absence, a disabled job, and a cursor that the clock left in the future."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from octojobs.core.events import CursorMoved, JobAbsent, JobReanchored, JobReturned, JobSeen
from octojobs.core.identity import JobId
from octojobs.core.ledger import JobState
from octojobs.core.sighting import Sighting, schedule_of, sight
from octojobs.core.when import AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen
from tests.core.oracle import at
from tests.core.worlds import job

NOW = at("2026-01-01T12:00:00.25Z")
NOON = at("2026-01-01T12:00Z")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NAME = JobId("nightly")
KNOWN = JobState(cursor=NOON - timedelta(hours=2), anchor=NOON - DAY)


def test_a_cron_job_has_no_past_at_first_sight() -> None:
    """Its cursor is now; and so is that of a job that only runs when asked."""
    for when in (ScheduleWhen(("0 * * * *",)), ManualWhen()):
        assert sight(job(when=when), None, NOW).events == (JobSeen(NAME, NOON, NOON, None),)


def test_an_interval_is_due_at_once_at_first_sight() -> None:
    """The anchor is now, on the second, and not yet settled; `after` the same."""
    assert sight(job(when=IntervalWhen(60)), None, NOW).events == (JobSeen(NAME, NOON - SECOND, NOON, 60),)
    assert sight(job(when=AfterWhen(60)), None, NOW).events == (JobSeen(NAME, NOON - SECOND, NOON, None),)


def test_a_known_and_unchanged_job_brings_nothing() -> None:
    """No write for a job that is only there."""
    assert sight(job(), KNOWN, NOW) == Sighting(KNOWN)
    with_interval = replace(KNOWN, interval_s=60)
    assert sight(job(when=IntervalWhen(60)), with_interval, NOW) == Sighting(with_interval)


def test_an_edited_interval_counts_from_now() -> None:
    """And is next due one period later: an edit, or a branch flipped back and forth, starts nothing by itself."""
    sighting = sight(job(when=IntervalWhen(90)), replace(KNOWN, interval_s=60), NOW)
    assert sighting.events == (JobReanchored(NAME, NOON, NOON, 90),)
    assert sighting.state is not None
    assert schedule_of(job(when=IntervalWhen(90)), sighting.state, NOW).next_after(NOON) == NOON + timedelta(seconds=90)


def test_an_interval_that_is_edited_after_the_clock_went_back_repeats_no_instant() -> None:
    """It counts from now, and nothing up to the cursor is due again: that is settled."""
    ahead = replace(KNOWN, cursor=NOON + timedelta(hours=1), interval_s=60)
    assert sight(job(when=IntervalWhen(90)), ahead, NOW).events == (JobReanchored(NAME, ahead.cursor, NOON, 90),)


def test_a_job_that_came_to_have_an_interval_counts_from_now() -> None:
    """It had a cron expression before."""
    assert sight(job(when=IntervalWhen(90)), KNOWN, NOW).events == (JobReanchored(NAME, NOON, NOON, 90),)


def test_an_edited_cron_expression_keeps_the_cursor() -> None:
    """Also when it was an interval before."""
    assert sight(job(when=ScheduleWhen(("5 * * * *",))), KNOWN, NOW) == Sighting(KNOWN)
    events = sight(job(), replace(KNOWN, interval_s=60), NOW).events
    assert events == (JobReanchored(NAME, KNOWN.cursor, KNOWN.anchor, None),)


def test_a_job_that_returns_brings_no_burst() -> None:
    """Its cursor is now."""
    sighting = sight(job(), replace(KNOWN, absent_since=NOON - DAY), NOW)
    assert (sighting.events, sighting.state) == ((JobReturned(NAME, NOON),), replace(KNOWN, cursor=NOON))


def test_a_disabled_job_is_absent_and_that_is_recorded_once() -> None:
    """It has no due instants, and none of what passes meanwhile is due when it is enabled."""
    disabled = job(enabled=False)
    assert sight(disabled, KNOWN, NOW) == Sighting(None, (JobAbsent(NAME, NOW),))
    assert sight(disabled, replace(KNOWN, absent_since=NOON), NOW) == Sighting(None)
    assert sight(disabled, None, NOW) == Sighting(None)


def test_a_cursor_up_to_three_hours_in_the_future_stays() -> None:
    """The clock went back a little: nothing runs twice."""
    ahead = replace(KNOWN, cursor=NOON + timedelta(hours=3))
    assert sight(job(), ahead, NOW) == Sighting(ahead)


def test_a_cursor_further_in_the_future_is_corrected_and_that_is_said() -> None:
    """The job never freezes."""
    sighting = sight(job(), replace(KNOWN, cursor=NOON + DAY), NOW)
    text = "the clock was set back: the cursor was at 2026-01-02T12:00:00Z and is now at 2026-01-01T12:00:00Z"
    assert (sighting.corrections, sighting.events) == ((CursorMoved(NAME, NOON, text),), ())
    assert sighting.state == replace(KNOWN, cursor=NOON)


def test_an_interval_whose_anchor_lies_in_the_future_is_anchored_again() -> None:
    """It has no instants before its anchor; one anchored in the past keeps its grid."""
    period = job(when=IntervalWhen(60))
    frozen = JobState(cursor=NOON + DAY, anchor=NOON + DAY - SECOND, interval_s=60)
    assert sight(period, frozen, NOW).events == (JobReanchored(NAME, NOON, NOON, 60),)
    assert sight(period, replace(frozen, anchor=NOON - DAY), NOW).events == ()


def test_once_stays_pending_or_settled_whatever_the_clock_says() -> None:
    """Moving its cursor back would repeat it."""
    once = job(when=ScheduleWhen(("@once 2026-01-02T00:00Z",)))
    settled = replace(KNOWN, cursor=at("2026-01-02T00:00Z"))
    assert sight(once, settled, NOW) == Sighting(settled)
    pending = replace(KNOWN, cursor=at("2026-01-01T20:00Z"))
    assert schedule_of(once, pending, NOW).next_after(pending.cursor) == at("2026-01-02T00:00Z")


def test_after_counts_from_the_end_of_the_last_run_or_from_an_instant_that_became_none() -> None:
    """The later of both; an end in the far future is a clock that was wrong."""
    after = job(when=AfterWhen(60))
    ended = replace(KNOWN, last_end=NOON - timedelta(hours=1))
    cases = {
        NOON - timedelta(hours=1): ended,
        NOON - timedelta(minutes=5): replace(ended, cursor=NOON - timedelta(minutes=5)),
        KNOWN.cursor: replace(ended, last_end=NOON + DAY),
    }
    for counted_from, state in cases.items():
        assert schedule_of(after, state, NOW).next_after(state.cursor) == counted_from + timedelta(seconds=60)
