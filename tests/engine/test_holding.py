"""Holds: what a run has to itself from its guards' passing to its end, and what becomes of it when the daemon is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition, Status
from octojobs.core.hold import LeaseName
from octojobs.core.job import Hold, Job, RetryPolicy, WhenBlocked
from octojobs.core.lease import Lease
from octojobs.core.run import Outcome, Phase, Process, Run
from octojobs.store.leases import Kept, LeaseHeld, Leases
from tests.engine.world import World, job

TREE = Hold(worktree="tree")
GATE = "until test -e {gate}; do sleep 0.02; done"


@pytest.fixture
def leases(world: World) -> Leases:
    """As somebody else sees them: a person, an agent."""
    return Leases(world.paths, world.root)


def held(name: str, command: str = "true", **fields: Any) -> Job:
    """A job that holds the worktree."""
    return job(name, command, **{"hold": TREE, **fields})


def there(world: World, leases: Leases) -> list[Kept]:
    """The leases that are there."""
    return leases.all(world.clock.now())


def run_of_job(world: World, name: str) -> Run:
    """Its open run."""
    (run,) = (run for run in world.runs() if run.job == name)
    return run


def verdict(world: World, name: str) -> str:
    """What the run's hold said last."""
    last = run_of_job(world, name).verdicts[-1]
    return f"{last.guard} {last.status}: {last.evidence}"


def test_two_runs_that_hold_the_same_never_overlap(world: World) -> None:
    """Due at one instant, with room for all of them: they run one after the other, and nobody waits for half a minute."""
    line = "echo begin >> log; mkdir alone && sleep 0.05 && rmdir alone; echo end $? >> log"
    patterns = ("src/**", "src/a.py", "src", "**/a.py")
    world.declare(*(held(f"job{number}", line, hold=Hold(paths=(path,)), every=3600) for number, path in enumerate(patterns)))
    world.tick()
    assert sum(run.holds_slot for run in world.runs()) == 1
    for _ in range(4):
        world.drain()
        world.tick()
    assert world.outcomes() == ["succeeded"] * 4
    assert (world.root / "log").read_text() == "begin\nend 0\n" * 4


def test_a_run_holds_from_its_start_to_its_end_by_its_own_process(world: World, leases: Leases) -> None:
    """Others are told who has it; afterwards it is free."""
    world.declare(held("sweep", GATE.format(gate="gate")))
    world.ask("run", job="sweep")
    world.tick()
    run = run_of_job(world, "sweep")
    (kept,) = there(world, leases)
    assert run.process is not None
    assert run.process.pid != os.getpid()
    assert kept.lease == Lease(run.id, worktree=str(world.root / "tree"), process=run.process, since=world.clock.now())
    assert (kept.name, kept.holds) == (f"run-{run.id}", True)
    with pytest.raises(LeaseHeld, match=rf"^worktree {world.root}/tree is held by {run.id}, pid {run.process.pid}, since "):
        leases.take(Lease("ada", worktree="tree", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    (world.root / "gate").touch()
    world.drain()
    world.tick()
    assert there(world, leases) == []


def test_a_run_waits_for_what_somebody_else_holds(world: World, leases: Leases) -> None:
    """It is blocked with the evidence, and begins at a later look."""
    world.clock.advance(0)
    taken = leases.take(Lease("ada", worktree="tree", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    world.declare(held("sweep", every=36000))
    world.tick()
    assert run_of_job(world, "sweep").phase is Phase.WAITING
    since, until = (f"{at:%H:%M}" for at in (world.clock.now(), world.clock.now() + timedelta(hours=1)))
    evidence = f"worktree tree is held by ada, since {since}, until {until}"
    assert verdict(world, "sweep") == f"hold(worktree tree) failed: {evidence}"
    leases.give_back(LeaseName(taken.name), world.clock.now())
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_when_blocked_skip_does_not_wait(world: World, leases: Leases) -> None:
    """The record says who had it."""
    leases.take(Lease("ada", name="deploy", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    world.declare(held("sweep", hold=Hold(name="deploy"), when_blocked=WhenBlocked.SKIP))
    world.ask("run", job="sweep")
    world.tick()
    (row,) = world.rows
    assert row.outcome is Outcome.SKIPPED
    assert row.reason.startswith("hold(name deploy): name deploy is held by ada, since ")


def test_what_can_t_be_understood_is_never_free(world: World) -> None:
    """Whatever `on_unknown` says, and by force neither."""
    (world.paths.leases).mkdir(parents=True)
    (world.paths.leases / "odd.json").write_text("{")
    world.declare(held("sweep"))
    world.ask("run", job="sweep", force=True)
    world.tick()
    assert verdict(world, "sweep") == "hold(worktree tree) unknown: can't tell who holds what: lease odd.json is not valid JSON"
    (world.paths.leases / "odd.json").unlink()
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_force_goes_past_guards_and_not_past_a_hold(world: World, leases: Leases) -> None:
    """Somebody is at work there."""
    taken = leases.take(Lease("ada", worktree="tree", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    world.declare(held("sweep", conditions=(Condition("file_exists", {"path": "none"}),)))
    world.ask("run", job="sweep", force=True)
    world.tick()
    assert [one.status for one in run_of_job(world, "sweep").verdicts] == [Status.FAILED]
    leases.give_back(LeaseName(taken.name), world.clock.now())
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_run_that_is_tried_again_keeps_its_lease_between(world: World, leases: Leases) -> None:
    """Bound to the daemon, for the run has no process then."""
    world.declare(held("sweep", "test -e second || { touch second; exit 1; }", retries=RetryPolicy(max=1, delay_s=60)), held("other"))
    world.ask("run", job="sweep")
    world.tick()
    world.drain()
    world.ask("run", job="other")
    world.tick()
    (kept,) = there(world, leases)
    assert run_of_job(world, "sweep").phase is Phase.RETRYING
    assert kept.lease is not None
    assert kept.lease.process is not None
    assert (kept.lease.process.pid, kept.holds) == (os.getpid(), True)
    assert run_of_job(world, "other").phase is Phase.WAITING
    world.tick(60)
    for _ in range(2):
        world.drain()
        world.tick()
    assert world.outcomes() == ["succeeded", "succeeded"]
    assert there(world, leases) == []


def test_a_retry_waits_when_somebody_else_has_it_by_now(world: World, leases: Leases) -> None:
    """An earlier daemon held it until its end; then an agent came."""
    world.declare(held("sweep", "test -e second || { touch second; exit 1; }", retries=RetryPolicy(max=1, delay_s=60)))
    world.ask("run", job="sweep")
    world.tick()
    world.drain()
    world.stop()
    assert there(world, leases) == []
    taken = leases.take(Lease("ada", worktree="tree", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    world.start()
    world.tick(60)
    assert run_of_job(world, "sweep").phase is Phase.WAITING
    assert verdict(world, "sweep").startswith(f"hold(worktree tree) failed: worktree {world.root}/tree is held by ada, since ")
    leases.give_back(LeaseName(taken.name), world.clock.now())
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_cancelled_run_holds_nothing(world: World, leases: Leases) -> None:
    """Once its process is gone."""
    world.declare(held("sweep", "sleep 60"), held("other", GATE.format(gate="gate")))
    for name in ("sweep", "other"):
        world.ask("run", job=name)
        world.tick()
    world.ask("cancel", run=run_of_job(world, "sweep").id)
    world.tick()
    (world.root / "gate").touch()
    for _ in range(3):
        world.drain()
        world.tick()
    assert world.outcomes() == ["cancelled", "succeeded"]
    assert there(world, leases) == []


def test_what_a_run_had_that_never_started_is_free_at_once(world: World, leases: Leases) -> None:
    """It had its lease and waited for room; whoever waits for the same is asked in the next tick."""
    world.declare(job("busy", GATE.format(gate="gate")), held("sweep"), held("other"), settings=Settings(max_concurrent=1))
    for name in ("busy", "sweep", "other"):
        world.ask("run", job=name)
        world.tick()
    assert (run_of_job(world, "sweep").phase, run_of_job(world, "other").phase) == (Phase.QUEUED, Phase.WAITING)
    world.ask("cancel", run=run_of_job(world, "sweep").id)
    world.tick()
    assert world.engine.starts.unfinished
    world.tick()
    (kept,) = there(world, leases)
    assert kept.name == f"run-{run_of_job(world, 'other').id}"
    (world.root / "gate").touch()
    world.drain()
    world.tick()
    world.drain()
    assert sorted(world.outcomes()) == ["cancelled", "succeeded", "succeeded"]


def test_a_daemon_that_comes_later_takes_over_the_lease_of_a_run(world: World, leases: Leases) -> None:
    """While none lives, the lease is the run's own; what belongs to runs that are over is given back."""
    world.declare(held("sweep", GATE.format(gate="gate")))
    world.ask("run", job="sweep")
    world.tick()
    world.stop()
    (kept,) = there(world, leases)
    assert kept.holds
    old = LeaseName.of_run("nightly@20261120T020000Z")
    leases.take(Lease("nightly@20261120T020000Z", name="x", process=Process(1, 1, "b")), world.clock.now(), name=old)
    world.start()
    world.tick()
    assert there(world, leases) == [kept]
    (world.root / "gate").touch()
    world.drain()
    world.tick()
    assert there(world, leases) == []


def test_a_lease_of_a_paused_job_s_run_is_free(world: World, leases: Leases) -> None:
    """It was ready and could not start: who knows when the pause ends."""
    blocker = leases.take(Lease("ada", worktree="tree", until=world.clock.now() + timedelta(hours=1)), world.clock.now())
    world.declare(held("sweep", every=36000))
    world.tick()
    world.ask("pause", job="sweep")
    world.tick()
    leases.give_back(LeaseName(blocker.name), world.clock.now())
    world.tick(30)
    world.tick()
    assert there(world, leases) == []
    world.ask("resume", job="sweep")
    world.tick()
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_killed_daemon_leaves_no_lease_for_ever(tmp_path: Path) -> None:
    """Killed between the taking and the start: the lease is bound to a dead process, and anybody may have it."""
    program = (
        "import os, sys; from pathlib import Path; from tests.engine.world import World; from tests.engine.test_holding import held\n"
        "world = World(Path(sys.argv[1])); world.declare(held('sweep')); world.ask('run', job='sweep')\n"
        "world.engine._starter.reserve = lambda runs: os.kill(os.getpid(), 9)\n"
        "world.tick()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -9
    (file,) = (tmp_path / "state/leases").glob("*.json")
    assert json.loads(file.read_text())["pid"] != os.getpid()
    for made in _world(tmp_path):
        leases = Leases(made.paths, made.root)
        assert there(made, leases) == []
        taken = leases.take(Lease("ada", worktree="tree", until=made.clock.now() + timedelta(hours=1)), made.clock.now())
        leases.give_back(LeaseName(taken.name), made.clock.now())
        made.declare(held("sweep"))
        made.tick()
        made.drain()
        assert made.outcomes() == ["succeeded"]


def _world(root: Path) -> Iterator[World]:
    made = World(root)
    yield made
    made.close()
