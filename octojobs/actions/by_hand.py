"""A run that somebody asks for: by the daemon, or here in the foreground where none runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from octojobs.actions.asking import Answer, ask, who
from octojobs.actions.catalog import find_job
from octojobs.actions.foresight import facts_of
from octojobs.actions.history import find_run
from octojobs.actions.workspace import Workspace
from octojobs.conditions.judging import judge_jobs
from octojobs.config import trust
from octojobs.core.admit import waiting_for_limit
from octojobs.core.agent import Agent
from octojobs.core.claim import manual_run
from octojobs.core.codec import format_instant
from octojobs.core.guards import Verdict
from octojobs.core.identity import ASKED, RunId
from octojobs.core.job import Job
from octojobs.core.question import Question
from octojobs.core.run import Run
from octojobs.engine.questions import agents_for
from octojobs.errors import OctojobsError, UsageError
from octojobs.runners.base import NotPreparable
from octojobs.runners.environment import redacted_environment
from octojobs.runners.prepare import prepare
from octojobs.runners.sandbox.order import Order
from octojobs.slotted import dataclass
from octojobs.store.activity import touch_activity
from octojobs.store.requests import Request
from octojobs.views.runs import past_view, run_view
from octojobs.views.values import View

LOOK_S = 0.05
RECORDED_WITHIN_S = 2.0
"""A line of history is written right after the journal's; a slow disk may take its time."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would start: the values of secrets are left out; `verdicts` are what the guards say now, `order` what is kept apart."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    verdicts: tuple[Verdict, ...]
    order: Order | None = None


def run_request(workspace: Workspace, name: str, *, force: bool = False) -> tuple[Job, Request]:
    """A request for a run of the job; UsageError for a job that is not there."""
    job = find_job(workspace, name)
    return job, Request("run", workspace.clock.now(), job=job.id, force=force, by=who())


def question_request(workspace: Workspace, question: Question, *, force: bool = False) -> tuple[Job, Agent, Request]:
    """A request that an agent be asked, with the job whose run that is; raises what `asked` raises, and InvalidDefinitions."""
    from octojobs.config.by_hand import asked  # runs of jobs don't pay for it

    job, agent = asked(workspace.definitions, question)
    return job, agent, Request("run", workspace.clock.now(), job=job.id, force=force, by=who(), question=question)


def retry_request(workspace: Workspace, text: str) -> tuple[Job, Request]:
    """A request for another run of the job whose run is meant; OctojobsError for a run that is still open."""
    run = find_run(workspace, text)
    if run["outcome"] is None:
        again = f"attempt {run['attempt']} begins at {run['not_before']}" if run["phase"] == "retrying" else f"it is {run['phase']}"
        raise OctojobsError(f"{run['id']} is still open: {again}", f"`octojobs cancel {run['id']}` ends it")
    if run["job"] == ASKED:
        raise OctojobsError(f"{run['id']} was asked by hand: no job declares it", "ask again with `octojobs agent run`")
    job, request = run_request(workspace, run["job"])
    return job, replace(request, kind="retry", reason=f"again, after {run['id']}")


def run_id(request: Request) -> RunId:
    """The run that the request becomes."""
    if request.job is None:
        raise UsageError("the request names no job")
    return RunId.of(request.job, request.at, request.suffix)


def preview(workspace: Workspace, job: Job, request: Request) -> Preview:
    """What would be started, and what the guards say; OctojobsError when it can't be prepared (a missing secret)."""
    run = replace(_run_of(job, request, workspace.definitions.source), commit=workspace.repository.head().commit or "")
    ledger = workspace.ledger()
    state = ledger.jobs.get(job.id)
    last = state.last_success_at if state else None
    try:
        launch = prepare(
            run,
            repository_root=workspace.root,
            paths=workspace.paths,
            settings=workspace.settings,
            environ=workspace.environ,
            agents=agents_for(job, workspace.definitions),
            pins=workspace.definitions.pins,
            extra_env={"OCTOJOBS_LAST_SUCCESS_AT": format_instant(last)} if last else None,
        )
    except NotPreparable as error:
        raise OctojobsError(f"{job.id} can't start: {error}") from error
    verdicts = judge_jobs([job], facts_of(workspace, ledger, workspace.clock.now(), job))[job.id]
    return Preview(launch.argv, launch.cwd, redacted_environment(launch), verdicts, launch.order)


def ask_daemon(workspace: Workspace, request: Request) -> Answer | None:
    """Leave the request to whoever holds the repository; None when nobody does. Raises NotTrusted."""
    trust.require(workspace.repository)
    return ask(workspace, request) if workspace.holder() is not None else None


def run_in_foreground(workspace: Workspace, request: Request, started: Callable[[RunId], None]) -> View | None:
    """Run it here and wait; the view of the finished run, or of one that waits for the end of a rate limit (`outcome` is None then).

    None when it was interrupted. The next daemon or tick goes on with a run that has not ended.

    Raises NotTrusted, RepositoryBusy, RequestRefused when it is refused, and what a pass raises.
    """
    # lazily: the engine is 0.1 s that a running daemon spares us
    from octojobs.actions.running import run_here
    from octojobs.store.history import row_to_dict

    trust.require(workspace.repository)
    touch_activity(workspace.paths)
    row = run_here(workspace, request, started=started)
    if row is not None:
        return past_view(row_to_dict(row))
    ledger, now = workspace.ledger(), workspace.clock.now()
    run = ledger.runs.get(run_id(request))
    return run_view(run, waiting_for_limit(ledger, run, now)) if run is not None and ledger.waits_for_limit(run, now) else None


def asked_run(workspace: Workspace, run: RunId) -> View:
    """The view of a run that is recorded. One that ends leaves the ledger a moment before it is in the history: that is waited for."""
    deadline, pause = workspace.clock.monotonic() + RECORDED_WITHIN_S, threading.Event()
    while True:
        try:
            return find_run(workspace, run)
        except UsageError:
            if workspace.clock.monotonic() >= deadline:
                raise
        pause.wait(LOOK_S)


def wait_for(workspace: Workspace, run: RunId) -> View:
    """The view of the run once it has ended; waits as long as it takes."""
    pause = threading.Event()
    while run in workspace.ledger().runs:
        pause.wait(LOOK_S)
    return asked_run(workspace, run)


def _run_of(job: Job, request: Request, source: str) -> Run:
    return manual_run(job, request.at, request.suffix, forced=request.force, by=request.by, source=source)
