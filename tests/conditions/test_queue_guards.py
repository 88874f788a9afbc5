"""queue_below and queue_not_empty count the tasks in a state, ours and octopoid's."""

from __future__ import annotations

from pathlib import Path

from octojobs.core.definitions import Settings, TaskSettings
from octojobs.core.guards import Status
from tests.facts.world import context_of, expect
from tests.helpers import write


def test_without_a_folder_there_is_no_task(repo: Path) -> None:
    """Nobody has enqueued one yet."""
    words = "0 tasks: there is no folder incoming"
    expect(context_of(repo), "queue_not_empty", Status.FAILED, words, state="incoming")
    expect(context_of(repo), "queue_below", Status.PASSED, f"{words}, fewer than 1 wanted", state="incoming", max=1)


def test_tasks_are_the_files_of_a_state(repo: Path) -> None:
    """Half-written ones, notes and folders are none; other states don't matter."""
    for name in ("1.md", "2.md", ".3.md.tmp", ".4.md", "notes.txt"):
        write(repo / ".octopoid/tasks/incoming" / name, "x")
    (repo / ".octopoid/tasks/incoming/folder.md").mkdir()
    write(repo / ".octopoid/tasks/done/5.md", "x")
    words = "2 tasks in .octopoid/tasks/incoming"
    expect(context_of(repo), "queue_not_empty", Status.PASSED, words, state="incoming")
    expect(context_of(repo), "queue_below", Status.PASSED, f"{words}, fewer than 3 wanted", state="incoming", max=3)
    expect(context_of(repo), "queue_below", Status.FAILED, f"{words}, fewer than 2 wanted", state="incoming", max=2)
    expect(context_of(repo), "queue_not_empty", Status.PASSED, "1 task in .octopoid/tasks/done", state="done")


def test_octopoids_queues_count_too(repo: Path) -> None:
    """Each where a version of it keeps them; a folder that is another by a link counts once."""
    write(repo / ".octopoid/tasks/incoming/1.md", "x")
    write(repo / ".orchestrator/shared/queue/incoming/TASK-7e0e8c52.md", "# [TASK-7e0e8c52] x\n")
    words = "2 tasks in .octopoid/tasks/incoming and .orchestrator/shared/queue/incoming"
    expect(context_of(repo), "queue_not_empty", Status.PASSED, words, state="incoming")
    (repo / ".octopoid/shared").mkdir()
    (repo / ".octopoid/shared/queue").symlink_to("../../.orchestrator/shared/queue")
    expect(context_of(repo), "queue_not_empty", Status.PASSED, words, state="incoming")


def test_the_folder_of_tasks_is_the_one_of_the_settings(repo: Path) -> None:
    """`tasks: {folder: …}` in octojobs.yaml."""
    write(repo / "queue/incoming/1.md", "x")
    context = context_of(repo, settings=Settings(tasks=TaskSettings(folder="queue")))
    expect(context, "queue_not_empty", Status.PASSED, "1 task in queue/incoming", state="incoming")


def test_a_folder_of_tasks_that_cannot_be_listed_is_unknown(repo: Path) -> None:
    """It may hold any number."""
    (repo / ".octopoid/tasks").mkdir(parents=True)
    (repo / ".octopoid/tasks/incoming").symlink_to("incoming")
    words = ".octopoid/tasks/incoming can't be read: too many levels of symbolic links"
    expect(context_of(repo), "queue_not_empty", Status.UNKNOWN, words, state="incoming")
    expect(context_of(repo), "queue_below", Status.UNKNOWN, words, state="incoming", max=5)
