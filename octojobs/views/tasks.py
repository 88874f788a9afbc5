"""A task as a view: what its file says, where it lies, and who has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from octojobs.core.flow import TaskPhase
from octojobs.core.task import Task
from octojobs.flows.record import Happened, Kept
from octojobs.views.values import View, instant


def task_view(kept: Kept, folder: Path, phase: TaskPhase, *, missing: bool, waits_for: Sequence[str]) -> View:
    """One line of `task list`; `folder` is that of all tasks, `waits_for` the prerequisites that are not done."""
    task, claim = kept.task, kept.claim
    return {
        "id": str(task.id),
        "title": task.title,
        "state": kept.state,
        "phase": phase.value,
        "flow": task.flow,
        "role": task.role,
        "priority": task.priority.value,
        "branch": task.branch,
        "created_at": instant(task.created_at),
        "created_by": task.created_by,
        "run": task.run,
        "dedupe": task.dedupe,
        "parent": task.parent,
        "depth": task.depth,
        "blocked_by": [str(one) for one in task.blocked_by],
        "waits_for": list(waits_for),
        "expires_at": instant(task.expires_at),
        "acceptance": list(task.acceptance),
        "version": task.version,
        "attempts": task.attempts,
        "claimed_by": task.claimed_by,
        "claimed_at": instant(task.claimed_at),
        "claimed_until": instant(claim.until if claim else None),
        "claimed_run": claim.run if claim else "",
        "pid": claim.process.pid if claim and claim.process else None,
        "reason": task.reason,
        "path": str(folder / kept.state / kept.name),
        "missing": missing,
    }


def full_view(view: View, task: Task, history: Iterable[Happened]) -> View:
    """The same with the body, and what happened to the task, oldest first."""
    return {**view, "body": task.body, "history": [_event_view(one) for one in history]}


def _event_view(one: Happened) -> View:
    return {
        "at": instant(one.at),
        "event": one.event,
        "from": one.source or None,
        "to": one.target or None,
        "version": one.version,
        "by": one.by,
        "reason": one.reason,
    }
