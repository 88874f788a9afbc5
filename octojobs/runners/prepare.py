"""From a run to what the launcher is told: argument vector, environment, folder, limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from octojobs.core.agent import Agent
from octojobs.core.definitions import Settings
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction, TaskAction
from octojobs.core.run import Run
from octojobs.runners.agent import PROMPT, agent_argv, planned
from octojobs.runners.base import Launch
from octojobs.runners.environment import environment_of
from octojobs.runners.script import script_argv
from octojobs.runners.tasks import task_argv
from octojobs.store.paths import StatePaths

NO_AGENTS: Mapping[str, Agent] = {}


def prepare(
    run: Run,
    *,
    repository_root: Path,
    paths: StatePaths,
    settings: Settings,
    environ: Mapping[str, str],
    extra_env: Mapping[str, str] | None = None,
    agents: Mapping[str, Agent] = NO_AGENTS,
) -> Launch:
    """What to start for the run's current attempt; touches nothing, so `--dry-run` shows the same.

    `environ` is the daemon's environment; `extra_env` adds variables about the run, such as a follow-up's parent; `agents` are those
    that the definitions know.
    `cwd` is relative to the repository's root (an absolute one is taken as it is). Raises NotPreparable.
    """
    job = run.definition
    run_dir = paths.run_dir(run.id, run.attempt)
    if isinstance(job.action, AgentAction):
        plan = planned(job, job.action, agents, environ)
        return Launch(
            run_dir=run_dir,
            argv=agent_argv(run, plan, repository_root, paths),
            env={**plan.env, **environment_of(run, run_dir, repository_root, environ, extra_env), PROMPT: job.action.prompt},
            cwd=repository_root,
            limits=plan.limits,
            secrets=(*job.secrets, *plan.env),
        )
    return Launch(
        run_dir=run_dir,
        argv=_argv(job, repository_root, paths, settings),
        env=environment_of(run, run_dir, repository_root, environ, extra_env),
        cwd=_cwd(run, repository_root),
        limits=job.limits,
        secrets=job.secrets,
    )


def _cwd(run: Run, repository_root: Path) -> Path:
    """The job's folder; the repository's root for a follow-up whose job's folder is gone: it may be about to tell just that."""
    folder = Path(os.path.normpath(repository_root / run.definition.cwd))
    return repository_root if run.is_follow_up and not folder.is_dir() else folder


def _argv(job: Job, repository_root: Path, paths: StatePaths, settings: Settings) -> tuple[str, ...]:
    match job.action:
        case CommandAction() as command:
            return command.argv
        case ScriptAction() as script:
            return script_argv(job, script, settings, repository_root, paths)
        case TaskAction() as task:
            return task_argv(task, settings, repository_root, paths)
        case AgentAction():
            raise AssertionError("agent jobs are prepared above")
