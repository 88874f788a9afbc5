"""Overlap: whether a due instant becomes a run while others of the job are open.

A run is *open* while it is queued, starting, running or waiting for a retry. One that waits for its guards is not: a newer instant
replaces it ("when_blocked" in the reference).
"""

from __future__ import annotations

from collections.abc import Sequence

from octojobs.core.identity import RunId
from octojobs.core.job import Job, Overlap
from octojobs.core.run import Phase
from octojobs.slotted import dataclass

STILL = {
    Phase.QUEUED: "queued",
    Phase.STARTING: "running",
    Phase.RUNNING: "running",
    Phase.RETRYING: "waiting for a retry",
}
"""The open phases, in words."""


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run of the job that is open, as far as overlap cares."""

    id: RunId
    phase: Phase

    def __str__(self) -> str:
        return f"run {self.id} is still {STILL[self.phase]}"


@dataclass(frozen=True, slots=True)
class Room:
    """Whether the instant becomes a run; `reason` says why not, `cancel` names the runs that must end for it."""

    starts: bool
    reason: str = ""
    cancel: tuple[RunId, ...] = ()


def make_room(job: Job, open_runs: Sequence[OpenRun], *, backfill: bool = False) -> Room:
    """What `overlap` says to one more due instant beside these open runs, oldest first.

    `backfill` is an instant that `catch_up: all` brings: it fell due when nobody was there, so it queues behind its
    siblings whatever `overlap` says about instants that fall due while a run is open.

    >>> from octojobs.core.job import CommandAction
    >>> from octojobs.core.when import ManualWhen
    >>> from octojobs.core.identity import JobId
    >>> job = Job(JobId("nightly"), ManualWhen(), CommandAction("true"))
    >>> make_room(job, [OpenRun(RunId("nightly@20261120T020000Z"), Phase.RUNNING)]).reason
    'previous run nightly@20261120T020000Z is still running'
    """
    if not open_runs or backfill:
        return Room(starts=True)
    match job.overlap:
        case Overlap.SKIP:
            return Room(starts=False, reason=f"previous {open_runs[-1]}")
        case Overlap.QUEUE_ONE:
            queued = [run for run in open_runs if run.phase is Phase.QUEUED]
            return Room(starts=False, reason=f"previous {queued[-1]}") if queued else Room(starts=True)
        case Overlap.QUEUE_ALL:
            return Room(starts=True)
        case Overlap.CANCEL_RUNNING:
            return Room(starts=True, cancel=tuple(run.id for run in open_runs))
        case Overlap.ALLOW:
            if len(open_runs) < job.max_instances:
                return Room(starts=True)
            return Room(starts=False, reason=f"{len(open_runs)} runs are open and max_instances is {job.max_instances}")
