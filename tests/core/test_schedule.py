"""Schedules: the formula of each kind, listing, counting and the newest instant, over decades."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.cron import Cron
from octojobs.core.due import ScheduleStandsStill, count, due, newest, newest_few
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.schedule import CronTimes, Interval, Jittered, Once, Schedule, Union, build, jitter_offset_s
from octojobs.core.when import AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen, When
from tests.core.oracle import at
from tests.strategies import START, expressions, instants, zones

NOON = at("2026-01-01T12:00Z")
SECOND = timedelta(seconds=1)
FAR = at("2100-01-01T00:00Z")


def job(when: When, jitter_s: int = 0, timezone: str = "UTC") -> Job:
    """A job that is only its schedule."""
    return Job(JobId("nightly"), when, CommandAction("true"), jitter_s=jitter_s, timezone=timezone)


def texts(found: tuple[datetime, ...]) -> str:
    """Instants as a person checks them."""
    return " ".join(f"{instant:%dT%H:%M:%S}" for instant in found)


def test_an_interval_is_due_at_its_anchor_and_every_period_after() -> None:
    """The formula is anchor + k·period, k from 0."""
    schedule = build(job(IntervalWhen(90)), anchor=NOON)
    assert texts(due(schedule, NOON - timedelta(days=3), FAR, 3)) == "01T12:00:00 01T12:01:30 01T12:03:00"
    assert schedule.next_after(NOON) == NOON + timedelta(seconds=90)
    assert schedule.next_after(NOON + timedelta(seconds=89, microseconds=999_999)) == NOON + timedelta(seconds=90)


def test_an_interval_does_not_drift() -> None:
    """Whenever it is asked, the instants are the same."""
    schedule = Interval(NOON, 3600)
    for late_s in (1, 1800, 3599):
        assert schedule.next_after(NOON + timedelta(days=400, seconds=late_s)) == schedule.next_after(NOON + timedelta(days=400))


def test_after_is_due_a_delay_after_the_last_end() -> None:
    """A fraction of a second is rounded up, so that the delay is never cut short; the first time it is due at its anchor."""
    when = job(AfterWhen(60))
    assert build(when, anchor=NOON).next_after(NOON - SECOND) == NOON
    ended = NOON + timedelta(milliseconds=1)
    assert build(when, anchor=NOON, last_end=ended).next_after(NOON) == NOON + timedelta(seconds=61)
    assert build(when, anchor=NOON, last_end=ended).next_after(NOON + timedelta(seconds=61)) is None


def test_a_manual_job_is_never_due() -> None:
    """It waits to be asked."""
    schedule = build(job(ManualWhen()), anchor=NOON)
    assert (schedule.next_after(NOON), count(schedule, NOON, FAR)) == (None, 0)


def test_a_list_is_the_union_of_its_entries() -> None:
    """An instant that two entries name is one instant."""
    entries = ("0 * * * *", "*/30 * * * *", "@once 2026-01-01T13:00Z", "@once 2026-01-01T13:10Z")
    schedule = build(job(ScheduleWhen(entries)), anchor=NOON)
    assert texts(due(schedule, NOON, FAR, 5)) == "01T12:30:00 01T13:00:00 01T13:10:00 01T13:30:00 01T14:00:00"
    assert count(schedule, NOON, NOON + timedelta(hours=2)) == 5


def test_jitter_moves_every_instant_by_the_same_stable_number_of_seconds() -> None:
    """A hash of repository and job: the same after a restart and on a standby, another in another repository."""
    jittered = job(ScheduleWhen(("0 * * * *",)), jitter_s=600)
    offset = jitter_offset_s(jittered, "github.com/ada/engine")
    assert offset == 253
    schedule = build(jittered, anchor=NOON, salt="github.com/ada/engine")
    assert texts(due(schedule, NOON, FAR, 2)) == "01T12:04:13 01T13:04:13"
    assert count(schedule, NOON, NOON + timedelta(hours=3)) == 3
    assert jitter_offset_s(jittered, "elsewhere") != offset
    spread = {jitter_offset_s(replace(jittered, id=JobId(f"job{number}")), "x") for number in range(2000)}
    assert (min(spread), max(spread)) == (0, 600)


@pytest.mark.parametrize(
    ("expression", "since", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00Z", "29T01:04:13 30T00:34:13"),
        ("30 2 * * *", "2026-10-24T12:00Z", "25T00:34:13 26T01:34:13"),
        ("15 * * * *", "2026-10-25T00:00Z", "25T00:19:13 25T01:19:13 25T02:19:13"),
        ("58 1,2 * * *", "2026-03-28T12:00Z", "29T01:02:13 29T01:04:13 30T00:02:13"),
    ],
)
def test_jitter_is_added_to_the_instant_not_to_the_label(expression: str, since: str, expected: str) -> None:
    """The zone's rule comes first: real seconds after the end of a gap, after the first occurrence, after each of the wild ones."""
    jittered = job(ScheduleWhen((expression,)), jitter_s=600, timezone="Europe/Berlin")
    schedule = build(jittered, anchor=NOON, salt="github.com/ada/engine")
    assert texts(due(schedule, at(since), at("2027-01-01T00:00Z"), len(expected.split()))) == expected


schedules: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(Interval, instants(), st.integers(10, 100_000)),
    st.builds(Once, instants()),
    st.builds(
        lambda names, zone: CronTimes(tuple(Cron.parse(name, zone) for name in names)),
        st.lists(expressions(), min_size=1, max_size=3),
        zones,
    ),
    st.builds(lambda name, zone, once: Union(CronTimes((Cron.parse(name, zone),)), (Once(once),)), expressions(), zones, instants()),
    st.builds(
        lambda name, zone, offset: Jittered(CronTimes((Cron.parse(name, zone),)), offset), expressions(), zones, st.integers(0, 3600)
    ),
)


@given(schedules, instants(), st.integers(0, 86_400))
def test_the_arithmetic_of_counting_agrees_with_listing(schedule: Schedule, after: datetime, seconds: int) -> None:
    """They agree: count = len(due), newest = the last of them, newest_few = the last few: for every kind of schedule."""
    until = after + timedelta(seconds=seconds)
    listed = due(schedule, after, until, 10_000)
    assert count(schedule, after, until) == len(listed)
    assert newest(schedule, after, until) == (listed[-1] if listed else None)
    assert newest_few(schedule, after, until, 5) == listed[-5:]
    assert list(listed) == sorted(set(listed))
    assert all(instant.microsecond == 0 and instant.utcoffset() == timedelta() for instant in listed)


@pytest.mark.parametrize(
    "expression",
    ["0 0 L * *", "0 0 L,15 * MON", "0 0 * * L5", "0 0 * * MON#2", "0 0 * * MON#5,FRI#1", "0 0 13 * FRI", "0 0 */2 * MON", "0 0 31 * *"],
)
def test_the_days_that_are_counted_are_the_days_that_are_walked(expression: str) -> None:
    """Our arithmetic and croniter's walk read the day fields alike, over five years."""
    schedule = CronTimes((Cron.parse(expression),))
    assert count(schedule, START, at("2031-01-01T00:00Z")) == len(due(schedule, START, at("2031-01-01T00:00Z"), 10_000))


def test_four_decades_of_minutes_are_counted_not_listed() -> None:
    """21 million instants, through 80 changes of the zone."""
    schedule = CronTimes((Cron.parse("* * * * *", "Europe/Berlin"),))
    since, until = at("2000-01-01T00:00Z"), at("2040-01-01T00:00Z")
    assert count(schedule, since, until) == 21_038_400
    assert newest(schedule, since, until) == until
    assert newest_few(schedule, since, until, 100)[0] == until - timedelta(minutes=99)
    # a fixed time is due once a day, whatever the zone does
    assert count(CronTimes((Cron.parse("30 2 * * *", "Europe/Berlin"),)), since, until) == 14_610


def test_looking_for_the_newest_asks_few_questions() -> None:
    """About two a bisection step: decades cost milliseconds."""

    @dataclass
    class Asked:
        base: Schedule
        times: int = 0

        def next_after(self, t: datetime) -> datetime | None:
            self.times += 1
            return self.base.next_after(t)

        def count(self, after: datetime, until: datetime) -> int:
            return self.base.count(after, until)

        def near(self, until: datetime) -> datetime | None:
            return None

    schedule = Asked(Interval(at("2000-01-01T00:00Z"), 1))
    assert newest(schedule, at("2000-01-01T00:00Z"), at("2040-01-01T00:00Z")) == at("2040-01-01T00:00Z")
    assert schedule.times < 100


def test_a_schedule_that_stands_still_is_refused() -> None:
    """Going on would never end."""

    class Still:
        def next_after(self, t: datetime) -> datetime | None:
            return t

        def count(self, after: datetime, until: datetime) -> int:
            return 0

        def near(self, until: datetime) -> datetime | None:
            return None

    for ask in (due, newest_few):
        with pytest.raises(ScheduleStandsStill, match=r"answered 2026-01-01 12:00:00\+00:00 as later than"):
            ask(Still(), NOON, FAR, 5)
    with pytest.raises(ScheduleStandsStill):
        newest(Still(), NOON, FAR)
