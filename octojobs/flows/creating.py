"""New tasks: refused beyond the caps, found again instead of made twice, and there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from hashlib import sha256

from octojobs.core.task import DEEPEST, Draft, InvalidTask, InvalidTaskId, Task, TaskId, clean
from octojobs.errors import OctojobsError, UsageError
from octojobs.flows import forms
from octojobs.flows.queue import Queue, finish
from octojobs.flows.record import NEW, Happened, Kept
from octojobs.slotted import dataclass

_DIGITS = 8
_RAISE = "finish some, or raise it in .octopoid/octojobs.yaml"


class TaskRefused(OctojobsError):
    """A cap is reached: nothing is wrong with the task, there are too many."""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """The task as it is now; `is_new` says whether it was made, and not found."""

    kept: Kept
    is_new: bool


def enqueue(queue: Queue, draft: Draft, *, dry_run: bool = False) -> Enqueued:
    """Make the task, or find the one that is meant: with its `dedupe` key, in whatever state, or with its `key`.

    Raises TaskRefused beyond a cap, UsageError for what is no task, StorageFailed. With `dry_run` nothing is made.
    """
    try:
        draft = clean(draft)
    except (InvalidTask, InvalidTaskId) as problem:
        raise UsageError(str(problem)) from None
    found = queue.record.with_dedupe(draft.dedupe)
    task_id, same = _identified(queue, draft)
    if (found := found or same) is not None:
        return Enqueued(found, is_new=False)
    target = queue.flow.proposed if draft.proposed else queue.flow.ready
    depth = _depth(queue, draft)
    _check_caps(queue, draft, target)
    _check_prerequisites(queue, draft)
    form = queue.place.form
    task = _task(queue, draft, task_id, depth)
    kept = Kept(task, target, forms.file_name(task.id, form), forms.render(task, form).encode(), pending=NEW)
    if dry_run:
        return Enqueued(kept, is_new=True)
    happened = Happened(task.id, "enqueued", queue.now, target=target, by=task.created_by)
    with queue.record.change():
        queue.record.put(kept, happened)
    try:
        return Enqueued(finish(queue, kept), is_new=True)
    except OSError:
        # No file, no task: whoever asked is told so, and may ask again.
        queue.tree.remove(target, kept.name, kept.data)
        with queue.record.change():
            queue.record.forget(task.id, replace(happened, event="not written"))
        raise


def _task(queue: Queue, draft: Draft, task_id: TaskId, depth: int) -> Task:
    expires_at = None if draft.expires_in_s is None else queue.now + timedelta(seconds=draft.expires_in_s)
    return Task(
        id=task_id,
        title=draft.title,
        created_at=queue.now.astimezone(UTC),
        flow=queue.flow.name,
        role=draft.role,
        priority=draft.priority,
        branch=draft.branch,
        created_by=draft.created_by,
        run=draft.run,
        dedupe=draft.dedupe,
        parent=draft.parent,
        depth=depth,
        blocked_by=tuple(TaskId(one) for one in draft.blocked_by),
        expires_at=expires_at,
        acceptance=draft.acceptance,
        body=draft.body,
    )


def _identified(queue: Queue, draft: Draft) -> tuple[TaskId, Kept | None]:
    """A free id, and the task that has it where that is the one that is wished for.

    A wish with a key has its id from the key, so that a run that is tried again finds what it made.
    """
    for name in _names(draft.key):
        taken = queue.record.find(name)
        if taken is None:
            return TaskId(name), None
        if draft.key and taken.task.run == draft.run:
            return TaskId(name), taken
    raise AssertionError("there is always another name")


def _names(key: str) -> Iterator[str]:
    if key:
        digits = sha256(key.encode()).hexdigest()
        yield from (digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS))
    while True:
        yield os.urandom(_DIGITS // 2).hex()


def _depth(queue: Queue, draft: Draft) -> int:
    if not draft.parent:
        return 0
    parent = queue.record.find(draft.parent)
    if parent is None:
        raise UsageError(f"there is no task {draft.parent}, which is to be the parent")
    depth = parent.task.depth + 1
    if depth > DEEPEST:
        raise TaskRefused(
            f"{DEEPEST} tasks stand above this one already, each enqueued by work on the one before",
            "enqueue it without --parent if a person wants it",
        )
    return depth


def _check_caps(queue: Queue, draft: Draft, target: str) -> None:
    settings = queue.place.settings
    unfinished = [state for state, phase in queue.flow.states.items() if not phase.is_final]
    if (count := queue.record.count_in(unfinished)) >= settings.max_open:
        raise TaskRefused(f"{count} tasks are open, and tasks.max_open is {settings.max_open}", _RAISE)
    limit = settings.queue_limits.get(target)
    if limit is not None and (count := queue.record.count_in([target])) >= limit:
        raise TaskRefused(f"{count} tasks are {target}, and tasks.queue_limits has {target}: {limit}", _RAISE)
    if draft.run and queue.record.count_of_run(draft.run) >= settings.max_per_run:
        raise TaskRefused(
            f"{draft.run} has enqueued {settings.max_per_run} tasks, and tasks.max_per_run is {settings.max_per_run}",
            "put what is left into one task, or raise it in .octopoid/octojobs.yaml",
        )


def _check_prerequisites(queue: Queue, draft: Draft) -> None:
    for one in draft.blocked_by:
        if queue.record.find(one) is None:
            raise UsageError(f"there is no task {one}, which this one is to wait for", "`octojobs task list --all` shows them")
