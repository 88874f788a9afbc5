"""Claims: in order, once, under a lease; and what comes after them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.run import Process
from octojobs.core.task import TaskPriority
from octojobs.flows import claiming, expiring, finishing, forms
from octojobs.flows.claiming import NotTheHolder
from octojobs.flows.moving import TaskMoved, result_file
from octojobs.flows.record import Kept
from tests.flows.world import T0, World

MINUTE = timedelta(minutes=1)


def settled(world: World, after: timedelta = timedelta()) -> list[tuple[str, str]]:
    """Titles and states of what the expiry of leases changed."""
    with world.open(after) as queue:
        return [(kept.task.title, kept.state) for kept in expiring.expire(queue)]


def claimed(world: World, **claimer: object) -> Kept:
    """A new task, claimed by ada for ten minutes."""
    world.enqueue("x")
    kept = world.claim(**claimer)  # type: ignore[arg-type]  # the fields of a claimer
    assert kept is not None
    return kept


def test_tasks_are_claimed_by_priority_and_then_by_age(world: World) -> None:
    """P0 first, and of two alike the older one."""
    for title, priority in (("b", "P2"), ("c", "P2"), ("d", "P3"), ("a", "P0")):
        world.enqueue(title, priority=TaskPriority(priority))
    assert [kept.task.title for _ in range(4) if (kept := world.claim())] == ["a", "b", "c", "d"]
    assert world.claim() is None


def test_a_claim_moves_the_file_and_says_who_has_it(world: World) -> None:
    """In its header, in the record, and as a lease where guards look."""
    kept = claimed(world, by="agent-1")
    assert world.there() == {"claimed": [kept.name]}
    task = forms.parse(kept.task.id, (world.folder / "claimed" / kept.name).read_bytes(), T0)
    assert (task.claimed_by, task.claimed_at, task.attempts, task.version) == ("agent-1", world.now, 1, 2)
    lease = json.loads((world.place.paths.leases / f"task-{kept.task.id}.json").read_text())
    assert lease == {
        "v": 1,
        "holder": "agent-1",
        "task": kept.task.id,
        "since": "2026-11-20T10:00:02Z",
        "until": "2026-11-20T10:10:02Z",
    }


def test_a_claimer_gets_tasks_of_its_role(world: World) -> None:
    """And none where there are only others."""
    world.enqueue("write")
    world.enqueue("read", role="review")
    assert (kept := world.claim(role="review")) is not None
    assert kept.task.title == "read"
    assert world.claim(role="review") is None


def test_a_task_waits_for_those_before_it(world: World) -> None:
    """Until they are done: claimed is not done, and neither is failed."""
    first = world.enqueue("first")
    world.enqueue("second", blocked_by=(first.task.id,), priority=TaskPriority.P0)
    kept = world.claim()
    assert kept is not None
    assert (kept.task.title, world.claim()) == ("first", None)
    with world.open() as queue:
        finishing.done(queue, kept, "ada")
    assert (after := world.claim()) is not None
    assert after.task.title == "second"


def test_a_prerequisite_that_is_gone_is_never_met(world: World) -> None:
    """A file that was written by hand may name anything."""
    (world.folder / "incoming").mkdir(parents=True)
    (world.folder / "incoming/a.md").write_text("---\ntitle: a\nblocked_by: [nobody]\n---\n")
    assert world.claim() is None
    with world.open() as queue:
        found = queue.record.find("a")
        with pytest.raises(TaskMoved, match="task a waits for nobody; they have to be done first"):
            claiming.claim(queue, claiming.Claimer("ada", 60), task=found)


def test_a_limit_on_claims_is_kept(tmp_path: Path) -> None:
    """`queue_limits: {claimed: 1}` gives out one at a time."""
    world = World.at(tmp_path, queue_limits={"claimed": 1})
    for title in ("a", "b"):
        world.enqueue(title)
    assert world.claim() is not None
    assert world.claim() is None


def test_a_lease_can_be_renewed_by_its_holder_alone(world: World) -> None:
    """It lasts from then on."""
    kept = claimed(world)
    with world.open(5 * MINUTE) as queue:
        renewed = claiming.renew(queue, kept, "ada", 600)
        with pytest.raises(
            NotTheHolder, match=rf"task {kept.task.id} is claimed by ada, not by bob; say --by NAME, or --force to overrule"
        ):
            claiming.renew(queue, renewed, "bob", 600)
    assert settled(world, 9 * MINUTE) == []
    assert settled(world, 2 * MINUTE) == [("x", "incoming")]


def test_a_lease_that_ended_gives_the_task_back(world: World) -> None:
    """With the reason in its file; the lease is gone from where guards look."""
    kept = claimed(world)
    assert settled(world, 11 * MINUTE) == [("x", "incoming")]
    text = (world.folder / "incoming" / kept.name).read_text()
    assert 'reason: "the lease of ada ended, and there was no result"' in text
    assert list(world.place.paths.leases.iterdir()) == []


def test_a_task_that_nobody_can_finish_is_quarantined(world: World) -> None:
    """After three attempts; whoever requeues it gives it three more."""
    kept = claimed(world)
    for state in ("incoming", "incoming", "quarantined"):
        assert settled(world, 11 * MINUTE) == [("x", state)]
        world.claim()
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
        assert found is not None
        assert found.task.reason == "3 attempts came to nothing; the last one: the lease of ada ended, and there was no result"
        again = finishing.requeue(queue, found, "bob")
    assert (again.state, again.task.attempts) == ("incoming", 0)


@pytest.mark.parametrize(
    ("told", "state", "reason"),
    [
        ('{"outcome": "done"}', "done", ""),
        ('{"outcome": "failed", "reason": "no\\ndatabase"}', "failed", "no database"),
        ("{}", "failed", 'its result is not {"outcome": "done"} or {"outcome": "failed", "reason": "…"}: b\'{}\''),
        ("[" * 70_000, "failed", "its result is not"),
    ],
)
def test_a_result_is_looked_for_before_a_lease_ends(world: World, told: str, state: str, reason: str) -> None:
    """Whoever works in a sandbox leaves a file; it counts as soon as somebody looks, and is gone then."""
    kept = claimed(world)
    path = result_file(world.place.paths, kept.task.id)
    path.parent.mkdir()
    path.write_text(told)
    assert settled(world) == [("x", state)]
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
    assert found is not None
    assert found.task.reason.startswith(reason)
    assert not path.exists()


def test_a_process_that_lives_keeps_its_task(world: World) -> None:
    """However late it is; one that is gone has lost it at once."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        process = Process(worker.pid, platform.start_ticks(worker.pid) or 0, platform.boot_id())
        claimed(world, process=process)
        assert settled(world, timedelta(days=1)) == []
        worker.kill()
    assert settled(world) == [("x", "incoming")]


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        ("succeeded", "provisional", "fix@20261120T100000Z succeeded and did not say what became of the task"),
        ("failed", "incoming", "fix@20261120T100000Z failed: exit code 1"),
    ],
)
def test_the_end_of_the_run_that_claimed_it_is_a_result(world: World, outcome: str, state: str, reason: str) -> None:
    """A run that went well may have done the work: a person looks. One that failed gives the task back."""
    run = world.place.paths.root / "runs/fix/fix@20261120T100000Z"
    kept = claimed(world, run="fix@20261120T100000Z")
    (run / "1").mkdir(parents=True)
    (run / "2").mkdir()
    end = {"started_at": "2026-11-20T10:00:00Z", "ended_at": "2026-11-20T10:00:01Z", "duration_s": 1, "exit_code": 0, "signal": None}
    more = {"output_bytes": 0, "truncated": False, "escaped": []}
    told = {"outcome": outcome, "reason": "" if outcome == "succeeded" else "exit code 1", **end, **more}
    (run / "2/exit.json").write_text(json.dumps(told))
    assert settled(world, 11 * MINUTE) == [("x", state)]
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
    assert found is not None
    assert found.task.reason == reason


def test_a_task_that_nobody_began_in_time_has_failed(world: World) -> None:
    """With the instant; a requeued one has no term any more."""
    kept = world.enqueue("soon", expires_in_s=60)
    assert settled(world, 2 * MINUTE) == [("soon", "failed")]
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
        assert found is not None
        assert found.task.reason == "nobody began it by 2026-11-20T10:01:01Z"
        assert finishing.requeue(queue, found, "ada").task.expires_at is None
    assert settled(world, 2 * MINUTE) == []


def test_a_late_answer_does_no_harm(world: World) -> None:
    """Whoever lost a task and says that it is done names another attempt, or is not the holder."""
    kept = claimed(world)
    settled(world, 11 * MINUTE)
    world.claim("bob")
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
        assert found is not None
        with pytest.raises(NotTheHolder, match="is claimed by bob, not by ada"):
            finishing.done(queue, found, "ada")
        with pytest.raises(NotTheHolder, match=rf"attempt 1 at task {kept.task.id} is over: this is attempt 2"):
            finishing.done(queue, found, "bob", attempt=1)
        assert finishing.done(queue, found, "ada", force=True).state == "done"


def test_what_is_finished_is_not_finished_again(world: World) -> None:
    """The message names the state and those that would do."""
    kept = claimed(world)
    with world.open() as queue:
        after = finishing.fail(queue, kept, "ada", "no database")
        assert (after.state, after.task.reason) == ("failed", "no database")
        with pytest.raises(TaskMoved) as refused:
            finishing.done(queue, after, "ada")
    assert str(refused.value) == (f"task {kept.task.id} is failed, and only proposed, incoming, claimed and provisional can be done")


def test_what_happened_to_a_task_is_recorded(world: World) -> None:
    """Each step with its states, its version, who did it and why."""
    kept = claimed(world)
    with world.open(MINUTE) as queue:
        finishing.requeue(queue, kept, "ada", reason="not today")
        told = [(one.event, one.source, one.target, one.version, one.by, one.reason) for one in queue.record.history(kept.task.id)]
    assert told == [
        ("enqueued", "", "incoming", 1, "", ""),
        ("claimed", "incoming", "claimed", 2, "ada", ""),
        ("requeued", "claimed", "incoming", 3, "ada", "not today"),
    ]
