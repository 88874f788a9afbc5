"""Pause, resume, cancel: what people ask of the engine about jobs and runs that are there."""

from __future__ import annotations

import threading
from datetime import timedelta

from octojobs.actions.asking import Answer, ask, who
from octojobs.actions.history import find_run, known_job, past_run
from octojobs.actions.workspace import Workspace
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import Ledger, Pause
from octojobs.core.run import Run
from octojobs.errors import OctojobsError
from octojobs.store.requests import Request
from octojobs.views.values import View

ENDS_WITHIN_S = 3.0
"""How long `cancel` watches a run end; a job that ignores TERM takes its `kill_grace`."""


def pause_request(workspace: Workspace, job: str | None, lasts: timedelta | None = None, reason: str = "") -> Request:
    """Stop starts of the job, or (None) of all; UsageError for a job that nobody knows."""
    now = workspace.clock.now()
    until = now.replace(microsecond=0) + lasts if lasts is not None else None
    return Request("pause", now, job=_known(workspace, job), until=until, reason=reason, by=who())


def resume_request(workspace: Workspace, job: str | None) -> Request:
    """End the pause of the job, or (None) the pause of all. OctojobsError when there is none; a pause of all stands for each job."""
    name, now = _known(workspace, job), workspace.clock.now()
    ledger = workspace.ledger()
    paused = ledger.pause if name is None else own_pause(ledger, name)
    if paused is None or not paused.holds(now):
        if name is not None and ledger.pause_of(name, now) is not None:
            raise OctojobsError(f"{name} is not paused by itself: everything is", "`octojobs resume --all` ends that")
        raise OctojobsError(f"{name or 'nothing'} is{' not' if name else ''} paused", "`octojobs status` shows what is")
    return Request("resume", now, job=name, by=who())


def cancel_requests(workspace: Workspace, text: str) -> list[tuple[Run, Request]]:
    """A request for each open run that is meant: by its id or a part of it, or all of a job. OctojobsError when none is open."""
    ledger, now, by = workspace.ledger(), workspace.clock.now(), who()
    runs = [run for run in ledger.runs.values() if run.job.lower() == text.lower()]
    if not runs and "@" not in text and _is_job(workspace, ledger, text):
        raise OctojobsError(f"no run of {text} is open", f"`octojobs runs {text}` shows how they ended")
    if not runs:
        found = find_run(workspace, text)
        if found["outcome"] is not None:
            raise OctojobsError(f"{found['id']} has ended: {found['outcome']}")
        runs = [ledger.runs[RunId(found["id"])]]
    return [(run, Request("cancel", now, job=run.job, run=run.id, by=by)) for run in runs]


def cancel(workspace: Workspace, requests: list[tuple[Run, Request]]) -> list[tuple[Run, Answer]]:
    """Ask for all of them; what became of each request."""
    return [(run, ask(workspace, request)) for run, request in requests]


def ended_soon(workspace: Workspace, run: RunId) -> View | None:
    """The view of the run once it has ended; None when it is still ending after ENDS_WITHIN_S, or nobody is there to record it."""
    deadline, pause = workspace.clock.monotonic() + ENDS_WITHIN_S, threading.Event()
    while True:
        # Its end is in the journal first: for a moment it is neither open nor in the history.
        ended = past_run(workspace, run) if run not in workspace.ledger().runs else None
        if ended is not None or workspace.holder() is None or workspace.clock.monotonic() >= deadline:
            return ended
        pause.wait(0.05)


def own_pause(ledger: Ledger, job: JobId) -> Pause | None:
    """The pause of the job itself, not that of all."""
    state = ledger.jobs.get(job)
    return state.pause if state else None


def _known(workspace: Workspace, job: str | None) -> JobId | None:
    return JobId(known_job(workspace, workspace.ledger(), job)) if job is not None else None


def _is_job(workspace: Workspace, ledger: Ledger, text: str) -> bool:
    try:
        known_job(workspace, ledger, text)
    except OctojobsError:
        return False
    return True
