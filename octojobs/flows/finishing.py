"""What becomes of a task: done, failed, or back in the queue."""

from __future__ import annotations

from datetime import UTC

from octojobs.core.flow import TaskPhase
from octojobs.flows.claiming import require_holder
from octojobs.flows.moving import Change, move
from octojobs.flows.queue import Queue
from octojobs.flows.record import Kept

_OPEN = (TaskPhase.PROPOSED, TaskPhase.DEFINED, TaskPhase.READY, TaskPhase.RUNNING, TaskPhase.WAITING)
_AGAIN = (TaskPhase.PROPOSED, TaskPhase.RUNNING, TaskPhase.WAITING, TaskPhase.FAILED, TaskPhase.CANCELLED)
"""What can be put (back) into the queue: not what is in it, and not what is done."""


def done(queue: Queue, kept: Kept, by: str, *, reason: str = "", attempt: int | None = None, force: bool = False) -> Kept:
    """The task, done. Raises NotTheHolder, and TaskMoved for one that is finished."""
    if not force:
        require_holder(kept, by, attempt)
    return move(queue, kept, Change("done", queue.flow.done, by, reason), expected=queue.flow.of_phase(*_OPEN))


def fail(queue: Queue, kept: Kept, by: str, reason: str, *, attempt: int | None = None, force: bool = False) -> Kept:
    """The task, failed for that reason. Raises as `done`."""
    if not force:
        require_holder(kept, by, attempt)
    return move(queue, kept, Change("failed", queue.flow.failed, by, reason), expected=queue.flow.of_phase(*_OPEN))


def requeue(queue: Queue, kept: Kept, by: str, *, reason: str = "", attempt: int | None = None, force: bool = False) -> Kept:
    """The task, ready: given back, let in, or to be tried again. Raises as `done`.

    What had failed gets all its attempts again, and no term that has passed.
    """
    if not force:
        require_holder(kept, by, attempt)
    fields: dict[str, object] = {}
    if queue.phase(kept) in (TaskPhase.FAILED, TaskPhase.CANCELLED):
        fields["attempts"] = 0
    if kept.task.expires_at is not None and kept.task.expires_at <= queue.now.astimezone(UTC):
        fields["expires_at"] = None
    return move(queue, kept, Change("requeued", queue.flow.ready, by, reason, fields=fields), expected=queue.flow.of_phase(*_AGAIN))
