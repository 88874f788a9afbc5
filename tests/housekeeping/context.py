"""The context that a shipped job is called with, and branches for it to find."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.core.definitions import Settings, TaskSettings
from octojobs.core.identity import JobId, RunId
from octojobs.flows.queue import Place
from octojobs.runners.context import JobContext, RunInfo, State
from octojobs.runners.tasks import task_argv
from octojobs.store.paths import StatePaths, make_run_folder
from tests.flows.world import World
from tests.helpers import commit_files, git

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def context(repo: Path, **tasks: Any) -> JobContext:
    """A run of `housekeeping` that is due now, its folder made as the engine makes it; `tasks` are settings of tasks."""
    paths = StatePaths(repo / ".git/octojobs")
    run = RunId.of(JobId("housekeeping"), NOW)
    folder = make_run_folder(paths, run, 1)
    info = RunInfo(run, 1, NOW, "schedule", "", folder)
    settings = Settings(tasks=replace(TaskSettings(), **tasks))
    enqueue = task_argv(None, settings, repo, paths)
    return JobContext("housekeeping", info, repo, State(paths.job_state(run.job)), logging.getLogger("housekeeping"), {}, None, enqueue)


def queue_of(repo: Path, **settings: Any) -> World:
    """The tasks of the repository, as they are two days before NOW."""
    place = Place(repo, StatePaths(repo / ".git/octojobs"), replace(TaskSettings(), **settings))
    return World(place, NOW - timedelta(days=2))


def work_on(repo: Path, branch: str, *texts: str) -> None:
    """A branch of main with a commit for each text, main being checked out again."""
    git(repo, "switch", "--quiet", "--create", branch, "main")
    for number, text in enumerate(texts):
        commit_files(repo, {f"{branch}-{number}.txt": text})
    git(repo, "switch", "--quiet", "main")
