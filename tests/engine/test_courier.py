"""Ends of runs reach the channels, in order, once, whatever becomes of the daemon; and no channel holds up the engine."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.job import Notify
from octojobs.engine import courier
from octojobs.store import outbox
from octojobs.store.outbox import Outbox, standing
from tests.engine.world import World, job
from tests.helpers import wait_until, write

OPS = Settings(channels={"ops": Channel("ops", file="told.jsonl")})
TELL = Notify(("failed", "recovered"), ("ops",))


def told(root: Path) -> list[dict[str, Any]]:
    """The messages in the file, oldest first."""
    file = root / "told.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_change_is_told_and_repetition_is_not(world: World) -> None:
    """Two failures and two successes are one failure and one recovery."""
    world.declare(job("flaky", "echo why; test -e good", every=60, notify=TELL), settings=OPS)
    for instant in range(4):
        if instant == 2:
            (world.root / "good").touch()
        world.tick(60 if instant else 0)
        world.drain()
    world.stop()
    failed, recovered = told(world.root)
    assert (failed["title"], failed["status"], failed["failures"]) == ("flaky failed", "failed", 1)
    assert failed["id"] == f"{failed['run']}/failed/ops"
    assert failed["body"].endswith("why")
    assert Path(failed["link"]).read_text() == "why\n"
    assert (recovered["title"], recovered["status"]) == ("flaky recovered", "success")


def test_what_ended_before_a_crash_is_told_after_it(world: World) -> None:
    """The outbox had not read the history: as when the daemon was killed in between."""
    world.declare(job("quiet", every=3600, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    wait_until(world.paths.outbox.exists, what="the outbox")
    world.engine.courier.stop()
    world.declare(job("bad", "exit 3", every=3600, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    world.stop()
    assert told(world.root) == []
    world.start()
    world.tick()
    world.stop()
    assert [message["title"] for message in told(world.root)] == ["bad failed"]


def test_a_damaged_outbox_is_set_aside_and_what_ends_from_then_on_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is kept under another name, said so, and no daemon has to be started anew."""
    world.paths.outbox.write_bytes(b"no database" * 1000)
    world.declare(job("bad", "exit 3", every=60, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    wait_until(lambda: list(world.paths.root.glob("quarantine-*-outbox.sqlite")), what="the damaged one")
    world.declare(job("bad", "exit 3", every=60, notify=TELL), job("worse", "exit 4", every=60, notify=TELL), settings=OPS)
    world.tick(60)
    world.drain()
    world.stop()
    assert "worse failed" in [message["title"] for message in told(world.root)]
    assert "the outbox was damaged (file is not a database)" in caplog.text


def test_an_outbox_that_cannot_be_made_is_tried_again(world: World) -> None:
    """As when the disk was full at the start: it goes on by itself."""
    world.paths.outbox.mkdir()
    world.declare(job("early", every=3600, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    wait_until(lambda: world.engine.courier._told, what="the refusal")
    world.paths.outbox.rmdir()
    world.declare(job("bad", "exit 3", every=3600, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    world.stop()
    assert [message["title"] for message in told(world.root)] == ["bad failed"]


def test_a_channel_that_fails_changes_no_run_and_delays_no_tick(world: World) -> None:
    """While its command hangs, other runs start and end; what it refuses waits for the next try."""
    hangs = Settings(channels={"ops": Channel("ops", command=("sh", "-c", "touch began; cat go; exit 1"))})
    os.mkfifo(world.root / "go")
    world.declare(job("bad", "exit 3", every=60, notify=TELL), settings=hangs)
    world.tick()
    world.drain()
    wait_until((world.root / "began").exists, what="the delivery")
    world.tick(60)
    world.drain()
    assert world.outcomes("bad") == ["failed", "failed"]
    with (world.root / "go").open("w"):
        pass
    wait_until(lambda: standing(world.paths)[0] == 1 and _attempts(world) == 1, what="the failed delivery")
    assert world.outcomes("bad") == ["failed", "failed"]


def test_a_next_try_does_not_wait_for_a_clock_that_was_set_back(world: World) -> None:
    """A year of waiting would be a message lost; the clock was ahead when it was put off."""
    world.declare(
        job("bad", "exit 3", every=3600, notify=TELL), settings=Settings(channels={"ops": Channel("ops", command=("test", "-e", "ok"))})
    )
    world.tick()
    world.drain()
    wait_until(lambda: _attempts(world) == 1, what="the failed delivery")
    (world.root / "ok").touch()
    world.clock.step(-365 * 86_400)
    world.stop()
    assert standing(world.paths)[0] == 0


def test_a_channel_that_hangs_does_not_hold_up_the_others(world: World) -> None:
    """And gets its own messages one after the other, in order."""
    slow = Channel("slow", command=("sh", "-c", 'cat go; printf "%s\\n" "$OCTOJOBS_TITLE" >> slow'))
    os.mkfifo(world.root / "go")
    both = Settings(channels={"slow": slow, "ops": Channel("ops", file="told.jsonl")})
    tell = Notify(("failed",), ("slow", "ops"))
    world.declare(*(job(name, "exit 3", every=3600, notify=tell) for name in ("one", "two")), settings=both)
    world.tick()
    world.drain()
    wait_until(lambda: len(told(world.root)) == 2, what="both messages on the other channel")
    assert not (world.root / "slow").exists()
    for number in (1, 2):
        with (world.root / "go").open("w"):
            pass
        wait_until(lambda: len(_lines(world.root / "slow")) == number, what="the next one on the slow channel")  # noqa: B023 -- it is called here
    assert _lines(world.root / "slow") == [message["title"] for message in told(world.root)]


def test_the_users_own_channel_wins(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Over the repository's of that name, from the next message on; while its file is not private, messages wait, however long."""
    world.ground.environ = {**os.environ, "XDG_CONFIG_HOME": str(world.root / "config")}
    world.restart()
    own = write(world.root / "config/octojobs/channels.yaml", "channels: {ops: {file: own.jsonl}}\n")
    own.chmod(0o644)
    world.declare(job("bad", "exit 3", every=3600, notify=TELL), settings=OPS)
    world.tick()
    world.drain()
    wait_until(lambda: standing(world.paths)[0] == 1, what="the message")
    for _ in range(8):
        world.clock.advance(3600)
        world.restart()
        world.tick()
    assert standing(world.paths)[:2] == (1, 0)
    assert caplog.text.count("nobody is notified for now: ") >= 8, "each daemon says so"
    own.chmod(0o600)
    world.clock.advance(3600)
    world.stop()
    assert told(world.root) == []
    assert len(_lines(world.root / "own.jsonl")) == 1


def test_a_channel_that_is_gone_leaves_a_dead_letter(world: World) -> None:
    """Its reason is there for `status`."""
    world.declare(job("bad", "exit 3", every=3600, notify=TELL))
    world.tick()
    world.drain()
    world.stop()
    pending, dead, (letter,) = standing(world.paths)
    assert (pending, dead, letter["why"]) == (0, 1, "there is no channel ops any more")


def test_a_message_that_cannot_be_read_keeps_none_of_the_others_waiting(world: World) -> None:
    """As one that another version wrote: a dead letter, with a word in the log."""
    world.declare(job("bad", "exit 3", every=3600, notify=TELL), settings=OPS)
    with closing(Outbox(world.paths, 0)) as outbox:
        outbox.put((0, 0), {}, [("odd", "ops", ["odd"])], world.clock.now())  # type: ignore[list-item]  # what no message is
    world.tick()
    world.drain()
    world.stop()
    assert [message["title"] for message in told(world.root)] == ["bad failed"]
    _, _, (letter,) = standing(world.paths)
    assert (letter["id"], letter["why"]) == ("odd", "TypeError, see the log")


def test_nobody_who_wants_to_be_told_costs_nothing(world: World) -> None:
    """No thread, no file."""
    world.declare(job("bad", "exit 3", every=3600))
    world.tick()
    world.drain()
    assert world.engine.courier._thread is None
    assert not world.paths.outbox.exists()


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _attempts(world: World) -> int:
    with sqlite3.connect(world.paths.outbox) as base:
        (attempts,) = base.execute("SELECT sum(attempts) FROM messages").fetchone()
    base.close()
    return int(attempts or 0)


def test_more_ends_at_once_than_an_outbox_holds_are_all_told_by_a_channel_that_takes_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history waits until there is room; only what a channel does not take piles up, and is bounded."""
    monkeypatch.setattr(outbox, "MOST_PENDING", 8)
    monkeypatch.setattr(courier, "AT_ONCE", 2)
    monkeypatch.setattr(courier, "ENOUGH", 4)
    slow = Channel("slow", command=("sh", "-c", 'test -e open || { touch began; cat go; }; printf "%s\\n" "$OCTOJOBS_JOB" >> slow'))
    away = Channel("away", command=("false",))
    os.mkfifo(world.root / "go")
    tell = Notify(("failed",), ("slow", "away"))
    names = [f"job{number}" for number in range(12)]
    world.declare(
        *(job(name, "exit 3", every=3600, notify=tell) for name in names), settings=Settings(channels={"slow": slow, "away": away})
    )
    world.tick()
    world.drain()
    wait_until((world.root / "began").exists, what="the first delivery")
    (world.root / "slow").touch()
    (world.root / "open").touch()
    with (world.root / "go").open("w"):
        pass
    wait_until(lambda: (world.root / "slow").read_text().count("\n") == len(names), what="all messages")
    assert sorted((world.root / "slow").read_text().split()) == sorted(names)
    wait_until(lambda: standing(world.paths)[:2] == (8, 4), what="those that nobody takes")
