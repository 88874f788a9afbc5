"""Requests become events: what people and programs ask of the engine through the ledger's one door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from octojobs.core.claim import first_sight, manual_run
from octojobs.core.events import CancelAsked, Event, Paused, Resumed, RunClaimed
from octojobs.core.identity import ASKED, JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.core.run import Run
from octojobs.store.requests import Request


class Refused(Exception):
    """The request can't be done as things stand; the message says why."""

    wrong_usage = False


class NoSuchJob(Refused):
    """It names a job that nobody declares."""

    wrong_usage = True


class NoSuchAgent(Refused):
    """It asks an agent that there is not, or that can't do it."""

    wrong_usage = True


def events_for(
    request: Request, jobs: Mapping[JobId, Job], ledger: Ledger, now: datetime, source: str, salt: str = ""
) -> tuple[Event, ...]:
    """The events that carry out the request; empty when it is done already (a request may be read twice after a crash).

    `salt` names the repository: jitter hashes it. Raises Refused when it names a job or run that is not there.
    """
    match request.kind:
        case "run" | "retry":
            return _run(request, jobs, ledger, now, source, salt)
        case "cancel":
            return tuple(CancelAsked(run.id, request.by or "somebody") for run in _runs_named(request, ledger) if not run.cancel)
        case "pause":
            _known(request.job, jobs)
            seen = first_sight(jobs[request.job], ledger, now, salt) if request.job is not None else ()
            return (*seen, Paused(request.job, now, request.until, request.reason))
        case "resume":
            # Also of a job that was removed meanwhile: a run of it may wait for this.
            _known(request.job, {**ledger.jobs, **jobs})
            return (Resumed(request.job, now),)
        case kind:
            raise Refused(f"nobody knows how to {kind}")


def _known(job: JobId | None, jobs: Mapping[JobId, object]) -> None:
    if job is not None and job not in jobs:
        raise NoSuchJob(f"there is no job {job!r} in the definitions that are live")


def _run(request: Request, jobs: Mapping[JobId, Job], ledger: Ledger, now: datetime, source: str, salt: str = "") -> tuple[Event, ...]:
    _known(request.job, jobs)
    if request.job is None:
        raise Refused("the request names no job")
    job = jobs[request.job]
    run = manual_run(job, request.at, request.suffix, forced=request.force, by=request.by, source=source)
    seen = () if job.id == ASKED else first_sight(job, ledger, now, salt)  # what nobody declares has no state: each run is by itself
    return () if run.id in ledger.runs else (*seen, RunClaimed(run))


def _runs_named(request: Request, ledger: Ledger) -> Iterator[Run]:
    if request.run is not None:
        run = ledger.runs.get(RunId(request.run))
        if run is None:
            raise Refused(f"run {request.run} is not open")
        yield run
        return
    if request.job is None:
        raise Refused("the request names neither a run nor a job")
    runs = list(ledger.runs_of(request.job))
    if not runs:
        raise Refused(f"no run of {request.job} is open")
    yield from runs
