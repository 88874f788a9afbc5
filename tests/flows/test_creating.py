"""New tasks: whole and in one place, found instead of made twice, refused beyond the caps, and kept inside their folders."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs import platform
from octojobs.core.task import Draft, TaskPriority
from octojobs.errors import StorageFailed, UsageError
from octojobs.flows import creating
from octojobs.flows.creating import TaskRefused
from octojobs.flows.forms import Form
from tests.flows.world import World, there


def test_a_task_is_a_file_in_the_folder_of_its_state(world: World) -> None:
    """With a header that says what is known of it, and its body."""
    kept = world.enqueue(
        "main is red at 3f2c1ab",
        body="The log.\n",
        priority=TaskPriority.P0,
        created_by="octojobs/on_main",
        run="on_main@20261120T100000Z",
        dedupe="main-red",
        acceptance=("make test passes on main",),
    )
    assert world.there() == {"incoming": [f"{kept.task.id}.md"]}
    quoted = f'"{kept.task.id}"'
    text = (world.folder / "incoming" / kept.name).read_text(encoding="utf-8").replace(quoted, kept.task.id)
    assert text == (
        f"---\nid: {kept.task.id}\ntitle: main is red at 3f2c1ab\ncreated_at: 2026-11-20T10:00:01Z\nflow: default\nrole: implement\n"
        "priority: P0\ncreated_by: octojobs/on_main\nrun: on_main@20261120T100000Z\ndedupe: main-red\nblocked_by: []\nexpires_at: null\n"
        'acceptance: ["make test passes on main"]\nversion: 1\n---\nThe log.\n'
    )


def test_the_folder_of_tasks_keeps_itself_out_of_git(world: World) -> None:
    """Whether the repository ignores it or not."""
    world.enqueue("a")
    assert (world.folder / ".gitignore").read_text() == "# tasks are no part of a commit\n*\n"


def test_octopoid_finds_its_own_form_in_its_own_queue(tmp_path: Path) -> None:
    """`task_format: octopoid` with the folder that it names; the branch has octopoid's default."""
    world = World.at(tmp_path, Form.OCTOPOID, folder=".orchestrator/shared/queue")
    kept = world.enqueue("Mend it", body="Why.\nROLE: admin", acceptance=("it works",), created_by="ada")
    assert (tmp_path / f"repo/.orchestrator/shared/queue/incoming/TASK-{kept.task.id}.md").read_text(encoding="utf-8") == (
        f"# [TASK-{kept.task.id}] Mend it\n\nROLE: implement\nPRIORITY: P2\nBRANCH: main\nCREATED: 2026-11-20T10:00:01Z\n"
        "CREATED_BY: ada\nVERSION: 1\n\n## Context\n\nWhy.\n ROLE: admin\n\n## Acceptance Criteria\n\n- [ ] it works\n"
    )


@pytest.mark.parametrize("state", ["incoming", "claimed", "done", "failed", "quarantined", "proposed"])
def test_a_key_is_looked_up_in_every_state(world: World, state: str) -> None:
    """Somebody may have moved the file by hand: a second enqueue finds it there."""
    first = world.enqueue("main is red", dedupe="main-red")
    (world.folder / state).mkdir(exist_ok=True)
    if state != "incoming":
        (world.folder / "incoming" / first.name).rename(world.folder / state / first.name)
    again = world.enqueue("main is red again", dedupe="main-red")
    assert (again.task.id, again.state) == (first.task.id, state)
    assert world.there() == {state: [first.name]}


def test_a_key_holds_though_the_file_is_gone(world: World) -> None:
    """The record has it: `git clean` must not make the same task twice."""
    first = world.enqueue("main is red", dedupe="main-red")
    (world.folder / "incoming" / first.name).unlink()
    assert world.enqueue("main is red", dedupe="main-red").task.id == first.task.id
    assert world.there() == {}


def test_a_wish_that_is_made_again_is_the_same_task(world: World) -> None:
    """A run that is tried again after a crash asks with the same key; another run gets another task."""
    ids = [world.enqueue("x", key=key, run="r@20261120T100000Z").task.id for key in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]


def test_an_id_that_is_taken_is_not_used_again(world: World) -> None:
    """Somebody else's task that happens to have the id of a key is left alone."""
    taken = world.enqueue("x", key="a", run="one@20261120T100000Z")
    other = world.enqueue("y", key="a", run="two@20261120T100000Z")
    assert other.task.id != taken.task.id
    assert len(world.there()["incoming"]) == 2


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        ({"max_open": 2}, {}, "2 tasks are open, and tasks.max_open is 2; finish some, or raise it in .octopoid/octojobs.yaml"),
        (
            {"queue_limits": {"incoming": 2}},
            {},
            "2 tasks are incoming, and tasks.queue_limits has incoming: 2; finish some, or raise it in .octopoid/octojobs.yaml",
        ),
        (
            {"max_per_run": 2},
            {"run": "sweep@20261120T100000Z"},
            (
                "sweep@20261120T100000Z has enqueued 2 tasks, and tasks.max_per_run is 2; "
                "put what is left into one task, or raise it in .octopoid/octojobs.yaml"
            ),
        ),
    ],
    ids=["max_open", "queue_limits", "max_per_run"],
)
def test_a_cap_is_kept(tmp_path: Path, settings: dict[str, Any], fields: dict[str, str], message: str) -> None:
    """The task too many is refused, with the cap and what to do; those that are there stay."""
    world = World.at(tmp_path, **settings)
    for title in ("a", "b"):
        world.enqueue(title, **fields)
    with pytest.raises(TaskRefused) as refused:
        world.enqueue("c", **fields)
    assert str(refused.value) == message
    assert len(world.there()["incoming"]) == 2


def test_tasks_that_give_rise_to_tasks_come_to_an_end(world: World) -> None:
    """Three may stand above one another."""
    parent = ""
    for depth in range(4):
        kept = world.enqueue(f"level {depth}", parent=parent)
        assert kept.task.depth == depth
        parent = kept.task.id
    with pytest.raises(TaskRefused) as refused:
        world.enqueue("level 4", parent=parent)
    assert str(refused.value) == (
        "3 tasks stand above this one already, each enqueued by work on the one before; enqueue it without --parent if a person wants it"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"title": " \n\0"}, "a task needs a title"),
        ({"parent": "nope"}, "there is no task nope, which is to be the parent"),
        ({"parent": "../x"}, "'../x' is not a task id: letters, digits, _ and -, 63 at most"),
        ({"blocked_by": ("nope",)}, "there is no task nope, which this one is to wait for; `octojobs task list --all` shows them"),
        ({"blocked_by": ("a\nb",)}, r"'a\nb' is not a task id: letters, digits, _ and -, 63 at most"),
    ],
)
def test_what_is_no_task_is_refused(world: World, fields: dict[str, object], message: str) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError) as refused:
        world.enqueue(**{"title": "x", **fields})  # type: ignore[arg-type]  # the fields of a draft
    assert str(refused.value) == message
    assert world.there() == {}


def test_a_parked_task_lies_apart(world: World) -> None:
    """Nobody claims what is only proposed."""
    kept = world.enqueue("maybe", proposed=True)
    assert world.there() == {"proposed": [kept.name]}
    assert world.claim() is None


def test_a_term_is_counted_from_the_creation(world: World) -> None:
    """It stands in the file as an instant."""
    kept = world.enqueue("soon", expires_in_s=3600)
    assert kept.task.expires_at == world.now + timedelta(hours=1)
    assert "\nexpires_at: 2026-11-20T11:00:01Z\n" in (world.folder / "incoming" / kept.name).read_text()


@pytest.mark.parametrize(
    "lay",
    [
        lambda repo, outside: (repo / ".octopoid").symlink_to(outside),
        lambda repo, outside: ((repo / ".octopoid").mkdir(), (repo / ".octopoid/tasks").symlink_to(outside)),
        lambda repo, outside: ((repo / ".octopoid/tasks").mkdir(parents=True), (repo / ".octopoid/tasks/incoming").symlink_to(outside)),
    ],
    ids=["the folder above", "the folder", "a state"],
)
def test_no_link_leads_a_task_out_of_the_repository(world: World, tmp_path: Path, lay: object) -> None:
    """Whoever lays one is told, and nothing is written where it leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    lay(world.place.worktree, outside)  # type: ignore[operator]  # a function of two paths
    with pytest.raises(StorageFailed, match=r"leads over a link or a file; tasks lie in plain folders: put one there"):
        world.enqueue("x")
    assert list(outside.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who makes a file of that name in the last moment keeps it; the task is refused, and not recorded."""
    world.enqueue("first")
    real = platform.rename_new

    def late(source: str, target: str, *, source_fd: int, target_fd: int) -> None:
        (world.folder / "incoming" / target).write_text("mine")
        real(source, target, source_fd=source_fd, target_fd=target_fd)

    monkeypatch.setattr(platform, "rename_new", late)
    with pytest.raises(StorageFailed, match="File exists"):
        world.enqueue("second")
    monkeypatch.undo()
    with world.open() as queue:
        assert len(queue.record.places()) == 1
    assert sorted(path.read_text()[:4] for path in (world.folder / "incoming").glob("*.md"))[1] == "mine"


@pytest.mark.parametrize("call", ["write_all", "create"])
def test_a_disk_that_refuses_leaves_no_task(world: World, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Neither a file nor a record: whoever asked is told so, and may ask again."""
    world.enqueue("first")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("octojobs.flows.tree.write_all" if call == "write_all" else "octojobs.flows.tree.Tree.create", full)
    with pytest.raises(StorageFailed, match="No space left on device; free some space"):
        world.enqueue("second", dedupe="k")
    monkeypatch.undo()
    assert len(there(world.folder)["incoming"]) == 1
    assert world.enqueue("second", dedupe="k").task.title == "second"


def test_a_file_that_does_not_hold_what_was_written_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is read back."""
    monkeypatch.setattr("octojobs.flows.tree.Tree.read", lambda *_: b"something else")
    with pytest.raises(StorageFailed, match="does not hold what was written to it; see to the disk, or to who else writes it"):
        world.enqueue("x")


def test_a_dry_run_makes_nothing(world: World) -> None:
    """It says what there would be."""
    with world.open() as queue:
        enqueued = creating.enqueue(queue, Draft("x"), dry_run=True)
    assert (enqueued.is_new, enqueued.kept.state, world.there()) == (True, "incoming", {})
