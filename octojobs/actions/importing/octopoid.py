"""Jobs of octopoid's scheduler as one new file, and a jobs file of our own where both would read one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from octojobs.actions.importing.base import Import, There, one_file, target_of
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange.octopoid import MODULE, jobs_of
from octojobs.config.exchange.yaml_text import field_text
from octojobs.config.files import JOBS_FOLDER, SETTINGS_FILE
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import Problem, Severity


def from_octopoid(workspace: Workspace, data: bytes, path: Path | None, *, shown: str, name: str, module: str | None = None) -> Import:
    """All jobs of octopoid's file as `.octopoid/jobs/<name>.yaml`; `path` is that file, None for standard input.

    Where it is the jobs file of this repository, that becomes octopoid's alone: the settings name the new one. Raises
    UsageError when the file is there already, InvalidDefinitions when the repository's other definitions can't be read.
    """
    is_ours = path is not None and path.resolve() == (workspace.repository.worktree / JOBS_FILE).resolve()
    target = f"{JOBS_FOLDER}/{name}.yaml"
    there = There.of(workspace, instead_of=JOBS_FILE, jobs_file=target) if is_ours else There.of(workspace)
    target = target_of(there, name)
    found = jobs_of(shown, data, module=module or MODULE)
    header = [f"From {shown}, which is octopoid's."]
    plan = one_file(there, target, shown=shown, zone="UTC", header=header, jobs=found.jobs, problems=found.problems)
    return _with_settings(there, plan, target) if is_ours and plan.jobs else plan


def _with_settings(there: There, plan: Import, target: str) -> Import:
    """The plan with a settings file that names the new jobs file."""
    if SETTINGS_FILE in there.files:
        what = f"octojobs would still read {JOBS_FILE}: settings are never overwritten"
        told = Problem(SETTINGS_FILE, 0, 0, what, f"write `jobs_file: {target}` there yourself", Severity.WARNING)
        return replace(plan, problems=tuple(sorted((*plan.problems, told))))
    text = f"# {JOBS_FILE} is octopoid's.\nversion: 1\n{field_text('jobs_file', target)}"
    files: Mapping[str, str] = {**plan.files, SETTINGS_FILE: text}
    return replace(plan, files=files)
