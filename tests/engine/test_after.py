"""Jobs with `after`: one run after the other for as long as the daemon lives, whatever became of the last one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.job import WhenBlocked
from octojobs.core.when import AfterWhen
from tests.engine.world import World, job

NEVER = (Condition("file_exists", {"path": "never"}),)
HOUR_S = 3600


@pytest.mark.parametrize(
    ("fields", "ended"),
    [
        ({"conditions": NEVER, "when_blocked": WhenBlocked.SKIP}, "file_exists(path: never): never is not there"),
        ({"start_deadline_s": 30, "pool": "full"}, "start deadline 30s passed"),
    ],
)
def test_a_run_that_never_started_does_not_end_the_chain(world: World, fields: dict[str, Any], ended: str) -> None:
    """Skipped by a guard, or too late for its pool: the next instant comes a delay later."""
    world.declare(job("again", when=AfterWhen(60), **fields), settings=Settings(pools={"full": 0}))
    for _ in range(7):
        world.tick(31)
    due = [row.due for row in world.rows]
    assert len(due) >= 3
    assert len(set(due)) == len(due)
    assert {row.reason for row in world.rows} == {ended}


def test_a_run_that_waited_for_its_guards_in_vain_is_followed_by_the_next(world: World) -> None:
    """A day is as long as a run waits; then another one does."""
    world.declare(job("again", when=AfterWhen(60), conditions=NEVER))
    for _ in range(9):
        world.tick(6 * HOUR_S)
    assert world.outcomes() == ["skipped"]
    (run,) = world.runs()
    assert run.due == world.rows[0].due + timedelta(hours=30)  # the tick after the one that gave up


def test_a_cancelled_run_that_was_queued_does_not_end_the_chain(world: World) -> None:
    """Cancelling is about one run."""
    world.declare(job("again", when=AfterWhen(60), pool="full"), settings=Settings(pools={"full": 0}))
    world.tick()
    (run,) = world.runs()
    world.ask("cancel", run=run.id)
    world.tick()
    assert world.outcomes() == ["cancelled"]
    world.tick(60)
    assert [run.due for run in world.runs()] == [run.due.replace(minute=1)]
