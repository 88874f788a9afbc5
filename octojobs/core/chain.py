"""Chains: the run of another job that the end of a run asks for (`on_success: {run: job}`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from octojobs.core.claim import manual_run
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.run import Cause, Outcome, Run

_FAILURES = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST)


def chained_job(run: Run) -> tuple[JobId, Cause] | None:
    """The job that the finished run names for its outcome; None for none, and for a follow-up's own end."""
    definition = run.definition
    if run.is_follow_up or run.outcome is None:
        return None
    if run.outcome is Outcome.SUCCEEDED and definition.on_success.run is not None:
        return definition.on_success.run, Cause.ON_SUCCESS
    if run.outcome in _FAILURES and definition.on_failure.run is not None:
        return definition.on_failure.run, Cause.ON_FAILURE
    return None


def chained_run(run: Run, jobs: Mapping[JobId, Job], now: datetime, source: str) -> Run | None:
    """The run of the job that the finished run names; None when it names none, or one that is not declared any more.

    Its id is derived from the finished run's, so that asking twice asks for one run.
    """
    named = chained_job(run)
    return chained_to(run, *named, jobs, now, source) if named is not None else None


def chained_to(run: Run, name: JobId, cause: Cause, jobs: Mapping[JobId, Job], now: datetime, source: str) -> Run | None:
    """The run of the job `name` that a hook of the run asks for; None when that is not declared any more."""
    if name not in jobs:
        return None
    suffix = hashlib.sha256((run.id if cause is not Cause.ON_START else f"{run.id} {cause}").encode()).hexdigest()[:4]
    chained = manual_run(jobs[name], now, suffix, forced=False, by=run.id, source=source)
    return replace(chained, cause=cause, trigger=run.trigger)
