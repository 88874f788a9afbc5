"""Tasks whose files are gone: told apart from those that were moved, and written again from the record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from octojobs.flows.queue import Queue, finish
from octojobs.flows.record import NEW, Happened, Kept


def missing(queue: Queue) -> list[Kept]:
    """The tasks that are recorded and whose files lie in no folder, by state and then in the order in which they are claimed."""
    return [kept for kept in queue.record.in_states(tuple(queue.flow.states)) if kept.task.id in queue.missing]


def restore(queue: Queue, tasks: Iterable[Kept]) -> list[Kept]:
    """Write the files of these tasks again, as they were when octojobs saw them last. Raises OSError."""
    restored = []
    for kept in tasks:
        again = replace(kept, pending=NEW)
        with queue.record.change():
            queue.record.put(again, Happened(kept.task.id, "restored", queue.now, "", kept.state, kept.task.version))
        restored.append(finish(queue, again))
        queue.missing.discard(kept.task.id)
    return restored


def forget(queue: Queue, tasks: Iterable[Kept], by: str) -> None:
    """Strike these tasks from the record: their files were removed on purpose."""
    with queue.record.change():
        for kept in tasks:
            queue.record.forget(kept.task.id, Happened(kept.task.id, "forgotten", queue.now, kept.state, "", kept.task.version, by))
    for kept in tasks:
        queue.leases.follow(replace(kept, claim=None))
        queue.missing.discard(kept.task.id)
