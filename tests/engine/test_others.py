"""The agents of other programs take room in the pool of ours, where the settings count them."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.core.definitions import Capacity, Settings
from octojobs.core.identity import JobId
from octojobs.core.run import Phase
from tests.engine.world import World, job
from tests.facts.world import entry, list_pids, process_in, soon

COUNTED = Settings(capacity=Capacity(2, count_external=True))
AGENT = JobId("ask")


def waits(world: World) -> list[str]:
    """Why each run of ours waits."""
    return list(world.engine.starts.waiting_for(world.clock.now()).values())


def test_agents_of_others_take_room_and_are_named(world: World) -> None:
    """Of two places one is free: of two runs one starts, and the other is told who is in its way."""
    world.declare(job("ask", pool="agents"), job("more", pool="agents"), job("make"), settings=COUNTED)
    with process_in(world.root) as pid:
        list_pids(world.root, {str(pid): entry(soon())})
        for name in ("ask", "more", "make"):
            world.ask("run", job=JobId(name))
        world.tick()
        assert [run.job for run in world.runs() if run.phase is Phase.QUEUED] == ["more"]
        (reason,) = waits(world)
        assert reason.startswith(f"queued: pool agents 2/2: implementer-1, pid {pid}, task 7e0e8c52, since 20")
        world.drain()
    assert sorted(row.job for row in world.rows) == ["ask", "make", "more"]


def test_a_pool_that_is_full_of_others_is_looked_at_again_in_half_a_minute(world: World) -> None:
    """Nothing tells when another program's agent ends."""
    world.declare(job("ask", pool="agents"), settings=Settings(capacity=Capacity(1, count_external=True)))
    with process_in(world.root) as pid:
        path = list_pids(world.root, {str(pid): entry(soon())})
        world.ask("run", job=AGENT)
        world.tick()
        assert [run.phase for run in world.runs()] == [Phase.QUEUED]
        wake_at = world.engine.wake_at()
        assert wake_at is not None
        assert (wake_at - world.clock.now()).total_seconds() == 30
        path.unlink()
        world.tick(29)
        assert [run.phase for run in world.runs()] == [Phase.QUEUED]
    world.tick(1)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_where_an_agent_may_be_unseen_the_pool_is_full(world: World) -> None:
    """Unknown is not free."""
    world.declare(job("ask", pool="agents"), settings=COUNTED)
    list_pids(world.root, "{")
    world.ask("run", job=AGENT)
    world.tick()
    (reason,) = waits(world)
    assert reason == (
        "queued: pool agents 2/2: can't tell who else is at work here: "
        ".octopoid/runtime/agents/implementer/running_pids.json is not valid JSON"
    )


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(pools={"agents": 1}), Settings(capacity=Capacity(1))], ids=["none", "pools", "capacity"]
)
def test_nobody_is_counted_where_the_settings_do_not_say_so(world: World, settings: Settings) -> None:
    """The pool is ours alone then."""
    world.declare(job("ask", pool="agents"), settings=settings)
    list_pids(world.root, "{")
    world.ask("run", job=AGENT)
    world.tick()
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_daemon_that_starts_anew_looks_anew(world: World, tmp_path: Path) -> None:
    """What was seen is no part of the record."""
    world.declare(job("ask", pool="agents"), settings=Settings(capacity=Capacity(1, count_external=True)))
    path = list_pids(world.root, "{")
    world.ask("run", job=AGENT)
    world.tick()
    path.unlink()
    world.restart()
    world.tick()
    world.drain()
    assert world.outcomes() == ["succeeded"]
