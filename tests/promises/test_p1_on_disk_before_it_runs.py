"""P1: a run is on disk as starting before its process exists, and as started before a line of user code runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from octojobs.runners.base import Launch, Launched, LaunchFailed
from octojobs.runners.launcher import Launcher
from tests.engine.world import World, job


def _events(path: Path) -> list[dict[str, Any]]:
    """What the journal holds now, as a reader of the file sees it."""
    return [event for line in path.read_text().splitlines() for event in json.loads(line)["events"]]


def test_the_journal_says_starting_before_there_is_a_process(tmp_path: Path, monkeypatch: Any) -> None:
    """At the moment in which the launcher is asked, the record is in the file, and the run's folder was made after it."""
    seen: list[list[str]] = []
    launch = Launcher.launch

    def spy(self: Launcher, batch: list[Launch]) -> list[Launched | LaunchFailed]:
        seen.append([event["kind"] for event in _events(world.paths.journal)])
        return launch(self, batch)

    monkeypatch.setattr(Launcher, "launch", spy)
    world = World(tmp_path)
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    world.close()
    assert seen[0] == ["JobSeen", "RunClaimed", "AttemptStarting"]


def test_the_journal_says_started_with_the_process_before_the_users_code_runs(tmp_path: Path) -> None:
    """The job itself reads the journal, and finds itself there as started, with the identity of its process."""
    world = World(tmp_path)
    world.declare(job("reader", f"cat {world.paths.journal}", every=60))
    world.tick()
    world.drain()
    lines = world.output("reader@20261120T100000Z").splitlines()
    world.close()
    events = [event for line in lines for event in json.loads(line)["events"]]
    (started,) = [event for event in events if event["kind"] == "AttemptStarted"]
    assert started["run"] == "reader@20261120T100000Z"
    assert started["process"]["pid"] > 1
    assert started["process"]["boot_id"]


def test_when_the_second_record_can_not_be_written_nothing_runs(tmp_path: Path, monkeypatch: Any) -> None:
    """The disk is full between the two records: the gates close unopened, and the same due instant starts later."""
    world = World(tmp_path)
    effects = tmp_path / "effects"
    world.declare(job("writer", f"echo $OCTOJOBS_ATTEMPT >> {effects}", every=3600))
    journal = world.engine.store._journal
    append = journal.append
    calls: list[int] = []

    def full_at_the_second(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        append(*args)

    monkeypatch.setattr(journal, "append", full_at_the_second)
    world.tick()
    assert "No space left on device" in world.engine.held
    assert not effects.exists()
    world.drain()  # space is back: the shim is gone, its attempt is void
    world.tick(10)
    world.drain()
    world.close()
    assert effects.read_text() == "2\n"
    assert world.outcomes() == ["succeeded"]
