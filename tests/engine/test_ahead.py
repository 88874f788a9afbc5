"""What is made ready shortly before an instant, so that its starts need not wait for it."""

from __future__ import annotations

import select

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.run import Phase
from octojobs.runners.launcher import Launcher
from tests.engine.world import World, job


def test_the_folders_of_what_falls_due_together_are_there_before(world: World) -> None:
    """Not that of a job whose guard may not hold, or that still runs; and not a minute before."""
    world.declare(
        *(job(name, every=60) for name in ("a", "b")),
        job("guarded", every=60, conditions=(Condition("not_paused"),)),
        job("busy", ("sleep", "60"), every=60),
        job("later", every=3600),
        settings=Settings(max_concurrent=9),
    )
    world.tick()
    while [run.job for run in world.runs()] != ["busy"]:
        select.select([world.engine.running.fileno()], [], [], 20)
        world.tick()
    world.engine.get_ready()
    assert not list(world.paths.runs.glob("*/*10010*"))
    world.clock.advance(59)
    world.engine.get_ready()
    assert sorted(path.parent.parent.name for path in world.paths.runs.glob("*/*T100100Z/1")) == ["a", "b"]
    world.tick(1)
    assert sorted(str(run.job) for run in world.runs() if run.phase is Phase.RUNNING) == ["a", "b", "busy", "guarded"]


def test_a_hold_that_ends_at_another_instant_makes_no_folder_of_that(world: World) -> None:
    """The disk is asked again a second after the job is due."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    world.clock.advance(56)
    world.engine.recorder.hold("no room")
    world.engine.recorder.writes = False
    world.clock.advance(2.5)
    world.engine.get_ready()
    assert [path.name for path in world.paths.runs.glob("beat/*")] == ["beat@20261120T100000Z"]


def test_a_shim_is_ready_for_each_job_that_falls_due_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as their pools have room for: at the instant nothing is forked."""
    world.declare(*(job(name, every=60) for name in ("a", "b", "c")), settings=Settings(max_concurrent=2))
    world.tick()
    world.drain()
    world.engine.rest()
    world.clock.advance(59)
    world.engine.get_ready()
    monkeypatch.setattr(Launcher, "fork", lambda *_: ([], "nothing is to be forked now"))
    world.tick(1)
    assert sorted(run.phase.value for run in world.runs()) == ["queued", "running", "running"]
    monkeypatch.undo()
    world.drain()
