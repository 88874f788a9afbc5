"""The runs so far, open ones first, and one of them by its name or a part of it."""

from __future__ import annotations

import re
from datetime import datetime

from octojobs.actions.results import with_result
from octojobs.actions.workspace import Workspace
from octojobs.config.diagnostics import visible
from octojobs.config.suggest import did_you_mean
from octojobs.core.identity import JOB_ID, RunId
from octojobs.core.ledger import Ledger
from octojobs.errors import UsageError
from octojobs.store.index import query
from octojobs.views.runs import past_view, run_view
from octojobs.views.values import View

RUN_PART = re.compile(r"[A-Za-z0-9_.@+-]+")
"""What may be a job, or a part of a run's id."""
MOST_LISTED = 8
"""How many runs an ambiguous name lists."""


def list_runs(
    workspace: Workspace, job: str | None = None, status: str | None = None, since: datetime | None = None, limit: int = 20
) -> View:
    """`runs`: the open ones, then the history, newest first, `limit` in all; each a `run_view`.

    `status` is an outcome or a phase; `since` bounds when a run was claimed, or a row recorded.
    Raises UsageError for a job that is neither declared nor in the record.
    """
    ledger = workspace.ledger()
    name = known_job(workspace, ledger, job) if job is not None else None
    views = [run_view(run) for run in ledger.runs.values() if name in (None, run.job) and (since is None or run.claimed_at >= since)]
    views = sorted((view for view in views if status in (None, view["phase"])), key=lambda view: view["claimed_at"], reverse=True)[:limit]
    left = limit - len(views)
    past = query(workspace.paths, job=name, outcome=status, since=since, limit=left) if left else []
    return {"runs": [*views, *(with_result(workspace.paths, past_view(row)) for row in past)]}


def find_run(workspace: Workspace, text: str) -> View:
    """The run that is meant: by its id, the beginning of it, or of what follows `@` or `-`; or the latest of a job that ran.

    UsageError when none is meant, or several (they are listed), and for a text that can be neither.
    """
    if not RUN_PART.fullmatch(text):
        raise UsageError(f'"{visible(text)}" names no run' if text.strip() else "no run is named", "`octojobs runs` lists them")
    ledger = workspace.ledger()
    if "@" not in text:
        latest = _latest_of(workspace, ledger, text)
        if latest is not None:
            return latest
    found = _matching(workspace, ledger, text)
    if "+" not in text:
        # A run is meant rather than its follow-up commands, whose ids begin as its own does.
        named = {view["id"] for view in found}
        found = [view for view in found if view["id"].partition("+")[0] not in named - {view["id"]}]
    if len(found) == 1:
        return found[0]
    exact = [view for view in found if view["id"] == text]
    if exact:
        return exact[0]
    if found:
        shown = ", ".join(view["id"] for view in found[:MOST_LISTED]) + (" …" if len(found) > MOST_LISTED else "")
        raise UsageError(f'"{text}" may be any of {len(found)} runs', f"name one of {shown}")
    job = text.partition("@")[0]
    if job in _names(workspace, ledger):
        raise UsageError(f"{job} has {'no such run' if '@' in text else 'not run yet'}", f"`octojobs runs {job}` lists what there is")
    raise UsageError(f'there is no run "{text}"', did_you_mean(job, _names(workspace, ledger), "`octojobs runs` lists them"))


def past_run(workspace: Workspace, run: RunId) -> View | None:
    """The run as the history has it; None while it has not."""
    return next((past_view(row) for row in query(workspace.paths, run=run, limit=100) if row["id"] == run), None)


def known_job(workspace: Workspace, ledger: Ledger, name: str) -> str:
    """The name as it is declared or recorded; UsageError when nobody knows it. Works where the definitions can't be read."""
    names = _names(workspace, ledger)
    for known in names:
        if known.lower() == name.lower():
            return known
    if JOB_ID.fullmatch(name) and query(workspace.paths, job=name, limit=1):
        return name
    raise UsageError(f'there is no job "{visible(name)}"', did_you_mean(name, names, "`octojobs list` shows the jobs"))


def _names(workspace: Workspace, ledger: Ledger) -> list[str]:
    declared = workspace.in_force.jobs if workspace.in_force else ()
    return [str(name) for name in dict.fromkeys([*declared, *ledger.jobs, *(run.job for run in ledger.runs.values())])]


def _latest_of(workspace: Workspace, ledger: Ledger, job: str) -> View | None:
    """The job's newest open run that has begun, else its newest past one that ran at all."""
    begun = [run for run in ledger.runs.values() if run.job.lower() == job.lower() and (run.started_at or run.attempts)]
    if begun:
        return run_view(max(begun, key=lambda run: run.claimed_at))
    rows = query(workspace.paths, job=job, limit=200)
    ran = next((row for row in rows if row["attempt"] and "+" not in row["id"]), None)
    return past_view(ran or rows[0]) if rows else None


def _matching(workspace: Workspace, ledger: Ledger, text: str) -> list[View]:
    views = {run.id: run_view(run) for run in ledger.runs.values() if _is_meant(run.id, text)}
    rows = query(workspace.paths, run=text, limit=100) if "@" in text else query(workspace.paths, limit=2000)
    past = {row["id"]: past_view(row) for row in rows if _is_meant(row["id"], text)}
    return [*views.values(), *(view for run, view in past.items() if run not in views)]


def _is_meant(run: str, text: str) -> bool:
    after = run.partition("@")[2]
    return run.startswith(text) or after.startswith(text) or after.partition("-")[2].startswith(text)
