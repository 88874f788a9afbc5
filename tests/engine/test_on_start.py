"""`on_start`: once, when a run has really begun, beside it, whatever becomes of the daemon and of the hook."""

from __future__ import annotations

import json
import os
from typing import Any

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp, RetryPolicy
from octojobs.runners.base import Shim
from tests.engine.world import World, job
from tests.helpers import wait_until

ONE_AT_A_TIME = Settings(max_concurrent=1)
RUN = "build@20261120T100000Z"
WAITS = "until [ -e go ]; do sleep 0.02; done"


def ticked(world: World, what: str) -> None:
    """Tick as the loop does, until a file is there."""

    def there() -> bool:
        world.tick(0.02)
        return (world.root / what).exists()

    wait_until(there, what=what)


def ended(world: World) -> list[tuple[str, str]]:
    """The runs that have ended, with their outcomes."""
    return [(row.run.id, row.outcome.value) for row in world.rows if row.run]


def test_it_goes_on_beside_the_run_where_there_is_room_for_one(world: World) -> None:
    """The run ends because its `on_start` has done its work: neither waits for the other."""
    world.declare(job("build", WAITS, every=3600, on_start=FollowUp(command=CommandAction("touch go"))), settings=ONE_AT_A_TIME)
    world.tick()
    ticked(world, "go")
    world.drain()
    assert sorted(ended(world)) == [(RUN, "succeeded"), (f"{RUN}+on_start", "succeeded")]


def test_a_run_that_ends_before_anybody_looks_has_begun_too(world: World) -> None:
    """Its `on_start` comes late, and comes."""
    world.declare(job("build", "echo done", every=3600, on_start=FollowUp(command=CommandAction("echo $OCTOJOBS_PARENT_RUN_ID"))))
    world.tick()
    world.drain()
    assert world.output(f"{RUN}+on_start") == f"{RUN}\n"
    assert ended(world) == [(RUN, "succeeded"), (f"{RUN}+on_start", "succeeded")]


def test_a_second_attempt_is_no_second_beginning(world: World) -> None:
    """Once for the run; the hooks of its end come after the last attempt."""
    hooks = {"on_start": FollowUp(command=CommandAction("true")), "on_failure": FollowUp(command=CommandAction("true"))}
    world.declare(job("build", "exit 3", every=3600, retries=RetryPolicy(max=2, delay_s=1), **hooks))
    world.tick()
    for _ in range(3):
        world.drain()
        world.tick(10)
    world.drain()
    assert [name for name, _ in ended(world)].count(f"{RUN}+on_start") == 1
    assert [name for name, _ in ended(world)].count(f"{RUN}+on_failure") == 1


def test_a_failing_hook_is_a_failed_run_and_changes_no_other(world: World) -> None:
    """It is told as what it is: a run that has failed, with its output."""
    world.declare(job("build", every=3600, on_start=FollowUp(command=CommandAction("echo no; exit 9"))))
    world.tick()
    world.drain()
    assert ended(world) == [(RUN, "succeeded"), (f"{RUN}+on_start", "failed")]
    assert world.engine.store.ledger.jobs[JobId("build")].failures == 0


def test_a_run_that_can_not_be_begun_has_no_beginning(world: World) -> None:
    """A secret is missing: nothing of the job ran."""
    world.declare(job("build", every=3600, secrets=("OCTOJOBS_NO_SECRET",), on_start=FollowUp(command=CommandAction("true"))))
    world.tick()
    world.drain()
    assert ended(world) == [(RUN, "failed")]


def test_a_gate_that_was_never_opened_is_no_beginning(world: World, monkeypatch: Any) -> None:
    """The daemon dies between the record and the gate: the next one starts the run anew, and that begins it, once."""
    world.declare(job("build", every=3600, on_start=FollowUp(command=CommandAction("true"))))
    with monkeypatch.context() as broken:
        broken.setattr(Shim, "start", lambda self, *_: self.close())
        world.tick()
    world.tick(0.02)
    assert ended(world) == []
    world.restart()
    world.tick(1)
    world.drain()
    assert sorted(ended(world)) == [(RUN, "succeeded"), (f"{RUN}+on_start", "succeeded")]


def test_a_daemon_that_was_away_when_the_run_began_follows_it(world: World) -> None:
    """The claim stands in the state and not in a daemon's memory."""
    os.mkfifo(world.root / "begun")
    world.declare(job("build", f"echo > begun; {WAITS}", every=3600, on_start=FollowUp(command=CommandAction("touch go"))))
    world.tick()
    (world.root / "begun").read_text()
    world.restart()
    ticked(world, "go")
    world.drain()
    world.restart()
    world.tick(1)
    world.drain()
    assert sorted(ended(world)) == [(RUN, "succeeded"), (f"{RUN}+on_start", "succeeded")]


def test_it_runs_another_job_while_the_first_goes_on(world: World) -> None:
    """`on_start: {run: JOB}`: that job's own rules hold, and its end lets the first one end."""
    world.declare(job("build", WAITS, every=3600, on_start=FollowUp(run=JobId("server"))), job("server", "touch go"))
    world.tick()
    ticked(world, "go")
    world.drain()
    assert [(row.job, row.run.cause.value) for row in world.rows if row.run and row.job == "server"] == [("server", "on_start")]


def test_channels_are_told_of_a_beginning_and_of_each_end(world: World) -> None:
    """`{notify: [...]}` tells each time, where `notify:` of a job tells of changes; each message once, with its own id."""
    settings = Settings(channels={"ops": Channel("ops", file="told.jsonl")})
    tell = FollowUp(notify=("ops",))
    world.declare(job("build", "echo why; exit 3", every=60, on_start=tell, on_failure=tell, on_success=tell), settings=settings)
    for instant in range(2):
        world.tick(60 if instant else 0)
        world.drain()
    world.restart()
    world.tick(1)
    world.stop()
    told = [json.loads(line) for line in (world.root / "told.jsonl").read_text().splitlines()]
    second = "build@20261120T100100Z"
    assert [one["id"] for one in told] == [f"{run}/{hook}/ops" for run in (RUN, second) for hook in ("on_start", "on_failure")]
    assert [(one["title"], one["status"], one["run"]) for one in told[:2]] == [
        ("build started", "started", RUN),
        ("build failed", "failed", RUN),
    ]
    assert told[1]["body"].endswith("why")
