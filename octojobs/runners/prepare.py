"""From a run to what the launcher is told: argument vector, environment, folder, limits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from octojobs.core.agent import Agent
from octojobs.core.definitions import Settings
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction, TaskAction
from octojobs.core.named_files import spelled
from octojobs.core.run import Run
from octojobs.core.sandbox import NOT_APART, Backend, Sandbox
from octojobs.runners.agent import PROMPT, agent_argv, planned
from octojobs.runners.base import Launch
from octojobs.runners.environment import environment_of
from octojobs.runners.sandbox.order import Order, Whose, within, wrapped
from octojobs.runners.script import script_argv
from octojobs.runners.tasks import task_argv
from octojobs.store.paths import StatePaths

NO_AGENTS: Mapping[str, Agent] = {}
NO_PINS: Mapping[str, str] = {}


def prepare(
    run: Run,
    *,
    repository_root: Path,
    paths: StatePaths,
    settings: Settings,
    environ: Mapping[str, str],
    extra_env: Mapping[str, str] | None = None,
    agents: Mapping[str, Agent] = NO_AGENTS,
    pins: Mapping[str, str] = NO_PINS,
) -> Launch:
    """What to start for the run's current attempt; touches nothing, so `--dry-run` shows the same.

    `environ` is the daemon's environment; `extra_env` adds variables about the run, such as a follow-up's parent; `agents` and
    `pins` are those of the definitions.
    `cwd` is relative to the repository's root (an absolute one is taken as it is). A job that is kept apart is run by a host, which makes
    its place. Raises NotPreparable.
    """
    job = run.definition
    run_dir = paths.run_dir(run.id, run.attempt)
    env = environment_of(run, run_dir, repository_root, environ, extra_env)
    if isinstance(job.action, AgentAction):
        plan = planned(job, job.action, agents, environ)
        place = replace(_place(run, repository_root, paths, env), stays=job.action.resume)
        place = replace(place, pins=_pinned(run, repository_root, settings, pins, agents), declared=(*place.declared, *plan.env))
        return Launch(
            run_dir=run_dir,
            argv=agent_argv(run, plan, place),
            env={**plan.env, **env, PROMPT: job.action.prompt},
            cwd=repository_root,
            limits=plan.limits,
            secrets=(*job.secrets, *plan.env),
            order=place if place.sandbox.backend is not Backend.NONE else None,
        )
    argv = _argv(job, repository_root, paths, settings)
    sandbox = _sandbox(run)
    if sandbox.backend is Backend.NONE:
        return Launch(run_dir, argv, env, _cwd(run, repository_root), job.limits, job.secrets)
    if isinstance(job.action, ScriptAction) and sandbox.backend.is_container and argv[0] == sys.executable:
        argv = ("python3", *argv[1:])  # ours is not in the image
    place = replace(_place(run, repository_root, paths, env), argv=argv, pins=_pinned(run, repository_root, settings, pins, agents))
    return Launch(run_dir, wrapped(place), {**env, "OCTOJOBS_REPO": str(place.tree)}, repository_root, job.limits, job.secrets, place)


def _sandbox(run: Run) -> Sandbox:
    """Where the run is kept apart. What follows a run is not: it is there to take up what was left, or to tell of it."""
    return NOT_APART if run.is_follow_up else run.definition.apart


def _pinned(run: Run, root: Path, settings: Settings, pins: Mapping[str, str], agents: Mapping[str, Agent]) -> dict[str, str]:
    """The pins of what the job names: a worktree is made of a commit, whose files nobody may have approved."""
    return {path: pins[path] for path in spelled(run.definition, settings, str(root), agents) if path in pins} if pins else {}


def _place(run: Run, root: Path, paths: StatePaths, env: Mapping[str, str]) -> Order:
    """Where the run is kept apart, and what it may reach there."""
    job = run.definition
    sandbox = _sandbox(run)
    return Order(
        repository=str(root),
        state=str(paths.root),
        whose=Whose(run.id, run.attempt, env["OCTOJOBS_COMMIT"]),
        sandbox=sandbox,
        cwd=job.cwd if sandbox.backend is Backend.NONE else within(job.cwd, root, sandbox),
        memory=str(paths.job_state(job.id)) if isinstance(job.action, ScriptAction) else "",
        declared=(*job.env, *job.pass_env, *job.secrets),
        grace_s=job.limits.kill_grace_s,
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
