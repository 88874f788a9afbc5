"""Jobs that left the definitions: their cursors are kept for a while, so that a revert brings no burst."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from octojobs.core.events import Event, JobAbsent, JobForgotten, RunDropped
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.core.run import SELF_DUE, Outcome, Phase

KEPT = timedelta(days=30)
"""`formats.md`: a job that is absent keeps its cursor for 30 days."""


def absences(declared: Collection[JobId], ledger: Ledger, now: datetime) -> tuple[Event, ...]:
    """JobAbsent for each job that is newly gone, JobForgotten for one that has been gone for 30 days.

    A job that is declared again is `plan`'s to welcome back.
    """
    events: list[Event] = []
    for job, state in ledger.jobs.items():
        if job in declared:
            continue
        if state.absent_since is None:
            events.append(JobAbsent(job, now))
        elif now - state.absent_since >= KEPT and not any(ledger.runs_of(job)):
            events.append(JobForgotten(job))
    return tuple(events)


def withdrawn(jobs: Mapping[JobId, Job], ledger: Ledger, now: datetime) -> tuple[RunDropped, ...]:
    """The ends of scheduled and triggered runs that have not begun, of jobs that were removed or disabled: a removal applies at once.

    A run that was asked for, one that has been started and is tried again, and the word of a failure are kept ("runs.md":
    retries survive removed jobs).
    """
    dropped = []
    for run in ledger.runs.values():
        job = jobs.get(run.job)
        waits = run.phase in (Phase.WAITING, Phase.QUEUED) and all(attempt.void for attempt in run.attempts)
        if waits and run.cause in SELF_DUE and (job is None or not job.enabled):
            reason = "the job is not declared any more" if job is None else "the job was disabled"
            dropped.append(RunDropped(run.id, Outcome.SKIPPED, reason, now))
    return tuple(dropped)
