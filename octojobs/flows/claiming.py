"""Claims: the next ready task for whoever asks, held under a lease that is renewed or ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from octojobs.core.flow import TaskPhase
from octojobs.core.run import Process
from octojobs.core.task import unmet
from octojobs.errors import OctojobsError
from octojobs.flows.moving import Change, TaskMoved, move
from octojobs.flows.queue import Queue
from octojobs.flows.record import Claim, Happened, Kept
from octojobs.slotted import dataclass
from octojobs.store.leases import Leases


class NotTheHolder(OctojobsError):
    """Somebody else has the task, or nobody has."""


@dataclass(frozen=True, slots=True)
class Claimer:
    """Who asks for a task: a name, and where they are known the process that works and the run that it belongs to."""

    name: str
    lease_s: int
    process: Process | None = None
    run: str = ""


def claim(queue: Queue, claimer: Claimer, *, role: str = "", task: Kept | None = None) -> Kept | None:
    """The next ready task, or the one that is meant, now claimed; None when there is none. Raises TaskMoved for a named one."""
    limit = queue.place.settings.queue_limits.get(queue.flow.running)
    if limit is not None and queue.record.count_in([queue.flow.running]) >= limit:
        return None
    if task is not None:
        if waits := waits_for(queue, task):
            raise TaskMoved(f"task {task.task.id} waits for {', '.join(waits)}", "they have to be done first")
        return _take(queue, task, claimer)
    for kept in ready(queue, role):
        try:
            return _take(queue, kept, claimer)
        except TaskMoved as moved:
            queue.notes.append(str(moved))
    return None


def ready(queue: Queue, role: str = "") -> Iterator[Kept]:
    """The tasks that may be claimed, the first one first; those that wait for others or whose files are gone are left out."""
    for kept in queue.record.in_states(queue.flow.of_phase(TaskPhase.READY)):
        if kept.task.id not in queue.missing and role in ("", kept.task.role) and not waits_for(queue, kept):
            yield kept


def waits_for(queue: Queue, kept: Kept) -> tuple[str, ...]:
    """The prerequisites that are not done; one that there is no task of is never met."""
    if not kept.task.blocked_by:
        return ()
    found = {one: queue.record.find(one) for one in kept.task.blocked_by}
    return unmet(kept.task, {one: queue.phase(other).value for one, other in found.items() if other is not None})


def renew(queue: Queue, kept: Kept, by: str, lease_s: int) -> Kept:
    """The claim, lasting `lease_s` from now. Raises NotTheHolder."""
    require_holder(kept, by)
    if kept.claim is None:
        raise NotTheHolder(f"nobody has a lease on task {kept.task.id}, which is {kept.state}")
    renewed = replace(kept, claim=replace(kept.claim, until=queue.now + timedelta(seconds=lease_s)))
    if queue.rehearsal:
        return renewed
    with queue.record.change():
        queue.record.put(renewed, Happened(kept.task.id, "renewed", queue.now, kept.state, kept.state, kept.task.version, by))
    queue.leases.follow(renewed)
    return renewed


def require_holder(kept: Kept, by: str, attempt: int | None = None) -> None:
    """Raise NotTheHolder unless `by` has the task, if anybody has, and this is the attempt that is meant."""
    if kept.claim is not None and kept.claim.holder != by:
        raise NotTheHolder(f"task {kept.task.id} is claimed by {kept.claim.holder}, not by {by}", "say --by NAME, or --force to overrule")
    if attempt is not None and attempt != kept.task.attempts:
        raise NotTheHolder(f"attempt {attempt} at task {kept.task.id} is over: this is attempt {kept.task.attempts}")


def _take(queue: Queue, kept: Kept, claimer: Claimer) -> Kept:
    held = Claim(claimer.name, queue.now, queue.now + timedelta(seconds=claimer.lease_s), claimer.process, claimer.run)
    fields = {"attempts": kept.task.attempts + 1, "claimed_by": claimer.name, "claimed_at": queue.now}
    change = Change("claimed", queue.flow.running, claimer.name, claim=held, fields=fields)
    leases = Leases(queue.place.paths, queue.place.worktree)
    # Whoever takes a lease by hand looks for that of the claim, which is written in here.
    with leases.unchanging():
        other = leases.of_task(kept.task.id, queue.now)
        if other is not None and other.lease is not None and other.lease.holder != claimer.name:
            fix = f"`octojobs lease release {other.name}` gives it back"
            raise TaskMoved(f"task {kept.task.id} is held by {other.words}", fix)
        return move(queue, kept, change, expected=queue.flow.of_phase(TaskPhase.READY))
