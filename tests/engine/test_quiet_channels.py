"""A channel with quiet hours or a digest gets what was held as one message, the same at every try."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.channel import Channel, Quiet
from octojobs.core.definitions import Settings
from octojobs.core.job import Notify
from octojobs.engine import courier
from octojobs.store.outbox import standing
from tests.engine.world import World, job
from tests.helpers import wait_until

TELL = Notify(("failed", "succeeded"), ("ops",))


def told(root: Path) -> list[dict[str, Any]]:
    """The messages in the file, oldest first."""
    file = root / "told.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def runs(world: World, number: int, settings: Settings) -> None:
    """So many runs of a job that is due each minute; their messages are in the outbox."""
    world.declare(job("check", "exit 0", every=60, notify=TELL), settings=settings)
    for seconds in [0] + [60] * (number - 1):
        world.tick(seconds)
        world.drain()
    wait_until(lambda: standing(world.paths)[0] == number, what="the messages")


def test_what_comes_within_the_time_of_a_digest_is_one_message(world: World) -> None:
    """It goes out so long after the first of them."""
    settings = Settings(channels={"ops": Channel("ops", file="told.jsonl", digest_s=3600)})
    runs(world, 3, settings)
    assert told(world.root) == []
    world.clock.advance(3600)
    world.stop()
    (message,) = told(world.root)
    assert (message["event"], message["count"], message["title"]) == ("digest", 3, "3 messages: check succeeded")
    assert message["id"].endswith("/succeeded/ops+2")


def test_what_comes_in_quiet_hours_is_told_at_their_end(world: World) -> None:
    """The world's clock says ten."""
    settings = Settings(channels={"ops": Channel("ops", file="told.jsonl", quiet=Quiet(9 * 60, 12 * 60))})
    runs(world, 2, settings)
    world.restart()
    world.tick()
    assert told(world.root) == []
    world.clock.advance(2 * 3600)
    world.stop()
    (message,) = told(world.root)
    assert message["count"] == 2


def test_a_message_that_was_alone_is_no_digest(world: World) -> None:
    """It is told as it is."""
    settings = Settings(channels={"ops": Channel("ops", file="told.jsonl", digest_s=3600)})
    runs(world, 1, settings)
    world.clock.advance(3600)
    world.stop()
    (message,) = told(world.root)
    assert (message["event"], message["title"], message["count"]) == ("succeeded", "check succeeded", 1)


def test_a_digest_that_is_not_taken_is_the_same_one_at_the_next_try(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same id; what came meanwhile is not in it."""
    monkeypatch.setattr(courier, "LOOK_S", 0.05)
    takes = ("sh", "-c", "cat >> tries; test -e ok || { touch refused; exit 1; }")
    runs(world, 2, Settings(channels={"ops": Channel("ops", command=takes, digest_s=3600)}))
    world.clock.advance(3600)
    wait_until((world.root / "refused").exists, what="the first try")
    world.tick()
    world.drain()
    wait_until(lambda: standing(world.paths)[0] == 3, what="the third message")
    (world.root / "ok").touch()
    world.clock.advance(3600)
    world.stop()
    tries = [json.loads(line) for line in (world.root / "tries").read_text().splitlines()]
    assert len(tries) == 3
    assert [one["id"] == tries[0]["id"] for one in tries] == [True, True, False]
    assert [one["count"] for one in tries] == [2, 2, 1]


def test_what_was_held_goes_out_after_a_suspend(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lid was closed in the quiet hours, and nothing else happens when it is opened after them."""
    monkeypatch.setattr(courier, "LOOK_S", 0.05)
    settings = Settings(channels={"ops": Channel("ops", file="told.jsonl", quiet=Quiet(9 * 60, 12 * 60))})
    runs(world, 2, settings)
    world.clock.suspend(2 * 3600)
    wait_until(lambda: len(told(world.root)) == 1, what="the digest")
    assert told(world.root)[0]["count"] == 2
