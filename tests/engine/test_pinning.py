"""A run starts only when the scripts that it names are the approved ones."""

from __future__ import annotations

import pytest

from octojobs.config.blob import blob_id
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.job import RetryPolicy
from octojobs.core.run import Outcome
from tests.engine.world import World, job
from tests.helpers import write

OLD = "echo old\n"
OTHER = f"x.sh is not the approved one ({blob_id(OLD.encode())[:7]}, on disk {blob_id(b'echo new')[:7]}); commit it and `octojobs allow`"


@pytest.fixture
def pinned(world: World) -> World:
    """A world whose approved script is x.sh."""
    write(world.root / "x.sh", OLD)
    world.feed.pins = {"x.sh": blob_id(OLD.encode())}
    return world


def test_a_run_whose_script_is_another_one_is_skipped_and_the_others_go_on(pinned: World) -> None:
    """With the file and the remedy as its reason; nothing was started."""
    pinned.declare(job("a", "sh x.sh", every=60), job("b", "true", every=60), settings=Settings(max_concurrent=1))
    write(pinned.root / "x.sh", "echo new")
    pinned.tick()
    pinned.tick()
    pinned.drain()
    assert (pinned.outcomes("a"), pinned.outcomes("b")) == (["skipped"], ["succeeded"])
    (row,) = [row for row in pinned.rows if row.job == "a"]
    assert row.reason == f"{OTHER}, or bring the approved one back"
    assert not list((pinned.paths.runs / "a").glob("*"))


def test_the_approved_script_runs(pinned: World) -> None:
    """And again, once it has been brought back."""
    pinned.declare(job("a", "sh x.sh", every=60))
    pinned.tick()
    pinned.drain()
    write(pinned.root / "x.sh", "echo new")
    pinned.tick(60)
    write(pinned.root / "x.sh", OLD)
    pinned.tick(60)
    pinned.drain()
    assert pinned.outcomes() == ["succeeded", "skipped", "succeeded"]


def test_a_script_that_is_gone_fails_as_ever(pinned: World) -> None:
    """Nothing runs that nobody approved."""
    pinned.declare(job("a", "sh x.sh", every=60))
    (pinned.root / "x.sh").unlink()
    pinned.tick()
    pinned.drain()
    assert pinned.outcomes() == ["failed"]


def test_a_script_that_is_a_condition_is_not_even_asked(pinned: World) -> None:
    """Its run ends before the guards are judged."""
    write(pinned.root / "x.sh", "touch asked")
    pinned.declare(job("a", "true", every=60, conditions=(Condition("command", {"command": "sh x.sh"}),)))
    pinned.tick()
    assert pinned.outcomes() == ["skipped"]
    assert not (pinned.root / "asked").exists()


def test_a_retry_with_another_script_does_not_start(pinned: World) -> None:
    """It ends as its last attempt did: a failure is not turned into something that was skipped."""
    write(pinned.root / "x.sh", OLD)
    pinned.declare(job("a", "sh x.sh; false", every=3600, retries=RetryPolicy(max=3, delay_s=30)))
    pinned.tick()
    pinned.drain()
    write(pinned.root / "x.sh", "echo new")
    pinned.tick(30)
    (row,) = pinned.rows
    assert row.outcome is Outcome.FAILED
    assert row.reason.startswith(OTHER)
