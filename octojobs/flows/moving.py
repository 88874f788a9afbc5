"""A task's change of state: compared with what was expected, recorded, and then made, in one step for whoever looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from octojobs.core.task import InvalidTask
from octojobs.errors import OctojobsError
from octojobs.flows import forms
from octojobs.flows.queue import Queue, finish
from octojobs.flows.record import Claim, Happened, Kept
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths


class TaskMoved(OctojobsError):
    """The task is not where it was expected: somebody was faster, or its file is gone."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to happen: the event's name, the state that it leads to, who asks, and why; `fields` of the header change with it."""

    event: str
    target: str
    by: str = ""
    reason: str = ""
    claim: Claim | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def move(queue: Queue, kept: Kept, change: Change, *, expected: Sequence[str]) -> Kept:
    """The task after the change. Raises TaskMoved when its state is not an expected one or its file is not there; StorageFailed.

    The compare-and-swap is on state and version: the lock keeps other octojobs away, and one rename decides against all others.
    In a rehearsal nothing is recorded or made.
    """
    task = kept.task
    if kept.state not in expected:
        raise TaskMoved(f"task {task.id} is {kept.state}, and only {_either(expected)} can be {change.event}")
    try:
        there = queue.tree.read(kept.state, kept.name)
        task = forms.parse(task.id, there, task.created_at)
        fields = {**change.fields, "version": task.version + 1, "reason": change.reason}
        data = forms.edit(task, there, fields)
    except FileNotFoundError:
        raise _gone(queue, kept) from None
    except InvalidTask as problem:
        raise TaskMoved(f"task {task.id} can't be {change.event}: {queue.tree.root / kept.state / kept.name}: {problem}") from None
    after = Kept(replace(task, **fields), change.target, kept.name, data, kept.stamp, kept.state, change.claim)
    if queue.rehearsal:
        return after
    happened = Happened(task.id, change.event, queue.now, kept.state, change.target, after.task.version, change.by, change.reason)
    with queue.record.change():
        queue.record.put(after, happened)
    try:
        moved = finish(queue, after)
        result_file(queue.place.paths, task.id).unlink(missing_ok=True)  # what it says of this attempt is no word about the next
        return moved
    except (FileNotFoundError, FileExistsError) as error:
        with queue.record.change():
            queue.record.put(kept)
            queue.record.unsay(task.id)
        if isinstance(error, FileExistsError):
            raise TaskMoved(f"{change.target} has another file {kept.name}", "look at both, and remove one") from None
        raise _gone(queue, kept) from None


def result_file(paths: StatePaths, task: str) -> Path:
    """Where whoever works on the task may leave `{"outcome": "done" | "failed", "reason": TEXT}`."""
    return paths.task_results / f"{task}.json"


def _gone(queue: Queue, kept: Kept) -> TaskMoved:
    return TaskMoved(
        f"the file of task {kept.task.id} is gone from {queue.tree.root / kept.state}", "`octojobs task restore` brings it back"
    )


def _either(states: Sequence[str]) -> str:
    return states[0] if len(states) == 1 else f"{', '.join(states[:-1])} and {states[-1]}"
