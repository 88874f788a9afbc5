"""Intervals that adapt to no-ops, by a real engine with real runs on a clock that the test moves."""

from __future__ import annotations

import json

from octojobs.core.job import Job
from octojobs.core.when import IntervalWhen
from tests.engine.world import World, job
from tests.fakes import START

NO_OP, DONE = (["sh", "-c", f"""printf '%s' '{json.dumps({"verdict": verdict})}' > "$OCTOJOBS_RESULT" """] for verdict in ("no-op", "done"))


def telling(command: list[str], when: IntervalWhen | None = None) -> Job:
    """A job whose result tells what it was worth, as that of an agent does."""
    return job("quiet", tuple(command), when=when or IntervalWhen(60, 600))


def minutes(world: World, until: int) -> list[int]:
    """The minutes at which it ran so far, with a tick every half minute up to that one."""
    while (world.clock.now() - START).total_seconds() < until * 60:
        world.tick(30)
        world.drain()
    return [round((row.due - START).total_seconds() / 60) for row in world.rows if row.run is not None]


def begun(world: World, command: list[str]) -> None:
    """The job is declared and looked at."""
    world.declare(telling(command))
    world.tick()
    world.drain()


def test_a_job_with_nothing_to_do_becomes_rare_and_stays_so_after_a_restart(world: World) -> None:
    """Every minute, then every 2, 4 and 8; the state knows how many no-ops there were."""
    begun(world, NO_OP)
    assert minutes(world, 3) == [0, 1, 2]
    world.restart()
    world.declare(telling(NO_OP))
    assert minutes(world, 20) == [0, 1, 2, 4, 8, 16]


def test_a_run_that_changes_something_brings_the_interval_back(world: World) -> None:
    """From its end on: the next instant is the next one of the declared interval."""
    begun(world, NO_OP)
    assert minutes(world, 9) == [0, 1, 2, 4, 8]
    world.declare(telling(DONE))
    assert minutes(world, 19) == [0, 1, 2, 4, 8, 16, 17, 18, 19]


def test_a_run_by_hand_counts_as_any_other(world: World) -> None:
    """Whoever looks and finds something to do has shown that there is."""
    begun(world, NO_OP)
    assert minutes(world, 9) == [0, 1, 2, 4, 8]
    world.declare(telling(DONE))
    world.ask("run", job="quiet")
    world.tick()
    world.drain()
    assert minutes(world, 12)[-3:] == [10, 11, 12]


def test_a_failure_tells_nothing_of_whether_there_is_something_to_do(world: World) -> None:
    """It neither counts nor ends the row."""
    begun(world, NO_OP)
    world.declare(telling(["false"]))
    assert minutes(world, 1) == [0, 1]
    world.declare(telling(NO_OP))
    assert minutes(world, 8) == [0, 1, 2, 3, 5]
