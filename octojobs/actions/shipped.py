"""The shipped jobs as a file of jobs, for `octojobs init --with housekeeping`: each with a comment, none that is declared already."""

from __future__ import annotations

import shutil

from octojobs.actions.workspace import Workspace
from octojobs.config.files import JOBS_FOLDER
from octojobs.housekeeping import JOBS

FILE = f"{JOBS_FOLDER}/housekeeping.yaml"
HEAD = """\
# The jobs that octojobs ships. Those that change something only tell what they would do, as long as `dry_run: true` stands there:
# look at a run's result (`octojobs inspect JOB`), then take that away.
version: 1
jobs:
"""
TEXTS = {
    "check_expired_leases": """\
  # Leases of the living are renewed; then what has ended is settled: a result counts before the clock.
  check_expired_leases:
    interval: 5m
    run: octojobs.housekeeping:check_expired_leases
""",
    "queue_health": """\
  # What is old, stuck, quarantined, unreadable or blocked for ever. `on_problem: fail` or `enqueue` says it louder.
  queue_health:
    interval: 1h
    run: octojobs.housekeeping:queue_health
    args: {max_age: 7d, on_problem: report}
""",
    "prune_history": """\
  # Finished runs older than that, with their output; what other jobs left of branches and worktrees that they removed, after 90 days.
  prune_history:
    interval: 1d
    run: octojobs.housekeeping:prune_history
    args: {days: 30, dry_run: true}
""",
    "sweep_stale_worktrees": """\
  # Worktrees that nobody needs any more, while no coding agent is at work.
  sweep_stale_worktrees:
    interval: 6h
    run: octojobs.housekeeping:sweep_stale_worktrees
    args: {dry_run: true}
    conditions: [no_agents_running]
""",
    "cleanup_merged_branches": """\
  # Local branches that are merged; `remote: origin` in `args` removes those of a remote, too.
  cleanup_merged_branches:
    interval: 1d
    run: octojobs.housekeeping:cleanup_merged_branches
    args: {dry_run: true}
    conditions: [no_agents_running]
""",
    "stale_branches": """\
  # Branches that were left alone for long.
  stale_branches:
    interval: 7d
    run: octojobs.housekeeping:stale_branches
    args: {dry_run: true}
""",
    "github_issues": """\
  # Open issues with a label become tasks, each once, proposed until a person lets them in.
  github_issues:
    enabled: ENABLED
    interval: 30m
    run: octojobs.housekeeping:github_issues
    args: {label: octojobs, dry_run: true}
""",
    "ci_on_main": """\
  # Fails when a check of main has failed on GitHub, so that `on_failure` follows; `on_red: enqueue` makes a task.
  ci_on_main:
    enabled: ENABLED
    interval: 10m
    run: octojobs.housekeeping:ci_on_main
    args: {ref: main, on_red: fail}
""",
}
"""Without `renew_leases`: `check_expired_leases` does that first."""


def file_of(workspace: Workspace) -> tuple[str, int]:
    """The file's text and how many jobs it has: those that are shipped, and that neither the working tree nor the source declares."""
    declared = {
        str(name).lower()
        for loaded in (workspace.working_tree, workspace.loaded)
        if loaded.definitions is not None
        for name in loaded.definitions.jobs
    }
    chosen = [text for name, text in TEXTS.items() if name in JOBS and name not in declared]
    has_gh = shutil.which("gh", path=workspace.environ.get("PATH")) is not None
    enabled = "true" if has_gh else "false  # gh was not there: install it, log in, and say true"
    return HEAD + "\n".join(chosen).replace("ENABLED", enabled), len(chosen)
