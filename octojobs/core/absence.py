"""Jobs that left the definitions: their cursors are kept for a while, so that a revert brings no burst."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from octojobs.core.events import Event, JobAbsent, JobForgotten
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger

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
