"""What an engine may do can be narrowed to named runs, for callers that decide about each start themselves."""

from __future__ import annotations

from octojobs.core.claim import manual_run
from octojobs.core.definitions import Settings
from octojobs.core.events import RunClaimed, RunDropped
from octojobs.core.identity import RunId
from octojobs.core.job import Priority
from octojobs.core.run import Outcome
from octojobs.engine.scope import Scope
from tests.engine.world import World, job


def test_a_named_run_starts_although_others_would_take_its_room(world: World) -> None:
    """Runs that may not start take no room: neither by their priority nor as older runs of the same job."""
    urgent, low = job("urgent", every=60, priority=Priority.URGENT), job("low", every=60, priority=Priority.LOW)
    world.declare(urgent, low, settings=Settings(max_concurrent=1))
    only: set[RunId] = set()
    world.engine.scope = Scope(only=only)
    world.tick()
    assert [run.job for run in world.engine.starts.ready] == ["urgent"]
    by_hand = manual_run(low, world.clock.now(), "3f2c", forced=True, by="a test", source="worktree")
    world.engine.record(RunClaimed(by_hand))
    only.add(by_hand.id)
    world.tick()
    world.drain()
    assert [row.run.id for row in world.rows if row.run] == ["low@20261120T100000Z-3f2c"]


def test_what_a_caller_records_is_durable_with_the_next_tick(world: World) -> None:
    """A run that the caller drops has ended, with its reason, and is offered no more."""
    world.declare(job("beat", every=60))
    world.engine.scope = Scope(only=())
    world.tick()
    (run,) = world.engine.starts.ready
    world.engine.record(RunDropped(run.id, Outcome.SKIPPED, "not wanted", world.clock.now()))
    world.tick()
    world.restart()
    assert (world.runs(), [(row.outcome.value, row.reason) for row in world.rows]) == ([], [("skipped", "not wanted")])
    assert world.engine.starts.ready == ()
