"""An interval that adapts: it doubles with each no-op from the third in a row on, and a change brings the declared one back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.adapt import period_s
from octojobs.core.codec import decode, encode
from octojobs.core.events import JobReanchored, JobStretched, WorkJudged
from octojobs.core.job import Job
from octojobs.core.ledger import JobState
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.when import IntervalWhen
from tests.core.worlds import World, job
from tests.strategies import START

WHEN = IntervalWhen(600, 3600)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNTIL = START + 12 * HOUR


def adapting(when: IntervalWhen = WHEN, **fields: object) -> Job:
    """A job whose interval adapts."""
    return job("a", when, **fields)


def lived(world: World, worths: Sequence[bool], every: timedelta) -> list[int]:
    """The minutes at which it ran until all of these no-ops and changes were had, looked at so often, each run over at once."""
    left, at = list(worths), START
    while left and at <= UNTIL:
        world.tick(at)
        for run in tuple(world.ledger.runs.values()):
            world.finish(run, at)
            world.tell(WorkJudged(run.job, left.pop(0) if left else True))
        at += every
    return [int((row.due - START) / MINUTE) for row in world.rows if row.run is not None]


def expected(when: IntervalWhen, worths: Sequence[bool]) -> list[int]:
    """The slow oracle: from run to run by the rule as it is written in the docs."""
    at, no_ops, found = 0, 0, []
    for no_op in worths:
        found.append(at)
        no_ops = no_ops + 1 if no_op else 0
        period = period_s(when, no_ops) // 60
        declared = when.period_s // 60
        at = at + period if period != declared else (at // declared + 1) * declared
    return found


def test_the_interval_doubles_from_the_third_no_op_on() -> None:
    """Up to the longest, and no further."""
    assert lived(World([adapting()]), [True] * 8, MINUTE) == [0, 10, 20, 40, 80, 140, 200, 260]


def test_a_change_brings_the_declared_interval_back() -> None:
    """On its old grid: the next instant is never further away than that."""
    assert lived(World([adapting(IntervalWhen(600, 1500))]), [True] * 4 + [False] + [True] * 3, MINUTE) == [0, 10, 20, 40, 65, 70, 80, 90]


@given(st.integers(1, 20), st.integers(2, 200), st.lists(st.booleans(), max_size=14), st.integers(1, 3))
def test_what_runs_follows_from_no_ops_alone(minutes: int, more: int, worths: list[bool], every: int) -> None:
    """However often one looks (here, at least twice in an interval, so that all run when they are due)."""
    when = IntervalWhen(minutes * 60, (minutes + more) * 60)
    found = lived(World([adapting(when)]), worths, timedelta(seconds=20 * every))
    assert found == [at for at in expected(when, worths) if START + at * MINUTE <= UNTIL][: len(found)]
    assert found or not worths


def stretched(no_ops: int = 4) -> tuple[World, JobState]:
    """A world after so many no-ops, 40 minutes from the beginning, and what is known of the job then."""
    world = World([adapting()])
    lived(world, [True] * no_ops, MINUTE)
    world.tick(START + 41 * MINUTE)
    return world, world.ledger.jobs[adapting().id]


def test_what_no_ops_have_made_of_it_survives_the_journal() -> None:
    """It is written and read as it is, and told again when it is read."""
    _, state = stretched()
    assert state.stretch is not None
    assert (state.no_ops, state.stretch.period_s) == (4, 2400)
    again = decode(JobState, encode(state))
    assert again == state
    assert sight(adapting(), again, START + 42 * MINUTE).events == ()


def coming(edited: Job, state: JobState, at: datetime) -> tuple[type, int, int]:
    """Which event an edited definition brings, and the first two instants after it, as minutes from the beginning."""
    sighting = sight(edited, state, at)
    assert sighting.state is not None
    schedule = schedule_of(edited, sighting.state, at)
    first = schedule.next_after(sighting.state.cursor)
    assert first is not None
    second = schedule.next_after(first)
    assert second is not None
    return type(sighting.events[-1]), int((first - START) / MINUTE), int((second - START) / MINUTE)


def test_an_edit_starts_no_burst() -> None:
    """A shorter longest interval counts from now, and so does the declared one when the job adapts no more."""
    _, state = stretched()
    late = START + 75 * MINUTE
    assert coming(adapting(IntervalWhen(600, 1200)), state, late) == (JobStretched, 75, 95)
    assert coming(adapting(IntervalWhen(600)), state, late) == (JobReanchored, 80, 90)
    assert coming(adapting(IntervalWhen(900, 3600)), state, late) == (JobReanchored, 90, 105)


def test_a_clock_that_was_set_back_freezes_no_job() -> None:
    """Its pieces lie ahead then: it begins anew."""
    _, state = stretched()
    ahead = replace(state, cursor=state.cursor + 10 * HOUR)
    sighting = sight(adapting(), ahead, START)
    assert sighting.state is not None
    assert (sighting.state.stretch, sighting.state.no_ops) == (None, 0)
    assert schedule_of(adapting(), sighting.state, START).next_after(START) == START + 10 * MINUTE


def test_pieces_of_an_interval_do_not_pile_up() -> None:
    """A hundred changes leave one or two of them."""
    world = World([adapting()])
    lived(world, ([True] * 4 + [False]) * 5, MINUTE)
    stretch = world.ledger.jobs[adapting().id].stretch
    assert stretch is not None
    assert len(stretch.pieces) <= 2
