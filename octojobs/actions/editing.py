"""Edits of the jobs file: add, remove, enable and disable a job, its comments and order kept; and the commit of just that."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any

from octojobs.actions.committing import commit_written
from octojobs.actions.workspace import Workspace
from octojobs.config.amend import Amendment, Change, amend, write
from octojobs.config.blob import blob_id
from octojobs.config.edit import create_job, delete_job, set_enabled
from octojobs.config.loader import Loader
from octojobs.config.source import WORKTREE
from octojobs.config.suggest import did_you_mean
from octojobs.core.definitions import JOBS_FILE
from octojobs.core.identity import InvalidId, JobId
from octojobs.core.job import Job
from octojobs.errors import InvalidDefinitions, UsageError
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file, not written yet: what it is called in a commit, and the file before and after."""

    message: str
    amendment: Amendment

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.amendment.before != self.amendment.after

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        before, after = ((content or b"").decode("utf-8", "replace").splitlines(keepends=True) for content in self._sides)
        names = f"a/{self.amendment.path}", f"b/{self.amendment.path}"
        return "".join(difflib.unified_diff(before, after, *names))

    @property
    def _sides(self) -> tuple[bytes | None, bytes | None]:
        return self.amendment.before, self.amendment.after


def creation(workspace: Workspace, name: str, fields: Mapping[str, Any]) -> Edit:
    """Add a job behind the others of the jobs file; `fields` are those of the file, by its names.

    Raises UsageError for a name that is taken or none, and for fields that are not valid.
    """
    try:
        job = JobId(name)
    except InvalidId as error:
        raise UsageError(str(error)) from error
    taken = _find(workspace, name)
    if taken is not None:
        raise UsageError(f'job "{taken.id}" is there already, in {taken.source.path}:{taken.source.line}', "choose another name")
    settings = workspace.working_tree.definitions.settings if workspace.working_tree.definitions else workspace.settings
    path = workspace.jobs_file or settings.jobs_file or JOBS_FILE
    return _edit(workspace, path, f"add job {job}", lambda text, stem: create_job(text, name, fields, stem))


def deletion(workspace: Workspace, name: str) -> Edit:
    """Remove a job, and the file when it was that one job. Raises UsageError when there is none of that name."""
    job = _declared(workspace, name)
    return _edit(workspace, job.source.path, f"remove job {job.id}", lambda text, stem: delete_job(text, str(job.id), stem))


def enabling(workspace: Workspace, name: str, *, enabled: bool) -> Edit:
    """Enable or disable a job. Raises UsageError when there is none of that name."""
    job = _declared(workspace, name)
    change = partial(_set_enabled, name=str(job.id), enabled=enabled)
    return _edit(workspace, job.source.path, f"{'enable' if enabled else 'disable'} job {job.id}", change)


def apply(workspace: Workspace, edit: Edit, *, commit: bool = False) -> str:
    """Write the edit; with `commit`, commit just that. Returns the new commit's id, "" without one.

    Raises UsageError, and writes nothing, when the file has other changes that the commit would take along.
    """
    if commit:
        _nothing_else(workspace, edit.amendment)
    write(_place(workspace), edit.amendment)
    return commit_written(workspace.repository, [edit.amendment.path], f"jobs: {edit.message}") if commit else ""


def _nothing_else(workspace: Workspace, amendment: Amendment) -> None:
    repository = workspace.repository
    commit = repository.head(repository.worktree).commit
    entries = repository.entries(commit, [amendment.path]) if commit else {}
    committed = entries[amendment.path][1] if amendment.path in entries else None
    found = blob_id(amendment.before) if amendment.before is not None else None
    if committed != found:
        what = f"{amendment.path} has changes that are not committed, and --commit would take them along"
        raise UsageError(what, "commit them first, or leave --commit away")


def is_live_on_save(workspace: Workspace) -> bool:
    """Whether a saved file is live at once: the source is the working tree."""
    return workspace.source_name == WORKTREE


def _edit(workspace: Workspace, path: str, message: str, change: Change) -> Edit:
    try:
        return Edit(message, amend(_place(workspace), path, change, Loader(), workspace.jobs_file))
    except InvalidDefinitions as refused:
        before = workspace.working_tree
        if before.definitions is None and any(problem.line or problem in refused.problems for problem in before.problems):
            raise
        # The file was fine: what is wrong is what was asked for, and its lines are nowhere to be seen.
        said = "; ".join(problem.message for problem in refused.problems)
        raise UsageError(said, "nothing was written") from refused


def _set_enabled(text: str, stem: str, *, name: str, enabled: bool) -> str:
    return set_enabled(text, name, enabled, stem)


def _place(workspace: Workspace) -> Any:
    """The worktree that the person is in: there the file is edited, and committed."""
    return workspace.repository.worktree


def _find(workspace: Workspace, name: str) -> Job | None:
    declared = workspace.working_tree.definitions
    return next((job for job in declared.jobs.values() if job.id.lower() == name.lower()), None) if declared else None


def _declared(workspace: Workspace, name: str) -> Job:
    definitions = workspace.working_tree.definitions
    if definitions is None:
        raise InvalidDefinitions(workspace.working_tree.problems)
    job = _find(workspace, name)
    if job is None:
        raise UsageError(
            f'there is no job "{name}" in the working tree', did_you_mean(name, definitions.jobs, "`octojobs list` shows the jobs")
        )
    return job
