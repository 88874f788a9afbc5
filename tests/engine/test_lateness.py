"""A due run that does not start is told of: after a while, once a day, and when the job runs again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.job import Notify, WhenBlocked
from tests.engine.world import World, job
from tests.helpers import wait_until

OPS = {"ops": Channel("ops", file="told.jsonl")}
SETTINGS = Settings(channels=OPS)
GO = (Condition("file_exists", {"path": "go"}),)
HOUR, DAY = 3600, 86400


def told(root: Path) -> list[dict[str, Any]]:
    """The messages in the file, oldest first."""
    file = root / "told.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def blocked(*on: str, **fields: Any) -> Any:
    """A job that waits for a file."""
    return job("gated", conditions=GO, notify=Notify(on, ("ops",)), **fields)


def test_a_run_that_its_guards_keep_from_starting_is_told_of_after_an_hour(world: World) -> None:
    """Once, with the guard that is the reason; and when it has run at last, that it recovered."""
    world.declare(blocked("blocked", "recovered", every=DAY), settings=SETTINGS)
    world.tick()
    world.tick(HOUR - 1)
    assert told(world.root) == []
    for _ in range(3):
        world.tick(60)
    wait_until(lambda: told(world.root), what="the message")
    (world.root / "go").touch()
    world.tick(60)
    world.drain()
    world.stop()
    first, second = told(world.root)
    assert (first["event"], first["status"], first["job"]) == ("blocked", "failed", "gated")
    assert first["title"] == "gated is blocked: due at 2026-11-20T10:00:00Z, and not started"
    assert first["body"].startswith("file_exists(path: go): ")
    assert (second["event"], second["title"]) == ("recovered", "gated recovered")


def test_the_wait_counts_from_the_first_instant_that_was_given_up(world: World) -> None:
    """A job that is due every ten minutes is as late as one that waits an hour; it is told once a day that it lasts."""
    world.declare(blocked("blocked", every=600, when_blocked=WhenBlocked.SKIP), settings=SETTINGS)
    for _ in range(8):
        world.tick(600)
        world.drain()
    wait_until(lambda: told(world.root), what="the message")
    assert [message["event"] for message in told(world.root)] == ["blocked"]
    assert told(world.root)[0]["title"].startswith("gated is blocked: due at 2026-11-20T10:10:00Z")
    world.tick(DAY)
    world.drain()
    world.stop()
    assert [message["event"] for message in told(world.root)] == ["blocked", "blocked"]


def test_a_run_for_which_there_is_no_room_is_overdue(world: World) -> None:
    """What takes the room stands in the message; its own `after` says how long that may last."""
    os.mkfifo(world.root / "end")
    waits = job("waits", every=HOUR, notify=Notify(("overdue",), ("ops",), after_s=120))
    world.declare(job("long", "cat end", every=HOUR), waits, settings=Settings(max_concurrent=1, channels=OPS))
    world.tick()
    world.tick(121)
    wait_until(lambda: told(world.root), what="the message")
    (message,) = told(world.root)
    assert (message["event"], message["body"]) == ("overdue", "queued: pool default 1/1")
    with (world.root / "end").open("w"):
        pass
    world.drain()


def test_who_only_wants_to_know_of_overdue_runs_is_told_of_blocked_ones_too(world: World) -> None:
    """Whatever the reason is: it should have run by now."""
    world.declare(blocked("overdue", every=DAY), settings=SETTINGS)
    world.tick()
    world.tick(HOUR)
    wait_until(lambda: told(world.root), what="the message")
    world.stop()
    assert [message["event"] for message in told(world.root)] == ["overdue"]


def test_a_job_that_is_paused_is_not_late(world: World) -> None:
    """Somebody wanted that."""
    world.declare(blocked("blocked", "overdue", every=DAY), settings=SETTINGS)
    world.tick()
    world.ask("pause")
    world.tick()
    world.tick(2 * HOUR)
    world.stop()
    assert told(world.root) == []


def test_a_message_of_a_late_run_is_told_once_over_restarts(world: World) -> None:
    """The outbox knows when it was told last."""
    world.declare(blocked("blocked", every=DAY), settings=SETTINGS)
    world.tick()
    world.tick(HOUR)
    wait_until(lambda: told(world.root), what="the message")
    world.restart()
    world.tick(60)
    world.stop()
    assert len(told(world.root)) == 1
