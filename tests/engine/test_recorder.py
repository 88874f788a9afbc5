"""What happens when the disk, or the system, refuses: starts are held, ends are noticed, and it goes on by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.job import CommandAction, FollowUp
from octojobs.runners.base import Launch, LaunchFailed
from tests.engine.world import World, job


def _full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def _refuse(batch: list[Launch]) -> list[LaunchFailed]:
    return [LaunchFailed(launch, "Resource temporarily unavailable") for launch in batch]


def test_while_nothing_can_be_written_an_end_is_noticed_once_and_recorded_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop must not spin on the descriptor of a shim that has ended."""
    world.declare(job("quick", every=3600))
    world.tick()
    with monkeypatch.context() as full:
        full.setattr(world.engine.store._journal, "append", _full)
        world.drain()
        assert world.engine.held
        assert not [run for run in world.runs() if run.holds_slot]
        assert not world.engine.running.polls
    world.tick(5)
    assert not world.engine.held
    world.restart()
    assert world.runs() == []


def test_starts_are_held_longer_each_time_the_system_refuses_a_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try costs an attempt number, so there are few of them; the first start that succeeds ends it."""
    world.declare(job("beat", every=3600))
    starter = world.engine._starter
    with monkeypatch.context() as refusing:
        refusing.setattr(
            starter._launcher, "launch", lambda batch: [LaunchFailed(one, "Resource temporarily unavailable") for one in batch]
        )
        world.tick()
        waits = []
        for _ in range(5):
            before = world.clock.now()
            until = world.engine.wake_at()
            assert until is not None
            waits.append(round((until - before).total_seconds()))
            world.tick(waits[-1])
        assert waits == [5, 10, 20, 40, 60]
        assert "Resource temporarily unavailable" in world.engine.held
    world.tick(60)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_state_folder_that_was_removed_stops_new_starts(tmp_path: Path) -> None:
    """The lock is gone with it, so somebody else may serve the repository by now."""
    world = World(tmp_path)
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    shutil.rmtree(world.paths.root)
    world.tick(60)
    assert "journal.jsonl" in world.engine.held
    assert "start it again" in world.engine.held
    assert world.outcomes() == ["succeeded"]
    world.engine.close()


def test_the_word_of_a_failure_to_prepare_is_recorded_with_it(world: World) -> None:
    """A crash right after the end loses no `on_failure`: both are one record."""
    world.declare(job("secretive", every=3600, secrets=("OCTOJOBS_NO_SECRET",), on_failure=FollowUp(command=CommandAction("true"))))
    world.tick()
    world.restart()
    assert [run.id for run in world.runs()] == ["secretive@20261120T100000Z+on_failure"]


def test_a_waiting_run_of_a_removed_job_ends_with_the_removal(world: World) -> None:
    """A removal applies at once; one that was asked for is kept."""
    world.declare(job("slow", "sleep 30", every=3600), job("next", every=3600, pool="none"))
    world.tick()
    world.declare(job("slow", "sleep 30", every=3600))
    world.tick()
    assert [(row.job, row.outcome.value, row.reason) for row in world.rows] == [("next", "skipped", "the job is not declared any more")]
