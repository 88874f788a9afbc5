"""The jobs that are shipped, `run: octojobs.housekeeping:NAME`: each in a file of its own, imported when it is named."""

from __future__ import annotations

from importlib import import_module
from typing import Any

JOBS = {
    "check_definitions": "definitions",
    "check_expired_leases": "leases",
    "ci_on_main": "checks",
    "cleanup_merged_branches": "merged",
    "github_issues": "issues",
    "prune_history": "history",
    "queue_health": "queue",
    "renew_leases": "leases",
    "stale_branches": "stale",
    "sweep_stale_worktrees": "trees",
}
"""Each job's function and the file that it is in. The two have different names: an imported file is an attribute, too."""


def __getattr__(name: str) -> Any:
    if name in JOBS:
        return getattr(import_module(f"octojobs.housekeeping.{JOBS[name]}"), name)
    raise AttributeError(f"octojobs.housekeeping has no job {name!r}; it has {', '.join(JOBS)}")
