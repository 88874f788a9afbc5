"""What a changed schedule does to due instants: every one of them comes, goes, moves or stays, and none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.cron import Cron
from octojobs.core.difference import MOST_COMPARED, Difference, Move, Side, difference
from octojobs.core.due import due
from octojobs.core.schedule import CronTimes, Interval, Never, Once, Schedule

START = datetime(2026, 3, 27, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
BERLIN = ZoneInfo("Europe/Berlin")
NOWHERE = Side(Never(), START)


def cron(text: str, zone: str = "Europe/Berlin") -> Side:
    """An expression from START on."""
    return Side(CronTimes((Cron.parse(text, zone),)), START)


def every(seconds: int) -> Side:
    """An interval whose anchor is START."""
    return Side(Interval(START, seconds), START)


def compare(before: Side, after: Side, until: datetime = START + WEEK) -> Difference:
    """The difference in Berlin's days."""
    return difference(before, after, until, BERLIN)


schedules: st.SearchStrategy[Schedule] = st.one_of(
    st.integers(600, 200_000).map(lambda seconds: Interval(START, seconds)),
    st.sampled_from(["0 2 * * *", "30 2 * * *", "*/30 * * * *", "0 9 * * MON", "15 3,15 * * *"]).map(
        lambda text: CronTimes((Cron.parse(text, "Europe/Berlin"),))
    ),
    st.just(Never()),
    st.integers(1, 600_000).map(lambda seconds: Once(START + timedelta(seconds=seconds))),
)


@given(schedules, schedules, st.integers(1, 9 * 86_400))
def test_each_instant_of_the_span_stays_comes_goes_or_moves(one: Schedule, other: Schedule, seconds: int) -> None:
    """Put together, what is told is what is due before the change and after it."""
    until = START + timedelta(seconds=seconds)
    found = compare(Side(one, START), Side(other, START), until)
    old, new = (set(due(schedule, START, until, MOST_COMPARED)) for schedule in (one, other))
    gone = [*found.removed, *(move.before for move in found.moved if move.before <= until)]
    come = [*found.added, *(move.after for move in found.moved if move.after <= until)]
    assert (sorted(gone), sorted(come)) == (sorted(old - new), sorted(new - old))
    assert (found.before, found.after, found.compared_until) == (len(old), len(new), None)


@given(schedules)
def test_what_does_not_change_differs_in_nothing(schedule: Schedule) -> None:
    """Whatever the schedule."""
    found = compare(Side(schedule, START), Side(schedule, START))
    assert (found.added, found.removed, found.moved) == ((), (), ())


def test_a_time_that_is_moved_moves_on_each_day_and_comes_or_goes_on_none() -> None:
    """Also on the day of the spring change, whose 02:00 is 03:00, and on a last day that ends between the two."""
    found = compare(cron("0 2 * * *"), cron("0 5 * * *"), START + timedelta(days=3, hours=13))
    assert found.added == found.removed == ()
    assert [(f"{move.before:%d %H:%M}", f"{move.after:%d %H:%M}") for move in found.moved] == [
        ("28 01:00", "28 04:00"),
        ("29 01:00", "29 03:00"),
        ("30 00:00", "30 03:00"),
        ("31 00:00", "31 03:00"),
    ]
    assert (found.before, found.after) == (4, 3)


def test_a_job_that_is_new_or_gone_comes_or_goes() -> None:
    """Nothing is moved to or from nowhere."""
    (only,) = compare(NOWHERE, cron("0 9 * * MON")).added
    assert only == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert compare(cron("0 9 * * MON"), NOWHERE) == Difference(1, 0, removed=(only,))


def test_days_are_local_ones() -> None:
    """An instant that crosses the local midnight has gone from one day and come on another."""
    before, after = cron("30 23 * * *"), cron("30 0 * * *")
    until = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = compare(before, after, until)
    assert found.moved == (Move(datetime(2026, 3, 28, 22, 30, tzinfo=UTC), datetime(2026, 3, 27, 23, 30, tzinfo=UTC)),)
    assert (found.removed, found.added) == ((datetime(2026, 3, 27, 22, 30, tzinfo=UTC),), ())


def test_more_than_can_be_looked_at_is_compared_by_number() -> None:
    """What is named ends where the first of the two lists ends; the numbers are those of the whole span."""
    found = compare(every(5), every(10))
    assert (found.before, found.after) == (7 * 17_280, 7 * 8640)
    assert found.compared_until == START + timedelta(seconds=5 * MOST_COMPARED)
    assert len(found.removed) == MOST_COMPARED // 2
    assert found.added == found.moved == ()
