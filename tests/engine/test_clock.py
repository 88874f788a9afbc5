"""The clocks and what is noticed about them: steps of the wall clock, and suspends of the machine."""

from __future__ import annotations

from datetime import UTC

import pytest

from octojobs.engine.clock import SystemClock, Watch
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def watch(clock: FakeClock) -> Watch:
    """A watch that has looked once."""
    made = Watch(clock)
    assert made.look() == ""
    return made


def test_time_that_passes_is_nothing_to_tell(clock: FakeClock, watch: Watch) -> None:
    """Whether a second or a week lies between two looks."""
    for seconds in (0, 0.001, 1, 30, 604_800):
        clock.advance(seconds)
        assert watch.look() == ""


@pytest.mark.parametrize(("seconds", "said"), [(3600, "forward by 3600 s"), (-90, "back by 90 s"), (2.5, "forward by 2 s")])
def test_a_step_of_the_wall_clock_is_told_once(clock: FakeClock, watch: Watch, seconds: float, said: str) -> None:
    """The wall clock against the time since boot; afterwards the new time is the time."""
    clock.advance(30)
    clock.step(seconds)
    assert watch.look() == f"the clock was stepped {said}"
    clock.advance(30)
    assert watch.look() == ""


@pytest.mark.parametrize("seconds", [1.9, -1.9, 0.01])
def test_a_clock_that_is_slewed_was_not_stepped(clock: FakeClock, watch: Watch, seconds: float) -> None:
    """NTP moves a clock by a little all the time."""
    clock.step(seconds)
    assert watch.look() == ""


def test_a_suspend_is_told_and_is_no_step(clock: FakeClock, watch: Watch) -> None:
    """The time since boot against the one that stands still meanwhile: the wall clock went on as it should."""
    clock.suspend(28_800)
    assert watch.look() == "the machine was suspended for 28800 s"
    assert watch.look() == ""


def test_a_clock_that_is_set_while_the_machine_sleeps_is_both(clock: FakeClock, watch: Watch) -> None:
    """A laptop that wakes in another world."""
    clock.suspend(60)
    clock.step(-3600)
    assert watch.look() == "the machine was suspended for 60 s and the clock was stepped back by 3600 s"


def test_the_first_look_has_nothing_to_compare_with(clock: FakeClock) -> None:
    """However long the machine has been up."""
    clock.boot += 1_000_000
    assert Watch(clock).look() == ""


def test_the_machine_s_clocks_go_on_and_the_wall_is_utc() -> None:
    """And the time since boot is never behind the one that suspends are taken out of."""
    clock = SystemClock()
    before, now, after = clock.monotonic(), clock.now(), clock.monotonic()
    assert (now.tzinfo, before <= after) == (UTC, True)
    assert clock.boottime() >= clock.monotonic() - 0.1
    assert Watch(clock).look() == ""
