"""What is declared: whether it can be read, and whether what it names is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from octojobs.actions.checkup.finding import Finding, ok, weak, wrong
from octojobs.actions.checkup.told import told
from octojobs.actions.foresight import facts_of, is_trusted
from octojobs.actions.workspace import Workspace
from octojobs.conditions.judging import judge_jobs
from octojobs.config.agents import missing
from octojobs.core.agent_names import agent_of
from octojobs.core.definitions import JOBS_FILE, Definitions
from octojobs.core.guards import Status
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction
from octojobs.engine.pinning import objection
from octojobs.errors import Severity
from octojobs.runners.base import NotPreparable
from octojobs.runners.script import python_of
from octojobs.runners.secret_values import secret_values

AGENTS_FILE = ".octopoid/agents.yaml"


def declared(workspace: Workspace) -> Iterator[Finding]:
    """All findings about the definitions."""
    definitions = workspace.loaded.definitions
    if definitions is None:
        errors = [problem for problem in workspace.loaded.problems if problem.severity is Severity.ERROR]
        what = f"{len(errors)} problem{'s' * (len(errors) != 1)}, the first: {errors[0]}"
        mended = workspace.working_tree.definitions is not None
        fix = "the working tree's are fine: commit them" if mended else "`octojobs validate` shows them all"
        yield wrong("definitions", what, fix)
        return
    for warning in definitions.warnings:
        yield weak("definitions", f"{warning.where}: {warning.what}", warning.fix)
    yield ok("definitions", f"{len(definitions.jobs)} job{'s' * (len(definitions.jobs) != 1)} of {definitions.source[:12]}")
    if workspace.kept_note:
        yield weak("definitions", workspace.kept_note, "`octojobs allow` shows the change, and asks")
    elif workspace.source_note:
        yield weak("definitions", workspace.source_note, "commit, or follow the working tree with --source worktree")
    yield from _shared_file(workspace)
    for job in definitions.jobs.values():
        yield from _job(workspace, definitions, job)
    yield from _guards(workspace)
    yield from told(workspace, definitions)
    yield from _measured(definitions)


def _measured(definitions: Definitions) -> Iterator[Finding]:
    """What the settings ask for and no library is there to do."""
    if definitions.settings.metrics is not None and find_spec("prometheus_client") is None:
        yield wrong("metrics", "the settings ask for metrics, and prometheus-client is not installed", "`pip install 'octojobs[metrics]'`")
    if definitions.settings.traces is not None and find_spec("opentelemetry") is None:
        yield wrong("traces", "the settings ask for traces, and the OpenTelemetry SDK is not installed", "`pip install 'octojobs[otel]'`")


def _shared_file(workspace: Workspace) -> Iterator[Finding]:
    """Octopoid reads the same file: it would spawn agents from a list, and crash on a mapping."""
    if not (workspace.root / AGENTS_FILE).exists() or workspace.source.jobs_file != JOBS_FILE:
        return
    what = f"octopoid ({AGENTS_FILE}) reads {JOBS_FILE}, too: it would run the same jobs, and can't read a mapping"
    yield weak("octopoid", what, "say `jobs_file: .octopoid/octojobs-jobs.yaml` in .octopoid/octojobs.yaml, and move ours there")


def _guards(workspace: Workspace) -> Iterator[Finding]:
    """Guards that can't be told now, whatever the reason: their jobs don't start. What nobody has allowed is not asked."""
    definitions = workspace.definitions
    guarded = [job for job in definitions.jobs.values() if job.enabled and job.conditions]
    guarded = [job for job in guarded if not objection(job, definitions, workspace.root)]
    if not guarded or not is_trusted(workspace):
        return
    for job, verdicts in judge_jobs(guarded, facts_of(workspace, workspace.ledger(), workspace.clock.now())).items():
        for verdict in verdicts:
            if verdict.status is Status.UNKNOWN:
                fix = "such a guard does not pass, unless the job says `on_unknown: run`"
                yield weak(f"job {job}", f"{verdict.guard} is unknown: {verdict.evidence}", fix)


def _job(workspace: Workspace, definitions: Definitions, job: Job) -> Iterator[Finding]:
    subject = f"job {job.id}"
    if not (workspace.root / job.cwd).is_dir():
        yield wrong(subject, f"its folder {job.cwd} is not there", "make it, or correct `cwd`")
    match job.action:
        case ScriptAction() as script:
            yield from _script(workspace, definitions, job, script)
        case CommandAction(command=tuple(command)):
            yield from _program(workspace, subject, command[0], job.cwd)
        case AgentAction() as action:
            yield from _agent(workspace, definitions, subject, action)
        case _:
            pass
    try:
        secret_values(job.secrets, workspace.environ)
    except NotPreparable as error:
        yield wrong(subject, str(error), "until then its runs fail")


def _agent(workspace: Workspace, definitions: Definitions, subject: str, action: AgentAction) -> Iterator[Finding]:
    agent = definitions.agents.get(agent_of(action))
    if agent is None:
        yield wrong(subject, *missing(agent_of(action)))
    else:
        yield from _program(workspace, subject, agent.profile.command[0], ".")


def _script(workspace: Workspace, definitions: Definitions, job: Job, script: ScriptAction) -> Iterator[Finding]:
    subject = f"job {job.id}"
    yield from _program(workspace, subject, python_of(job, script, definitions.settings, workspace.root), ".")
    module, colon, _ = script.run.partition(":")
    if not colon:
        if not definitions.settings.modules:
            fix = "name the module that registers it under `modules:` in .octopoid/octojobs.yaml"
            yield wrong(subject, f"nothing registers a job called {script.run}", fix)
        return
    if not _is_found(workspace.root, module):
        what = f"{module} is no file of this repository"
        yield weak(subject, what, "its Python must have it installed; `octojobs run-now` tells")


def _is_found(root: Path, module: str) -> bool:
    """Whether the module is a file of the repository or of octojobs itself; nothing is imported but octojobs' own packages."""
    path = root.joinpath(*module.split("."))
    if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file():
        return True
    try:
        return module.startswith("octojobs.") and find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _program(workspace: Workspace, subject: str, program: str, cwd: str) -> Iterator[Finding]:
    place = workspace.root / cwd
    found = os.access(place / program, os.X_OK) if "/" in program else shutil.which(program, path=workspace.environ.get("PATH"))
    if not found:
        yield wrong(subject, f"there is no program {program}", "install it, or correct the job")
