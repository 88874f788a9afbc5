"""Activity-aware intervals: due as soon as so much time has passed as the mode in force says, however often one looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.codec import decode, encode
from octojobs.core.due import count, due, newest
from octojobs.core.events import JobPaced, JobSeen
from octojobs.core.job import CatchUp, Job, Overlap
from octojobs.core.ledger import JobState
from octojobs.core.pace import NEWS_AFTER, Mode, Pace, first_pace, mode_at
from octojobs.core.schedule import Paced
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.when import ActivityWhen
from tests.core.worlds import World, job
from tests.strategies import START

WHEN = ActivityWhen(30, 120, 300)
AWAKE = replace(WHEN, quiet=None)
BERLIN = ZoneInfo("Europe/Berlin")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def paced(when: ActivityWhen = AWAKE, **fields: object) -> Job:
    """A job with an interval by activity."""
    return job("a", when, **fields)


def by_the_second(when: ActivityWhen, tz: ZoneInfo, activities: Sequence[datetime], start: datetime, until: datetime) -> Iterator[datetime]:
    """The slow oracle: each second, whether so much time has passed since the last instant as the mode says."""
    last, at, adopted = None, start, None
    waiting = sorted(activities)
    while at <= until:
        while waiting and waiting[0] <= at:
            seen = waiting.pop(0)
            adopted = seen if adopted is None or seen >= adopted + NEWS_AFTER else adopted
        mode = mode_at(at, adopted, when.quiet, tz)
        period = timedelta(seconds={Mode.ACTIVE: when.active_s, Mode.IDLE: when.idle_s, Mode.DORMANT: when.dormant_s}[mode])
        if last is None or at - last >= period:
            yield at
            last = at
        at += SECOND


def told(made: World, looks: Sequence[datetime], activities: Sequence[datetime]) -> list[datetime]:
    """What became of each instant when a daemon looked at these times, each time knowing the last activity until then."""
    for now in looks:
        known = [at for at in activities if at <= now]
        made.tick(now, max(known, default=None))
        made.finish_all(now)
    return sorted(row.due for row in made.rows)


spans = st.integers(1, 3 * 3600).map(lambda seconds: timedelta(seconds=seconds))
whens = st.builds(
    ActivityWhen,
    st.integers(120, 900),  # no more instants in three hours than `catch_up: all` starts
    st.integers(120, 3000),
    st.integers(120, 9000),
    st.sampled_from((None, (0, 420), (720, 780), (1320, 360))),
)


@given(whens, st.lists(spans, max_size=4), st.lists(spans, max_size=30))
def test_the_cadence_of_ticks_does_not_change_what_runs(when: ActivityWhen, activities: list[timedelta], looks: list[timedelta]) -> None:
    """Looking more often, at any times, changes no instant, as long as each activity is noticed."""
    happened = sorted(START + at for at in activities)
    needed = [START, *happened, START + 3 * HOUR]
    every = job("a", replace(when), catch_up=CatchUp.ALL, overlap=Overlap.QUEUE_ALL)
    few, many = (told(World([every]), sorted({*needed, *more}), happened) for more in ((), [START + at for at in looks]))
    assert few == many
    assert few == list(by_the_second(when, ZoneInfo("UTC"), happened, START, START + 3 * HOUR))[: len(few)]


@given(whens, spans, st.integers(0, 9 * 24))
def test_the_instants_of_one_activity_are_those_of_the_slow_oracle(when: ActivityWhen, ahead: timedelta, hour: int) -> None:
    """Quiet hours and the change of the clock on 29 March included."""
    start = datetime(2026, 3, 22, 0, tzinfo=UTC) + timedelta(hours=hour)
    pace = first_pace(when, "Europe/Berlin", start - ahead % HOUR, start, None)
    assert list(due(Paced(pace.pieces), start - SECOND, start + 2 * HOUR, 10_000)) == list(
        by_the_second(when, BERLIN, [start - ahead % HOUR], start, start + 2 * HOUR)
    )


@given(whens, spans, spans)
def test_counting_agrees_with_listing(when: ActivityWhen, one: timedelta, other: timedelta) -> None:
    """And the newest instant is found at once."""
    schedule = Paced(first_pace(when, "UTC", START, START, None).pieces)
    after, until = START - SECOND + min(one, other), START + max(one, other)
    listed = due(schedule, after, until, 100_000)
    assert count(schedule, after, until) == len(listed)
    assert newest(schedule, after, until) == (listed[-1] if listed else None)


def test_a_pace_slows_down_by_itself() -> None:
    """Every 30 s for ten minutes, every 2 min up to an hour, every 5 min from then on."""
    instants = list(due(Paced(first_pace(AWAKE, "UTC", NOON, NOON, None).pieces), NOON - SECOND, NOON + 2 * HOUR, 1000))
    minutes = [(at - NOON).total_seconds() / 60 for at in instants]
    assert (minutes[:3], minutes[19:22], minutes[-2:]) == ([0, 0.5, 1], [9.5, 11.5, 13.5], [114.5, 119.5])
    assert [at for at in minutes if 55 < at < 70] == [55.5, 57.5, 59.5, 64.5, 69.5]


def test_somebody_who_comes_back_finds_the_job_overdue_and_it_runs_at_once() -> None:
    """The time since its last instant counts, so no mode, however short, starves it."""
    known = sight(paced(), None, NOON, None).state
    assert known is not None
    settled = replace(known, cursor=NOON)
    sighting = sight(paced(), settled, NOON + 3 * MINUTE + SECOND, NOON + 3 * MINUTE)
    assert sighting.state is not None
    assert schedule_of(paced(), sighting.state, NOON).next_after(NOON) == NOON + 3 * MINUTE
    long = paced(replace(AWAKE, active_s=1800, idle_s=3600, dormant_s=7200))
    world = World([long])
    looks = [START + 4 * MINUTE * n for n in range(60)]
    instants = told(world, looks, looks)
    assert instants == [
        START,
        START + 30 * MINUTE,
        START + 60 * MINUTE,
        START + 90 * MINUTE,
        *(START + m * MINUTE for m in (120, 150, 180, 210)),
    ]


def test_quiet_hours_are_dormant_whatever_happens() -> None:
    """On the job's wall clock; `between` reads it the same way."""
    night = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert mode_at(night, night, (0, 420), BERLIN) is Mode.DORMANT
    assert mode_at(night, night, (0, 420), ZoneInfo("UTC")) is Mode.ACTIVE
    pace = first_pace(WHEN, "UTC", night + 25 * MINUTE, night + 25 * MINUTE, None)
    periods = [(f"{piece.start:%H:%M}", piece.period_s) for piece in pace.pieces]
    assert periods == [("23:55", 30), ("00:00", 300)]


@pytest.mark.parametrize("seconds", [0, 30, 59])
def test_an_activity_so_soon_after_another_is_no_news(seconds: int) -> None:
    """So that a busy minute is one record in the journal, and not sixty."""
    first = sight(paced(), None, NOON, NOON)
    assert isinstance(first.events[0], JobSeen)
    assert isinstance(first.events[1], JobPaced)
    again = sight(paced(), first.state, NOON + MINUTE, NOON + timedelta(seconds=seconds))
    assert again.events == ()
    assert sight(paced(), first.state, NOON + MINUTE, NOON + MINUTE).events != ()


def test_an_edited_interval_counts_from_now() -> None:
    """As any interval does; an activity that lies ahead is one of just now."""
    known = sight(paced(), None, NOON, NOON).state
    assert known is not None
    other = paced(replace(AWAKE, active_s=60))
    sighting = sight(other, known, NOON + MINUTE, NOON + HOUR)
    assert sighting.state is not None
    assert sighting.state.pace is not None
    assert (sighting.state.cursor, sighting.state.pace.activity) == (NOON + MINUTE, NOON + MINUTE)
    assert sighting.state.pace.pieces[0].anchor == NOON + 2 * MINUTE


def test_a_pace_survives_the_journal() -> None:
    """It is written and read as it is."""
    sighting = sight(paced(WHEN), None, NOON, NOON)
    assert sighting.state is not None
    assert decode(JobState, encode(sighting.state)) == sighting.state
    assert decode(Pace, encode(sighting.state.pace)) == sighting.state.pace


def test_pieces_do_not_pile_up() -> None:
    """A day in which something happens each minute leaves a handful of them."""
    state = sight(paced(replace(AWAKE, active_s=1800, idle_s=3600, dormant_s=86_400)), None, START, START).state
    for minute in range(1, 1440):
        assert state is not None
        at = START + minute * MINUTE
        state = sight(paced(replace(AWAKE, active_s=1800, idle_s=3600, dormant_s=86_400)), state, at, at).state
    assert state is not None
    assert state.pace is not None
    assert len(state.pace.pieces) < 5
