"""What happens when the disk, or the system, refuses: starts are held, ends are noticed, and it goes on by itself."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import timedelta
from typing import Any

import pytest

from octojobs import platform
from octojobs.core.job import CommandAction, FollowUp
from octojobs.engine.recorder import HOLD_S
from octojobs.runners.base import Shim
from tests.engine.world import World, job
from tests.helpers import wait_until


def _full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


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
    """It costs the run nothing but time; the first start that succeeds ends it."""
    world.declare(job("beat", every=3600))
    with monkeypatch.context() as refusing:
        refusing.setattr(world.engine._starter.pool, "take", lambda _: ([], "Resource temporarily unavailable"))
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
    assert [(row.outcome.value, row.run.attempt) for row in world.rows if row.run] == [("succeeded", 1)]


def test_a_disk_without_room_for_a_folder_holds_starts_and_loses_no_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ran and nothing was used up: the same instant is started later."""
    world.declare(job("beat", every=3600))
    with monkeypatch.context() as full:
        full.setattr("octojobs.engine.starter.make_run_folder", _full)
        world.tick()
    assert world.engine.held == "can't start beat@20261120T100000Z: can't make its folder: No space left on device"
    world.tick(5)
    world.drain()
    assert [(row.outcome.value, row.run.attempt) for row in world.rows if row.run] == [("succeeded", 1)]


def test_a_shim_that_died_before_it_was_used_costs_an_attempt_and_no_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody killed it while it was idle, after the daemon had looked: what it was given never began."""
    world.declare(job("beat", every=3600))
    shims, _ = world.engine._starter.pool.take(1)
    world.engine._starter.pool.give_back(shims[0])
    monkeypatch.setattr(Shim, "is_there", lambda _: True)  # the look came before the kill
    os.kill(shims[0].process.pid, signal.SIGKILL)
    wait_until(lambda: platform.is_alive(shims[0].process) is False)
    world.tick()
    world.drain()
    world.tick()
    world.drain()
    assert [(row.outcome.value, row.run.attempt) for row in world.rows if row.run] == [("succeeded", 2)]


def test_a_state_folder_that_was_removed_stops_new_starts(world: World) -> None:
    """The lock is gone with it, so somebody else may serve the repository by now."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    shutil.rmtree(world.paths.root)
    world.tick(60)
    assert "journal.jsonl" in world.engine.held
    assert "start it again" in world.engine.held
    assert world.outcomes() == ["succeeded"]
    world.stop()


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


def test_what_is_due_while_the_disk_refuses_is_not_tried_again_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop sleeps until the next try: a daemon whose state folder is gone must not keep a processor busy."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()

    with monkeypatch.context() as broken:
        broken.setattr(world.engine.store._journal, "append", _full)
        world.tick(60)
        assert world.engine.held
        assert world.engine.wake_at() == world.clock.now() + timedelta(seconds=HOLD_S)
        world.tick(60)
        assert world.engine.wake_at() == world.clock.now() + timedelta(seconds=HOLD_S)
    world.tick(HOLD_S)
    world.drain()
    assert world.engine.held == ""
    assert world.outcomes().count("succeeded") >= 2
