"""What is declared, and where each job stands."""

from __future__ import annotations

from octojobs.actions.outlook import Outlook
from octojobs.actions.results import with_result
from octojobs.actions.workspace import Workspace
from octojobs.config.suggest import did_you_mean
from octojobs.core.definitions import Definitions
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.errors import StateDamaged, UsageError
from octojobs.store.index import query
from octojobs.views.jobs import job_detail, job_view
from octojobs.views.runs import past_view
from octojobs.views.values import View

_NO_RESULT: View = {"last_result": None, "last_result_note": ""}


def find_job(workspace: Workspace, name: str) -> Job:
    """The job of that name in the definitions in force.

    UsageError with a suggestion when there is none, or when it waits for approval; InvalidDefinitions when nothing can be read.
    """
    jobs = workspace.definitions.jobs
    for job in jobs.values():
        if job.id.lower() == name.lower():
            return job
    newest = workspace.loaded.definitions.jobs if workspace.loaded.definitions else {}
    if any(job.lower() == name.lower() for job in newest):
        raise UsageError(f'job "{name}" waits for approval', "`octojobs allow` shows the change, and asks")
    raise UsageError(f'there is no job "{name}"', did_you_mean(name, jobs, "`octojobs list` shows the jobs"))


def list_jobs(workspace: Workspace) -> View:
    """`source` (the commit, or "worktree"), `note` (how the working tree differs), `warnings` and `jobs`, in file order.

    `damage` says why the state can't be read: each `job_view` then tells what is declared, and nothing of how it stands.
    """
    definitions, damage = workspace.definitions, ""
    try:
        outlook = Outlook.of(workspace)
    except StateDamaged as error:
        outlook, damage = Outlook.of(workspace, Ledger()), str(error)
    return {
        "source": definitions.source,
        "note": workspace.source_note,
        "damage": damage,
        "warnings": warnings_of(definitions),
        "jobs": [job_view(job, outlook.standing(job)) for job in definitions.jobs.values()],
    }


def warnings_of(definitions: Definitions) -> list[View]:
    """What somebody should look at although it can be used: `what` with its place, and `fix`."""
    return [{"what": f"{warning.where}: {warning.what}", "fix": warning.fix} for warning in definitions.warnings]


def inspect_job(workspace: Workspace, name: str) -> View:
    """A `job_detail`, with `commit` (where its definition was read from, or "worktree"), `note`, and the result of its last run."""
    job = find_job(workspace, name)
    detail = job_detail(job, Outlook.of(workspace).standing(job))
    rows = query(workspace.paths, run=detail["last_run"]) if detail["last_run"] else []
    last = [with_result(workspace.paths, past_view(row)) for row in rows if row["id"] == detail["last_run"]]
    result = {"last_result": last[0]["result"], "last_result_note": last[0]["result_note"]} if last else _NO_RESULT
    return {**detail, **result, "commit": workspace.definitions.source, "note": workspace.source_note}
