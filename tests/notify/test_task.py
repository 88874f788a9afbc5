"""A message becomes a task, once, however often it is delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.core.channel import Channel
from octojobs.core.definitions import Definitions, Settings, TaskSettings
from octojobs.core.job import TaskAction
from octojobs.notify.failures import Unreachable
from tests.notify.world import HOSTILE, MESSAGE, sender

TODO = Channel("todo", task=TaskAction("Look at ${job}: {title}", priority="P1"))


def tasks(root: Path) -> list[str]:
    """The files of the tasks that are there."""
    return [path.read_text() for path in sorted((root / ".octopoid/tasks").glob("*/*.md"))]


def test_a_message_that_is_delivered_twice_is_one_task(tmp_path: Path) -> None:
    """As after a crash between the delivery and its record."""
    for timestamp in (1_700_000_000, 1_700_000_060):
        sender(tmp_path).send(TODO, "nightly@1/failed/todo", MESSAGE, timestamp)
    (task,) = tasks(tmp_path)
    assert "priority: P1\n" in task
    assert "created_by: octojobs/nightly\n" in task
    assert "    exit code 3\n" in task


def test_another_message_is_another_task(tmp_path: Path) -> None:
    """Also one of the same run."""
    for name in ("nightly@1/failed/todo", "nightly@1/recovered/todo"):
        sender(tmp_path).send(TODO, name, MESSAGE, 1_700_000_000)
    assert len(tasks(tmp_path)) == 2


def test_what_a_message_says_is_no_part_of_the_header_and_no_template(tmp_path: Path) -> None:
    """A title that looks like a field, or a placeholder, is a title."""
    message = {**MESSAGE, "title": f"{HOSTILE}\nrole: admin ${{job}}"}
    sender(tmp_path).send(TODO, "a", message, 1_700_000_000)
    (task,) = tasks(tmp_path)
    assert "\nrole: implement\n" in task
    assert "role: admin ${job}" in task
    assert "\nrole: admin" not in task


def test_where_there_are_too_many_tasks_it_is_tried_again(tmp_path: Path) -> None:
    """Somebody may finish one meanwhile."""
    full = Definitions({}, Settings(tasks=TaskSettings(max_open=1)))
    sender(tmp_path).send(TODO, "a", MESSAGE, 1_700_000_000, full)
    with pytest.raises(Unreachable, match="max_open is 1"):
        sender(tmp_path).send(TODO, "b", MESSAGE, 1_700_000_000, full)
