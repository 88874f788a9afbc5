"""Catch-up: what becomes of the due instants that nobody was there to start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from octojobs.core.catchup import CaughtUp, Missed, catch_up
from octojobs.core.identity import JobId
from octojobs.core.job import CatchUp, CommandAction, Job
from octojobs.core.schedule import build
from octojobs.core.when import IntervalWhen, ScheduleWhen
from tests.core.oracle import at

NOW = at("2026-01-08T12:00:20Z")
HOURLY = Job(JobId("nightly"), ScheduleWhen(("0 * * * *",)), CommandAction("true"))
MINUTELY = replace(HOURLY, when=ScheduleWhen(("* * * * *",)))
DAY = 86_400


def caught(job: Job, cursor: str, now: str = "2026-01-08T12:00:20Z") -> CaughtUp:
    """The policy over (cursor, now]."""
    return catch_up(job, build(job, anchor=at(cursor)), at(cursor), at(now))


def missed(first: str, last: str, count: int, reason: str) -> tuple[Missed, ...]:
    """One row of missed instants."""
    return (Missed(at(first), at(last), count, reason),)


def test_three_days_of_minutes_are_one_run_and_one_row() -> None:
    """`latest`: the newest starts, the others are coalesced into it."""
    assert caught(MINUTELY, "2026-01-05T12:00Z") == CaughtUp(
        missed("2026-01-05T12:01Z", "2026-01-08T11:59Z", 4319, "coalesced into 2026-01-08T12:00:00Z"), (at("2026-01-08T12:00Z"),)
    )


def test_the_newest_runs_however_old_as_anacron_does() -> None:
    """A weekly job missed on Monday runs on Wednesday."""
    weekly = replace(HOURLY, when=ScheduleWhen(("0 2 * * MON",)))
    assert caught(weekly, "2026-01-01T00:00Z", "2026-01-07T09:00Z") == CaughtUp((), (at("2026-01-05T02:00Z"),))


def test_decades_of_minutes_are_decided_by_arithmetic() -> None:
    """Twenty million instants are one run and one row."""
    result = caught(MINUTELY, "2000-01-01T00:00Z", "2040-01-01T00:00Z")
    assert (result.missed[0].count, len(result.starts)) == (21_038_399, 1)


def test_the_newest_is_missed_when_it_is_older_than_the_window() -> None:
    """`catch_up_window` bounds `latest`."""
    weekly = replace(HOURLY, when=ScheduleWhen(("0 2 * * MON",)), catch_up_window_s=DAY)
    reason = "older than the catch-up window 1d"
    assert caught(weekly, "2026-01-01T00:00Z", "2026-01-07T09:00Z") == CaughtUp(missed("2026-01-05T02:00Z", "2026-01-05T02:00Z", 1, reason))


def test_none_starts_what_is_on_time_alone() -> None:
    """`none`: rows only, for what is late."""
    never = replace(HOURLY, catch_up=CatchUp.NONE)
    row = missed("2026-01-08T10:00Z", "2026-01-08T11:00Z", 2, "catch_up is none")
    assert caught(never, "2026-01-08T09:30Z") == CaughtUp(row, (at("2026-01-08T12:00Z"),))
    assert caught(never, "2026-01-08T09:30Z", "2026-01-08T11:59Z") == CaughtUp(row, ())


def test_all_starts_the_last_day_oldest_first() -> None:
    """`all`: a window of 24 h where the job names none; what is older is one row."""
    every = replace(HOURLY, catch_up=CatchUp.ALL)
    result = caught(every, "2026-01-06T00:00Z")
    assert result.missed == missed("2026-01-06T01:00Z", "2026-01-07T12:00Z", 36, "older than the catch-up window 1d")
    assert result.starts == tuple(at("2026-01-07T13:00Z") + timedelta(hours=hour) for hour in range(24))


def test_all_starts_a_hundred_at_most() -> None:
    """The newest hundred of the window, oldest first."""
    every = replace(MINUTELY, catch_up=CatchUp.ALL)
    result = caught(every, "2026-01-08T00:00Z")
    assert result.missed == missed("2026-01-08T00:01Z", "2026-01-08T10:20Z", 620, "catch_up starts at most 100")
    assert (len(result.starts), result.starts[0], result.starts[-1]) == (100, at("2026-01-08T10:21Z"), at("2026-01-08T12:00Z"))


@pytest.mark.parametrize("policy", CatchUp)
def test_an_instant_older_than_the_start_deadline_is_missed(policy: CatchUp) -> None:
    """Whatever the policy."""
    strict = replace(HOURLY, catch_up=policy, start_deadline_s=600)
    result = caught(strict, "2026-01-08T10:30Z", "2026-01-08T11:20Z")
    reason = "catch_up is none" if policy is CatchUp.NONE else "start deadline 10m passed"
    assert result == CaughtUp(missed("2026-01-08T11:00Z", "2026-01-08T11:00Z", 1, reason))


def test_a_deadline_shorter_than_the_grace_holds_too() -> None:
    """On time is below a minute; a deadline of ten seconds is stricter."""
    strict = replace(HOURLY, start_deadline_s=10)
    reason = "start deadline 10s passed"
    assert caught(strict, "2026-01-08T11:30Z") == CaughtUp(missed("2026-01-08T12:00Z", "2026-01-08T12:00Z", 1, reason))
    assert caught(strict, "2026-01-08T11:30Z", "2026-01-08T12:00:10Z") == CaughtUp((), (at("2026-01-08T12:00Z"),))


@pytest.mark.parametrize("policy", CatchUp)
def test_what_is_on_time_starts_whatever_the_policy_and_its_window(policy: CatchUp) -> None:
    """Up to a minute late is how late a loop, or a cron line that calls `tick`, may be; it is no catch-up."""
    job = replace(MINUTELY, catch_up=policy, catch_up_window_s=1)
    assert caught(job, "2026-01-08T11:59Z", "2026-01-08T12:00:59Z") == CaughtUp((), (at("2026-01-08T12:00Z"),))


def test_instants_closer_than_a_minute_all_start_when_none_is_late() -> None:
    """The cadence of ticks does not change what runs: a slow tick finds several on time."""
    often = replace(HOURLY, when=IntervalWhen(10))
    assert caught(often, "2026-01-08T12:00:00Z", "2026-01-08T12:00:35Z").starts == tuple(at(f"2026-01-08T12:00:{s}Z") for s in (10, 20, 30))
    assert caught(often, "2026-01-08T12:00:00Z", "2026-01-08T12:05:05Z").starts == (at("2026-01-08T12:05:00Z"),)


@pytest.mark.parametrize("policy", CatchUp)
def test_nothing_due_is_nothing(policy: CatchUp) -> None:
    """No rows, no runs; nor when the cursor lies in the future."""
    job = replace(HOURLY, catch_up=policy)
    assert caught(job, "2026-01-08T12:00Z") == CaughtUp()
    assert caught(job, "2026-01-08T13:30Z") == CaughtUp()
