"""P1: a run is on disk as starting before its process exists, and as started before a line of user code runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from octojobs.runners.base import Launch, Shim
from tests.engine.world import World, job, world

__all__ = ["world"]


def _events(path: Path) -> list[dict[str, Any]]:
    """What the journal holds now, as a reader of the file sees it."""
    return [event for line in path.read_text().splitlines() for event in json.loads(line)["events"]]


def test_the_journal_says_starting_and_started_before_the_shim_hears_of_the_run(world: World, monkeypatch: Any) -> None:
    """At the moment in which it is handed over, the record is in the file."""
    seen: list[list[str]] = []
    start = Shim.start

    def spy(self: Shim, launch: Launch) -> bool:
        seen.append([event["kind"] for event in _events(world.paths.journal)])
        return start(self, launch)

    monkeypatch.setattr(Shim, "start", spy)
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    assert seen[0] == ["JobSeen", "RunClaimed", "AttemptStarting", "AttemptStarted"]


def test_the_journal_says_started_with_the_process_before_the_users_code_runs(world: World) -> None:
    """The job itself reads the journal, and finds itself there as started, with the identity of its process."""
    world.declare(job("reader", f"cat {world.paths.journal}", every=60))
    world.tick()
    world.drain()
    lines = world.output("reader@20261120T100000Z").splitlines()
    events = [event for line in lines for event in json.loads(line)["events"]]
    (started,) = [event for event in events if event["kind"] == "AttemptStarted"]
    assert started["run"] == "reader@20261120T100000Z"
    assert started["process"]["pid"] > 1
    assert started["process"]["boot_id"]


def test_while_the_record_can_not_be_written_nothing_runs(world: World, tmp_path: Path, monkeypatch: Any) -> None:
    """The disk is full: the shim is told nothing; when there is space, the run starts, once."""
    effects = tmp_path / "effects"
    world.declare(job("writer", f"echo $OCTOJOBS_ATTEMPT >> {effects}", every=3600))
    with monkeypatch.context() as patch:
        patch.setattr(world.engine.store._journal, "append", _full)
        world.tick()
        assert "No space left on device" in world.engine.held
        assert not list(world.paths.runs.glob("writer/*/1/started"))
        world.tick(10)
    world.tick(10)
    world.drain()
    assert effects.read_text() == "1\n"
    assert world.outcomes() == ["succeeded"]


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")
