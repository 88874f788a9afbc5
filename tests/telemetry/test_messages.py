"""What Prometheus is told of the outbox: each channel's messages, where they stand, and nothing where nobody is told."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.job import Notify, Ping
from octojobs.core.telemetry import MetricsSettings
from octojobs.store.outbox import undelivered
from octojobs.telemetry import messages
from tests.engine.world import World, job
from tests.helpers import wait_until
from tests.telemetry.test_metrics import Samples, watched

__all__ = ["watched"]

OPS = Channel("ops", file="told.jsonl")
AWAY = Channel("away", command=("false",))
SETTINGS = Settings(metrics=MetricsSettings("octojobs.prom", 15), channels={one.name: one for one in (OPS, AWAY)})
TOLD = ("octojobs_messages_waiting", "octojobs_dead_letters", "octojobs_messages_delivered_total")


def of(found: Samples, channel: str) -> list[float]:
    """What waits, is dead and was delivered."""
    return [found[name, channel] for name in TOLD]


def test_the_messages_of_each_channel_are_counted_where_they_stand(world: World, watched: Callable[[], Samples]) -> None:
    """To whom makes no series of its own, and neither does each address that is pinged."""
    tells = Notify(("failed",), ("ops:ada", "ops:bob", "away", "nobody"))
    ping = Ping("http://127.0.0.1:9/x")  # not public: refused without a try
    world.declare(*(job(name, "exit 1", every=60, notify=tells, ping=ping) for name in ("a", "b")), settings=SETTINGS)
    world.tick()
    world.drain()
    wait_until(lambda: world.engine.courier.delivered == {"ops:ada": 2, "ops:bob": 2}, what="what can be delivered")
    wait_until(lambda: sum(count for (_, state), count in undelivered(world.paths).items() if state == "dead") == 6, what="dead letters")
    found = watched()
    assert of(found, "ops") == [0, 0, 4]
    assert of(found, "away") == [2, 0, 0]
    assert of(found, "nobody") == [0, 2, 0]
    assert of(found, messages.PINGS) == [0, 4, 0]
    assert {name[1] for name in found if name[0] in TOLD} == {"ops", "away", "nobody", messages.PINGS}


def test_an_outbox_that_can_not_be_read_is_told_once_and_not_looked_at_where_nobody_is_told(
    world: World, watched: Callable[[], Samples], caplog: pytest.LogCaptureFixture
) -> None:
    """The other metrics go on; a commit that takes the last channel away ends those of messages."""
    tells = job("a", every=60, notify=Notify(("succeeded",), ("ops",)))
    world.declare(tells, settings=SETTINGS)
    world.tick()
    world.drain()
    wait_until(lambda: world.engine.courier.delivered, what="the message")
    assert of(watched(), "ops") == [0, 0, 1]
    world.declare(job("a"), settings=SETTINGS)
    assert {name[0] for name in watched()} & set(TOLD) == set()
    world.stop()
    world.paths.outbox.write_bytes(b"no base" * 1000)
    with caplog.at_level(logging.WARNING, "octojobs.metrics"):
        watched()
        assert caplog.messages == []
        world.declare(tells, settings=SETTINGS)
        assert watched()["octojobs_up",] == 1
        watched()
    (said,) = caplog.messages
    assert said.startswith("there are no metrics of messages: ")
