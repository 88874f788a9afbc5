"""Deliveries are made at the same time, one for a channel and so many in all, whatever they raise."""

from __future__ import annotations

import threading

import pytest

from octojobs.engine.deliveries import LONGEST_S, MOST, Deliveries
from octojobs.notify.failures import Unreachable
from octojobs.store.outbox import Waiting
from tests.helpers import wait_until


def message(channel: str) -> Waiting:
    """A message for a channel."""
    return Waiting(1, f"a/{channel}", channel, {"title": "it failed"}, 0, "")


def test_so_many_may_hang_before_another_has_to_wait() -> None:
    """And a channel whose delivery is under way gets no second one, until its end is recorded."""
    go, deliveries = threading.Event(), Deliveries(lambda: None)
    for number in range(MOST):
        assert deliveries.has_room(str(number))
        deliveries.begin(str(number), message(str(number)), lambda: go.wait(30) or None, 0)
        assert not deliveries.has_room(str(number))
    assert not deliveries.has_room("another")
    go.set()
    wait_until(lambda: len(deliveries.ended()) == MOST, what="all ends")
    assert not deliveries.has_room("another")
    for ended in deliveries.ended():
        deliveries.recorded(ended.one.channel, ended)
    assert deliveries.has_room("another")
    assert not deliveries.under_way


def test_whatever_a_library_raises_is_a_failure_that_may_pass(caplog: pytest.LogCaptureFixture) -> None:
    """The log tells where, and not what it said: that may hold a token."""
    token = f"t{0}-ken"

    def send() -> None:
        raise LookupError(token)

    rung = threading.Event()
    deliveries = Deliveries(rung.set)
    deliveries.begin("chat", message("chat"), send, 0)
    assert rung.wait(30)
    (ended,) = deliveries.ended()
    assert isinstance(ended.failure, Unreachable)
    assert str(ended.failure) == "LookupError, see the log"
    assert "a/chat can't be delivered: LookupError" in caplog.text
    assert "in send" in caplog.text
    assert "t0-ken" not in caplog.text


def test_what_hangs_for_ever_is_given_up_and_takes_no_room() -> None:
    """Its channel's next messages fail at once, until it has ended at last; a success is one then, as with a mail server that is slow."""
    go, deliveries = threading.Event(), Deliveries(lambda: None)
    for number in range(MOST):
        deliveries.begin(str(number), message(str(number)), lambda: go.wait(30) or None, float(number))
    assert deliveries.patience_s(20) == LONGEST_S - 20
    deliveries.give_up(LONGEST_S)
    (given_up,) = deliveries.ended()
    assert (given_up.one.channel, str(given_up.failure)) == ("0", "it did not end within 30 s")
    deliveries.recorded("0", given_up)
    assert deliveries.has_room("another")
    assert deliveries.patience_s(LONGEST_S) == 1
    deliveries.begin("0", message("0"), lambda: pytest.fail("it is under way"), LONGEST_S)
    assert deliveries.patience_s(LONGEST_S) == 0
    (refused,) = deliveries.ended()
    assert str(refused.failure) == "an earlier delivery still hangs"
    deliveries.recorded("0", refused)
    go.set()
    wait_until(lambda: not any("octojobs-notify-0" in thread.name for thread in threading.enumerate()), what="the end of the first")
    wait_until(lambda: [one.failure for one in deliveries.ended() if one.one.channel == "0"] == [None], what="the late success")
    assert not deliveries.has_room("0")
    deliveries.recorded("0", next(one for one in deliveries.ended() if one.one.channel == "0"))
    done = threading.Event()
    deliveries.begin("0", message("0"), done.set, LONGEST_S)
    assert done.wait(30)
