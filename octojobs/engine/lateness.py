"""Due runs that do not start, of the jobs for which somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from octojobs.core.admit import stopping_pause
from octojobs.core.blocked import CHECK_EVERY, blocking
from octojobs.core.budget import SpentBudget, spent
from octojobs.core.definitions import Definitions
from octojobs.core.guards import Status
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import Ledger
from octojobs.core.notices import LATE
from octojobs.core.run import Phase, Run
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Late:
    """A run that is due and does not start; `blocked` says that its guards are the reason, `budget` that one is spent, `why` in words."""

    job: JobId
    run: RunId
    due: datetime
    blocked: bool
    why: str
    budget: SpentBudget | None = None


def watched(definitions: Definitions) -> tuple[JobId, ...]:
    """The jobs with `blocked`, `overdue` or `budget` in their `notify`."""
    return tuple(job.id for job in definitions.jobs.values() if job.notify.channels and LATE & set(job.notify.on))


def waiting(
    jobs: tuple[JobId, ...], ledger: Ledger, known: Mapping[RunId, str], held: Callable[[], Mapping[RunId, str]], now: datetime
) -> tuple[Late, ...]:
    """The oldest run of each job that waits for its guards or for room; a pause is somebody's wish, and nothing waits for that.

    `known` says why of those that waited at the last look: `held` is asked for others alone.
    """
    found = []
    for job in jobs:
        runs = [run for run in ledger.runs_of(job) if run.phase in (Phase.WAITING, Phase.QUEUED)]
        first = min(runs, key=lambda run: run.due, default=None)
        if first is not None and stopping_pause(ledger, first, now) is None:
            blocked = first.phase is Phase.WAITING
            why = blocking(first.verdicts) if blocked else known.get(first.id) or held().get(first.id, "")
            found.append(Late(job, first.id, first.due, blocked, why, _budget(first, now) if blocked else None))
    return tuple(found)


def _budget(run: Run, now: datetime) -> SpentBudget | None:
    """The budget that is spent, by what the run's guards said last: nothing after midnight, until they have been asked again."""
    if run.not_before is None:
        return None
    job, failed = run.definition, {one.guard: one.evidence for one in run.verdicts if one.status is Status.FAILED}
    budget = spent(job.conditions, failed, run.not_before - CHECK_EVERY, job.timezone)
    return budget if budget is not None and now < budget.until else None
