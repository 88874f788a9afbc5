"""Removes finished runs beyond what is to be kept, with their output; the daemon does so once a day by itself, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from octojobs.core.definitions import Retention
from octojobs.housekeeping.ground import paths_of
from octojobs.runners.context import JobContext
from octojobs.store.retention import prune
from octojobs.store.view import read_state


def prune_history(
    context: JobContext, *, days: int | None = None, runs_per_job: int | None = None, max_bytes: int | None = None, dry_run: bool = False
) -> dict[str, Any]:
    """Keep `days` of history, `runs_per_job` folders of runs and `max_bytes` of output; what is not given keeps its default.

    The result says what was removed (or would be, with `dry_run`). Raises RuntimeError when something could not be removed.
    """
    paths = paths_of(context)
    given = {"days": days, "runs_per_job": runs_per_job, "bytes": max_bytes}
    retention = replace(Retention(), **{name: value for name, value in given.items() if value is not None})
    pruned = prune(paths, retention, read_state(paths).runs.keys(), context.run.scheduled_at, dry_run=dry_run)
    context.logger.info(
        "%s %d runs and %d days of history, %d bytes",
        "would remove" if dry_run else "removed",
        len(pruned.runs),
        len(pruned.days),
        pruned.bytes,
    )
    if pruned.problems:
        raise RuntimeError("; ".join(pruned.problems))
    return {"runs": list(pruned.runs), "days": list(pruned.days), "bytes": pruned.bytes, "dry_run": dry_run}
