"""Jobs that a task triggers: a real engine, a real queue of tasks, a clock that the test moves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs.core.definitions import Settings, TaskSettings
from octojobs.core.job import Overlap
from octojobs.core.run import Cause
from octojobs.core.task import Draft
from octojobs.core.when import TaskWhen
from octojobs.flows import claiming, creating, finishing, restoring
from octojobs.flows import queue as queues
from octojobs.flows.forms import Form
from octojobs.flows.queue import Queue
from octojobs.flows.record import Kept
from tests.engine.place import Place
from tests.engine.world import job

TOLD = 'echo "$OCTOJOBS_TRIGGER $OCTOJOBS_TASK"'
COMES = job("look", TOLD, when=TaskWhen("incoming"), overlap=Overlap.QUEUE_ALL)
FORMS = [Settings(), Settings(task_format="octopoid", tasks=TaskSettings(folder=".orchestrator/shared/queue"))]


@contextmanager
def tasks(place: Place, settings: Settings = FORMS[0]) -> Iterator[Queue]:
    """The tasks, open for a change that anybody makes."""
    where = queues.Place(place.repo, place.paths, settings.tasks, Form(settings.task_format))
    with queues.opened(where, place.clock.now()) as queue:
        yield queue


def enqueue(place: Place, title: str, settings: Settings = FORMS[0]) -> Kept:
    """A task that comes into `incoming`."""
    with tasks(place, settings) as queue:
        return creating.enqueue(queue, Draft(title)).kept


def claim(place: Place) -> Kept:
    """The next task, claimed by ada."""
    with tasks(place) as queue:
        kept = claiming.claim(queue, claiming.Claimer("ada", 600))
    assert kept is not None
    return kept


def requeue(place: Place, kept: Kept) -> None:
    """It goes back to `incoming`."""
    with tasks(place) as queue:
        finishing.requeue(queue, kept, "ada")


@pytest.mark.parametrize("settings", FORMS, ids=["front matter", "octopoid"])
def test_a_task_that_comes_starts_one_run_that_is_told_which(place: Place, settings: Settings) -> None:
    """What was there at first sight starts nothing, whichever form the files have."""
    enqueue(place, "old", settings)
    place.declare(COMES, settings=settings)
    place.rest()
    assert place.rows == []
    kept = enqueue(place, "new", settings)
    place.rest()
    (row,) = place.rows
    assert row.run is not None
    assert (row.outcome.value, row.run.cause) == ("succeeded", Cause.TASK)
    assert place.output(row.run.id) == f"task {kept.task.id}\n"
    assert place.whys() == [f"task {kept.task.id} came into incoming"]
    place.rest()
    assert len(place.rows) == 1


def test_each_of_several_tasks_has_a_run(place: Place) -> None:
    """They are told apart by what the run is told."""
    place.declare(COMES)
    place.rest()
    ids = [enqueue(place, title).task.id for title in ("one", "two", "three")]
    place.rest()
    assert sorted(place.whys()) == sorted(f"task {task} came into incoming" for task in ids)


def test_with_queue_one_the_newest_task_has_the_run_that_has_not_begun(place: Place) -> None:
    """The others are recorded with it."""
    place.declare(job("look", when=TaskWhen("incoming"), overlap=Overlap.QUEUE_ONE))
    place.rest()
    newest = [enqueue(place, title).task.id for title in ("one", "two", "three")][-1]
    place.rest()
    assert place.whys()[-1] == f"task {newest} came into incoming"
    assert place.outcomes() == ["skipped", "skipped", "succeeded"]


def test_what_came_while_no_daemon_ran_runs_once_after_the_start(place: Place) -> None:
    """Also a task that has left the state and come back to it meanwhile."""
    place.declare(COMES)
    place.rest()
    first = enqueue(place, "first")
    place.rest()
    place.stop()
    requeue(place, claim(place))
    second = enqueue(place, "second")
    place.start()
    place.rest()
    came = [f"task {first.task.id} came into incoming from claimed", f"task {second.task.id} came into incoming"]
    assert sorted(place.whys()[1:]) == sorted(came)
    place.restart()
    place.rest()
    assert len(place.rows) == 3


def test_a_task_that_was_claimed_at_once_has_come_all_the_same(place: Place) -> None:
    """What happened between two looks stands in the record."""
    place.declare(COMES)
    place.rest()
    enqueue(place, "quick")
    kept = claim(place)
    place.rest()
    assert place.whys() == [f"task {kept.task.id} came into incoming"]
    requeue(place, kept)
    claim(place)
    requeue(place, kept)
    place.rest()
    assert place.outcomes() == ["succeeded", "skipped", "succeeded"]
    assert place.reasons() == [("skipped", 1, "the task came again, and the last time counts")]


def test_a_file_that_somebody_moves_by_hand_counts(place: Place) -> None:
    """The folder is the state."""
    kept = enqueue(place, "by hand")
    place.declare(job("look", when=TaskWhen("done")))
    place.rest()
    folder = place.repo / ".octopoid/tasks"
    (folder / "done").mkdir()
    os.rename(folder / "incoming" / kept.name, folder / "done" / kept.name)
    place.rest()
    assert place.whys() == [f"task {kept.task.id} came into done from incoming"]


def test_a_flow_counts_only_its_own_tasks(place: Place) -> None:
    """It stands in the task."""
    place.declare(job("look", when=TaskWhen("incoming", "release"), overlap=Overlap.QUEUE_ALL))
    place.rest()
    enqueue(place, "other")
    incoming = place.repo / ".octopoid/tasks/incoming"
    (incoming / "mine.md").write_text("---\ntitle: mine\nflow: release\n---\n")
    place.rest()
    assert place.whys() == ["task mine came into incoming"]


def test_a_file_that_is_half_written_is_waited_for(place: Place) -> None:
    """It is looked at again when it changes: the folder does not tell of that."""
    place.declare(COMES)
    place.rest()
    incoming = place.repo / ".octopoid/tasks/incoming"
    incoming.mkdir(parents=True)
    (incoming / "slow.md").write_text("---\ntitle: slow")
    place.rest()
    assert place.rows == []
    place.rest()
    assert not place.engine.has_news()
    (incoming / "slow.md").write_text("---\ntitle: slow\n---\n")
    assert place.engine.has_news()
    place.rest()
    assert place.whys() == ["task slow came into incoming"]


def test_a_folder_that_leads_elsewhere_is_no_folder_without_tasks(place: Place, tmp_path: Path) -> None:
    """Nothing is known then, and nothing is new once it is back."""
    first = enqueue(place, "first")
    place.declare(COMES)
    place.rest()
    incoming = place.repo / ".octopoid/tasks/incoming"
    os.rename(incoming, tmp_path / "aside")
    incoming.symlink_to(tmp_path / "aside")
    place.rest()
    incoming.unlink()
    os.rename(tmp_path / "aside", incoming)
    place.rest()
    assert (place.rows, (incoming / first.name).exists()) == ([], True)


def test_files_that_were_gone_and_are_restored_have_not_come(place: Place) -> None:
    """`git clean` takes them, and nobody has decided anything."""
    enqueue(place, "first")
    place.declare(COMES)
    place.rest()
    shutil.rmtree(place.repo / ".octopoid/tasks")
    place.rest()
    with tasks(place) as queue:
        restoring.restore(queue, restoring.missing(queue))
    place.rest()
    assert place.rows == []


def test_a_record_that_was_lost_starts_nothing(place: Place) -> None:
    """The tasks that are there are then seen for the first time; the next one counts."""
    place.declare(COMES)
    place.rest()
    enqueue(place, "first")
    place.rest()
    for end in ("", "-wal", "-shm"):
        place.paths.tasks.with_name(place.paths.tasks.name + end).unlink(missing_ok=True)
    enqueue(place, "second")
    place.rest()
    third = enqueue(place, "third")
    place.rest()
    assert place.whys()[1:] == [f"task {third.task.id} came into incoming"]


def test_tasks_that_come_during_a_pause_run_when_it_is_over(place: Place) -> None:
    """Each of them."""
    place.declare(COMES)
    place.rest()
    place.ask("pause", job="look")
    place.rest()
    enqueue(place, "one")
    place.rest()
    enqueue(place, "two")
    place.rest()
    assert place.rows == []
    place.ask("resume", job="look")
    place.rest()
    assert place.outcomes() == ["succeeded", "succeeded"]


def test_a_flood_of_tasks_is_bounded(place: Place) -> None:
    """A hundred runs, and one line for the rest."""
    place.declare(COMES)
    place.rest()
    incoming = place.repo / ".octopoid/tasks/incoming"
    incoming.mkdir(parents=True)
    for number in range(103):
        (incoming / f"t{number}.md").write_text(f"---\ntitle: task {number}\n---\n")
    place.tick()
    place.tick(1)
    assert place.reasons() == [("skipped", 3, "103 tasks have come, and the newest 100 of them are run")]
    assert len(place.runs()) == 100
    place.ask("cancel", job="look")
