"""The context that a shipped job is called with."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from octojobs.core.identity import JobId, RunId
from octojobs.runners.context import JobContext, RunInfo, State
from octojobs.store.paths import StatePaths, make_run_folder

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def context(repo: Path) -> JobContext:
    """A run of `housekeeping` that is due now, its folder made as the engine makes it."""
    paths = StatePaths(repo / ".git/octojobs")
    run = RunId.of(JobId("housekeeping"), NOW)
    folder = make_run_folder(paths, run, 1)
    info = RunInfo(run, 1, NOW, "schedule", "", folder)
    return JobContext("housekeeping", info, repo, State(paths.job_state(run.job)), logging.getLogger("housekeeping"))
