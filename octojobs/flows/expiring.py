"""Leases that have ended: first a result is looked for, then a sign of life, and only then the task goes back.

A result is what the claimer left in its result file, or the end of the run that it belongs to. A process or a run that is alive
keeps its task, whatever the clock says: two at work on one task is worse than one that is late.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from octojobs import platform
from octojobs.core.flow import TaskPhase
from octojobs.core.identity import InvalidId, RunId
from octojobs.core.run import Outcome
from octojobs.core.task import line
from octojobs.flows.moving import Change, TaskMoved, move, result_file
from octojobs.flows.queue import Place, Queue
from octojobs.flows.record import Kept
from octojobs.runners import receipts
from octojobs.slotted import dataclass

_MOST_BYTES = 1 << 16
DONE, FAILED = "done", "failed"


@dataclass(frozen=True, slots=True)
class _Result:
    """How the work on a task ended, where that is known: its claimer's word (`is_told`), or the end of its run."""

    outcome: str
    reason: str
    is_told: bool = True


def expire(queue: Queue) -> list[Kept]:
    """Settle the claims whose leases have ended, and fail the tasks that nobody began in time; the tasks that changed, as they are now.

    Also a lease that has not ended is settled where a result lies there: its claimer has nothing more to say.
    """
    changed: list[Kept] = []
    over = {kept.task.id: kept for kept in (*queue.record.overdue(queue.now), *_left(queue), *_told(queue))}
    for kept in over.values():
        if queue.phase(kept) is TaskPhase.RUNNING and kept.task.id not in queue.missing:
            changed += _moved(queue, kept, _after_claim(queue, kept))
    waiting = (TaskPhase.PROPOSED, TaskPhase.DEFINED, TaskPhase.READY)
    for kept in queue.record.expired(queue.now):
        if queue.phase(kept) in waiting and kept.task.id not in queue.missing:
            reason = f"nobody began it by {kept.task.expires_at:%Y-%m-%dT%H:%M:%SZ}"
            changed += _moved(queue, kept, Change("expired", queue.flow.failed, reason=reason))
    return changed


def _moved(queue: Queue, kept: Kept, change: Change | None) -> list[Kept]:
    if change is None:
        return []
    try:
        after = move(queue, kept, change, expected=[kept.state])
    except TaskMoved as moved:
        queue.notes.append(str(moved))
        return []
    return [after]


def _left(queue: Queue) -> list[Kept]:
    """The tasks whose claimers' processes are gone: such a lease holds as long as the process lives."""
    named = queue.record.with_process()
    return [kept for kept in named if kept.claim is not None and kept.claim.process and platform.is_alive(kept.claim.process) is False]


def _told(queue: Queue) -> list[Kept]:
    """The claimed tasks that have a result file."""
    try:
        names = sorted(os.listdir(queue.place.paths.task_results))
    except FileNotFoundError:
        return []
    found = (queue.record.find(name.removesuffix(".json")) for name in names if name.endswith(".json"))
    return [kept for kept in found if kept is not None]


def _after_claim(queue: Queue, kept: Kept) -> Change | None:
    """What becomes of a claim; None while it goes on."""
    flow, held = queue.flow, kept.claim
    result = _read_result(queue.place, kept)
    if result is not None and result.is_told:
        target = flow.done if result.outcome == DONE else flow.failed
        return Change(result.outcome, target, kept.task.claimed_by, result.reason)
    if result is None and (held is None or is_alive(queue.place, kept)):
        return None
    if result is not None and result.outcome == Outcome.SUCCEEDED:
        return Change("ended", flow.waiting, kept.task.claimed_by, result.reason)
    reason = result.reason if result is not None else f"the lease of {kept.task.claimed_by} ended, and there was no result"
    if kept.task.attempts >= queue.place.settings.max_attempts:
        return Change("quarantined", flow.quarantined, reason=f"{kept.task.attempts} attempts came to nothing; the last one: {reason}")
    return Change("released", flow.ready, reason=reason)


def _read_result(place: Place, kept: Kept) -> _Result | None:
    """The result file's word, else how the claimer's run ended; None for neither."""
    path = result_file(place.paths, kept.task.id)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return _end_of_run(place, kept)
    except OSError as error:
        return _Result(FAILED, f"its result can't be read: {error.strerror}")
    with open(descriptor, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    try:
        told = json.loads(data)
        if len(data) <= _MOST_BYTES and told["outcome"] in (DONE, FAILED):
            return _Result(told["outcome"], line(str(told.get("reason") or "")))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass  # told below
    return _Result(FAILED, f'its result is not {{"outcome": "done"}} or {{"outcome": "failed", "reason": "…"}}: {line(repr(data[:80]))}')


def _end_of_run(place: Place, kept: Kept) -> _Result | None:
    folder = _run_folder(place, kept)
    ended = receipts.read_exit(folder) if folder is not None else None
    if ended is None or kept.claim is None:
        return None
    said = f"{kept.claim.run} {ended.outcome}" + (f": {ended.reason}" if ended.reason else "")
    if ended.outcome is Outcome.SUCCEEDED:
        said += " and did not say what became of the task"
    return _Result(ended.outcome, line(said), is_told=False)


def is_alive(place: Place, kept: Kept) -> bool:
    """Whether whoever has the task shows a sign of life: the claim's process, or its run. What can't be told is one."""
    held = kept.claim
    if held is not None and held.process is not None and platform.is_alive(held.process) is not False:
        return True
    folder = _run_folder(place, kept)
    try:
        return folder is not None and receipts.is_live(folder)
    except OSError:
        return True  # unknown is not "gone"


def _run_folder(place: Place, kept: Kept) -> Path | None:
    """The folder of the claimer's run's last attempt; None where the claim names no run."""
    if kept.claim is None or not kept.claim.run:
        return None
    try:
        run = RunId(kept.claim.run)
    except InvalidId:
        return None
    first = place.paths.run_dir(run, 1)
    attempts = [int(one.name) for one in first.parent.glob("[0-9]*") if one.name.isdigit()]
    return first.with_name(str(max(attempts))) if attempts else None
