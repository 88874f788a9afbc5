"""Waking: rings from any thread and any process, signals among them."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator

import pytest

from octojobs.engine.wake import WAKE_SIGNALS, Wake


@pytest.fixture
def wake() -> Iterator[Wake]:
    """A wake that is closed at the end."""
    made = Wake()
    yield made
    made.close()


def is_ringing(wake: Wake, seconds: float = 0) -> bool:
    """Whether a loop that waits on it would wake up."""
    return bool(select.select([wake], [], [], seconds)[0])


def test_a_ring_wakes_until_it_is_drained_and_many_are_one(wake: Wake) -> None:
    """What matters is that something happened."""
    assert (is_ringing(wake), wake.drain()) == (False, False)
    wake.ring()
    wake.ring()
    assert is_ringing(wake)
    assert (wake.drain(), is_ringing(wake), wake.drain()) == (True, False, False)


def test_more_rings_than_the_pipe_holds_block_nobody(wake: Wake) -> None:
    """A storm of file events while the loop is busy."""
    for _ in range(100_000):
        wake.ring()
    while is_ringing(wake):
        assert wake.drain()


def test_a_ring_from_another_thread_wakes_the_loop(wake: Wake) -> None:
    """The file watcher's."""
    threading.Timer(0.01, wake.ring).start()
    assert is_ringing(wake, 10)


def test_a_stop_rings_and_its_first_reason_is_kept(wake: Wake) -> None:
    """Twice is once."""
    wake.stop("SIGTERM")
    wake.stop("SIGINT")
    assert (wake.stopping, is_ringing(wake)) == ("SIGTERM", True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_stops_the_loop_and_names_itself(wake: Wake, number: signal.Signals) -> None:
    """What `down` and Ctrl-C send."""
    wake.listen()
    os.kill(os.getpid(), number)
    assert is_ringing(wake, 10)
    assert wake.stopping == number.name


@pytest.mark.parametrize("number", WAKE_SIGNALS)
def test_a_signal_to_look_wakes_the_loop_and_stops_nothing(wake: Wake, number: signal.Signals) -> None:
    """What the command line sends after it left a request, and what people send to have files read again."""
    wake.listen()
    os.kill(os.getpid(), number)
    assert is_ringing(wake, 10)
    assert (wake.stopping, wake.drain()) == ("", True)


def test_the_signals_are_given_back_as_they_were() -> None:
    """A program that runs an engine for a while has handlers of its own."""
    numbers = (signal.SIGTERM, signal.SIGINT, *WAKE_SIGNALS)
    before = [signal.getsignal(number) for number in numbers]
    wake = Wake()
    wake.listen()
    assert [signal.getsignal(number) for number in numbers] != before
    wake.close()
    assert [signal.getsignal(number) for number in numbers] == before


def test_its_descriptors_are_not_for_the_jobs(wake: Wake) -> None:
    """A job that inherited one could ring for ever."""
    assert not os.get_inheritable(wake.fileno())
