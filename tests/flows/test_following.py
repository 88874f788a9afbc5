"""The folder is the state: files that people and other programs write, move, edit and remove are followed."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.errors import RepositoryBusy, StateDamaged
from octojobs.flows import claiming, finishing, restoring
from octojobs.flows import queue as queues
from octojobs.flows.moving import TaskMoved
from octojobs.flows.queue import opened
from tests.flows.world import World

LATER = timedelta(seconds=5)


def by_hand(world: World, state: str, name: str, text: str = "---\ntitle: by hand\n---\n") -> None:
    """A file that octojobs did not write."""
    (world.folder / state).mkdir(parents=True, exist_ok=True)
    (world.folder / state / name).write_text(text)


def test_a_file_that_somebody_wrote_is_a_task(world: World) -> None:
    """Claimed as any other, in either form."""
    by_hand(world, "incoming", "fix-login.md")
    by_hand(world, "incoming", "TASK-7e0e8c52.md", "# [TASK-7e0e8c52] Mend it\n\nPRIORITY: P0\n")
    assert [(kept.task.id, kept.name) for _ in range(2) if (kept := world.claim())] == [
        ("7e0e8c52", "TASK-7e0e8c52.md"),
        ("fix-login", "fix-login.md"),
    ]
    assert world.there() == {"claimed": ["TASK-7e0e8c52.md", "fix-login.md"]}


@pytest.mark.parametrize("name", [".hidden.md", "notes.txt", "a b.md", ".7e0e8c52.md.4711.octojobs-tmp", "folder.md"])
def test_what_is_no_file_of_a_task_is_left_alone(world: World, name: str) -> None:
    """Temporary files among it, and folders."""
    if name == "folder.md":
        (world.folder / "incoming" / name).mkdir(parents=True)
    else:
        by_hand(world, "incoming", name)
    with world.open() as queue:
        assert (queue.record.places(), queue.notes) == ({}, [])


def test_a_file_that_is_no_task_is_told_and_left_alone(world: World) -> None:
    """Whoever wrote it may not be finished."""
    by_hand(world, "incoming", "a.md", "half a")
    with world.open() as queue:
        where = world.folder / "incoming/a.md"
        assert queue.notes == [f"{where} is left alone: it begins neither with --- nor with `# [TASK-ID] title`"]
    by_hand(world, "incoming", "a.md", "---\ntitle: whole\n---\n")
    assert (kept := world.claim()) is not None
    assert kept.task.title == "whole"


def test_a_link_is_no_task(world: World) -> None:
    """What it leads to is not read."""
    by_hand(world, "incoming", "a.md")
    (world.folder / "incoming/b.md").symlink_to(world.folder / "incoming/a.md")
    with world.open() as queue:
        assert queue.record.places().keys() == {"a"}


def test_a_move_by_hand_counts(world: World) -> None:
    """From a claim, too: it is given back, and its lease with it."""
    world.enqueue("x")
    kept = world.claim()
    assert kept is not None
    (world.folder / "claimed" / kept.name).rename(world.folder / "incoming" / kept.name)
    with world.open() as queue:
        found = queue.record.find(kept.task.id)
        assert found is not None
        assert (found.state, found.claim, queue.record.history(kept.task.id)[-1].event) == ("incoming", None, "moved")
    assert list(world.place.paths.leases.iterdir()) == []


def test_an_edit_by_hand_counts(world: World) -> None:
    """Of the priority: at once for whoever lists, and within two seconds for a claim."""
    world.enqueue("first")
    second = world.enqueue("second")
    path = world.folder / "incoming" / second.name
    path.write_text(path.read_text().replace("priority: P2", "priority: P0"))
    for hurried, after, titles in ((True, 1, ["first", "second"]), (True, 2, ["second", "first"]), (False, 0, ["second", "first"])):
        world.now += timedelta(seconds=after)
        with opened(world.place, world.now, hurried=hurried) as queue:
            assert [kept.task.title for kept in claiming.ready(queue)] == titles


def test_an_edit_of_a_claimed_task_is_kept(world: World) -> None:
    """Notes that its holder adds to it come along."""
    world.enqueue("x", body="Why.")
    kept = world.claim()
    assert kept is not None
    with (world.folder / "claimed" / kept.name).open("a") as file:
        file.write("\nI looked at the log.\n")
    with world.open() as queue:
        finishing.done(queue, kept, "ada")
    assert (world.folder / "done" / kept.name).read_text().endswith("---\nWhy.\n\nI looked at the log.\n")


def test_a_copy_in_another_folder_is_no_second_task(world: World) -> None:
    """The one that is recorded counts, and the other is told of."""
    kept = world.enqueue("x")
    shutil.copy(world.folder / "incoming" / kept.name, _made(world, "done") / kept.name)
    with world.open() as queue:
        assert queue.record.places()[kept.task.id][0] == "incoming"
        assert queue.notes == [f"task {kept.task.id} lies in incoming and in done: the one in done is left alone; remove one of the files"]


def test_a_change_never_takes_the_place_of_a_file(world: World) -> None:
    """A copy that lies where the task is to go stays, and so does the task."""
    kept = world.enqueue("x")
    (_made(world, "done") / kept.name).write_text("mine")
    with world.open() as queue, pytest.raises(TaskMoved, match=rf"done has another file {kept.name}; look at both, and remove one"):
        finishing.done(queue, kept, "ada")
    assert (world.folder / "done" / kept.name).read_text() == "mine"
    assert world.there() == {"incoming": [kept.name], "done": [kept.name]}
    with world.open() as queue:
        assert queue.record.places()[kept.task.id][0] == "incoming"


def test_a_file_that_is_gone_is_missing_and_not_decided_about(world: World) -> None:
    """Neither claimed nor finished; the message has the remedy."""
    kept = world.enqueue("x")
    (world.folder / "incoming" / kept.name).unlink()
    assert world.claim() is None
    with world.open() as queue:
        assert queue.missing == {kept.task.id}
        with pytest.raises(TaskMoved, match=rf"the file of task {kept.task.id} is gone from .*; `octojobs task restore` brings it back"):
            finishing.done(queue, kept, "ada")


def test_what_was_taken_comes_back_from_the_record(world: World) -> None:
    """Every file as it was, in the folder where it was, in one place."""
    world.enqueue("a", body="Why.")
    world.enqueue("b")
    world.claim()
    before = {path.relative_to(world.folder): path.read_bytes() for path in world.folder.rglob("*.md")}
    shutil.rmtree(world.place.worktree / ".octopoid")
    with world.open() as queue:
        assert len(restoring.restore(queue, restoring.missing(queue))) == 2
        assert queue.missing == set()
    assert {path.relative_to(world.folder): path.read_bytes() for path in world.folder.rglob("*.md")} == before


def test_a_task_that_was_removed_on_purpose_can_be_forgotten(world: World) -> None:
    """Its history stays."""
    kept = world.enqueue("x", dedupe="k")
    (world.folder / "incoming" / kept.name).unlink()
    with world.open() as queue:
        restoring.forget(queue, restoring.missing(queue), "ada")
        assert (queue.record.places(), [one.event for one in queue.record.history(kept.task.id)]) == ({}, ["enqueued", "forgotten"])
    assert world.enqueue("x", dedupe="k").task.id != kept.task.id


@pytest.mark.parametrize("damage", ["overwritten", "cut", "holed"])
def test_a_damaged_record_is_set_aside_and_the_files_tell(world: World, damage: str) -> None:
    """Nothing is started afresh in silence, and nothing is lost that has a file."""
    for number in range(20):
        world.enqueue(f"task {number}", dedupe=f"k{number}", body="x" * 1000)
    path = world.place.paths.tasks
    data = path.read_bytes()
    damaged = {"overwritten": b"no database " * 999, "cut": data[: len(data) // 2], "holed": data[:4096].ljust(len(data), b"\0")}
    path.write_bytes(damaged[damage])
    try:
        with world.open(LATER) as queue:
            told = queue.notes
    except StateDamaged as noticed:  # by then half of the change was read: the next one begins anew
        told = [str(noticed)]
    assert re.match(rf"{path} is damaged: .*; it is set aside as quarantine-20261120T\d+Z-tasks\.sqlite[;,] ", told[0])
    with world.open(LATER) as queue:
        assert len(queue.record.places()) == 20
    assert [one.read_bytes() for one in path.parent.glob("quarantine-*-tasks.sqlite")] == [damaged[damage]]
    assert world.enqueue("again", dedupe="k7").task.title == "task 7"


def test_a_record_of_a_newer_version_is_left_alone(world: World) -> None:
    """Whoever goes back to an older octojobs is told."""
    world.enqueue("x")
    base = sqlite3.connect(world.place.paths.tasks)
    base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(StateDamaged, match="was written by a newer octojobs; use that one, or a newer one"), world.open():
        pass


def test_whoever_is_stopped_over_the_tasks_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel frees the lock of one that dies; one that is stopped is in the way."""
    world.enqueue("x")
    monkeypatch.setattr(queues, "WAIT_S", 0.05)
    program = (
        "import sys, time; from tests.flows.world import World; from pathlib import Path\n"
        "with World.at(Path(sys.argv[1])).open(): print(flush=True); time.sleep(60)"
    )
    root = world.place.worktree.parent
    with subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(
            RepositoryBusy, match=rf"the tasks have been held by pid {other.pid} for 0.05 s; `kill -CONT {other.pid}` wakes it"
        ):
            world.claim()
        other.kill()
    assert world.claim() is not None


def _made(world: World, state: str) -> Path:
    (world.folder / state).mkdir(exist_ok=True)
    return world.folder / state
