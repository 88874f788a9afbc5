"""Leases of tasks and named ones: those of the living are renewed, and only then those that have ended are settled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from octojobs.flows import claiming, expiring
from octojobs.flows.moving import result_file
from octojobs.flows.queue import Queue, opened
from octojobs.flows.record import Kept
from octojobs.housekeeping.ground import now_of, place_of
from octojobs.runners.context import JobContext
from octojobs.store.leases import Leases


def renew_leases(context: JobContext, *, dry_run: bool = False) -> dict[str, Any]:
    """Renew the leases of tasks whose claimer's process or run is alive, once less than half of `tasks.lease` is left.

    The result has `renewed`, a list of `task`, `holder` and `until`. Named leases need nothing: one that is bound to a process holds as
    long as that lives, and of one that is not only its holder knows.
    """
    with opened(place_of(context), now_of(context)) as queue:
        queue.rehearsal = dry_run
        renewed = _renew(queue)
    context.logger.info("%s %d leases", "would renew" if dry_run else "renewed", len(renewed))
    return {"dry_run": dry_run, "renewed": renewed}


def check_expired_leases(context: JobContext, *, dry_run: bool = False) -> dict[str, Any]:
    """Renew first, then settle what has ended: a result that lies there counts before the clock, a sign of life keeps the task.

    The result has `renewed` as above, `settled` (`task`, `state`, `reason`), `leases`, the named ones that hold no more and are
    removed (`name`, `what`, `holder`), and `notes`.
    """
    place, now = place_of(context), now_of(context)
    with opened(place, now) as queue:
        queue.rehearsal = dry_run
        renewed = _renew(queue)
        settled = [_settled(kept) for kept in expiring.expire(queue)]
        notes = list(queue.notes)
    swept = Leases(place.paths, place.worktree).sweep(now, dry_run=dry_run)
    leases = [{"name": kept.name, "what": kept.lease.what, "holder": kept.lease.holder} for kept in swept if kept.lease is not None]
    word = "would settle" if dry_run else "settled"
    context.logger.info("%s %d tasks and %d named leases, after renewing %d", word, len(settled), len(leases), len(renewed))
    return {"dry_run": dry_run, "renewed": renewed, "settled": settled, "leases": leases, "notes": notes}


def _renew(queue: Queue) -> list[dict[str, Any]]:
    """The claims of the living that are near their end, renewed."""
    lease_s = queue.place.settings.lease_s
    soon = queue.now + timedelta(seconds=lease_s / 2)
    renewed = []
    for kept in list(queue.record.in_states([queue.flow.running])):
        held = kept.claim
        if held is None or held.until >= soon or kept.task.id in queue.missing:
            continue
        # Who has left a result has nothing more to do: that is settled, not renewed.
        if result_file(queue.place.paths, kept.task.id).exists() or not expiring.is_alive(queue.place, kept):
            continue
        until = queue.now + timedelta(seconds=lease_s)
        claiming.renew(queue, kept, held.holder, lease_s)
        renewed.append({"task": str(kept.task.id), "holder": held.holder, "until": f"{until:%Y-%m-%dT%H:%M:%SZ}"})
    return renewed


def _settled(kept: Kept) -> dict[str, Any]:
    return {"task": str(kept.task.id), "state": kept.state, "reason": kept.task.reason}
