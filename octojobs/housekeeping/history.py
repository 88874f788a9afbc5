"""Removes finished runs beyond what is to be kept, with their output; and, after a while, what was kept of what other jobs removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from octojobs.core.definitions import Retention
from octojobs.core.durations import parse_duration
from octojobs.housekeeping.ground import WrongArgument, now_of, paths_of
from octojobs.housekeeping.rescued import older_than, remove
from octojobs.repository import Repository
from octojobs.runners.context import JobContext
from octojobs.store.retention import prune
from octojobs.store.view import read_state

RESCUED = "90d"
"""For how long refs and logs are kept of the branches and worktrees that were removed: as long as the history that tells of it."""


class NotAllPruned(RuntimeError):
    """Something could not be removed, the rest was; the message has the reason of each."""


def prune_history(
    context: JobContext,
    *,
    days: int | None = None,
    runs_per_job: int | None = None,
    max_bytes: int | None = None,
    rescued: str | int = RESCUED,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Keep `days` of history, `runs_per_job` folders of runs and `max_bytes` of output; what is not given keeps its default.

    `rescued` is the age at which rescue refs, and the logs of worktrees that were removed, go. The daemon, which prunes runs once a
    day by itself, leaves those. The result says what was removed (or would be, with `dry_run`): `runs`, `days`, `patches`, `bytes`;
    `rescues` (`ref`, `commit`) and `swept` (folders). Raises NotAllPruned when something could not be removed.
    """
    paths, repository = paths_of(context), Repository.discover(context.repository)
    bounds: tuple[tuple[str, object, int], ...] = (("days", days, 1), ("runs_per_job", runs_per_job, 1), ("max_bytes", max_bytes, 0))
    for name, value, least in bounds:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise WrongArgument(f"args: {name}: {value!r} is no whole number from {least} on")
    given = {"days": days, "runs_per_job": runs_per_job, "bytes": max_bytes}
    retention = replace(Retention(), **{name: value for name, value in given.items() if value is not None})
    old = older_than(now_of(context) - timedelta(seconds=parse_duration(rescued)), repository, paths)
    pruned = prune(paths, retention, read_state(paths).runs.keys(), context.run.scheduled_at, dry_run=dry_run)
    problems = [*pruned.problems, *(() if dry_run else remove(old, repository))]
    what = f"{len(pruned.runs)} runs, {len(pruned.days)} days of history and {pruned.patches} patches, {pruned.bytes} bytes"
    context.logger.info("%s %s", "would remove" if dry_run else "removed", what)
    if old.refs or old.folders:
        context.logger.info("and %d rescue refs and %d folders of logs, older than %s", len(old.refs), len(old.folders), rescued)
    if problems:
        raise NotAllPruned("; ".join(problems))
    return {
        "runs": list(pruned.runs),
        "days": list(pruned.days),
        "patches": pruned.patches,
        "bytes": pruned.bytes,
        "rescues": [{"ref": ref, "commit": commit} for ref, commit in old.refs.items()],
        "swept": [str(folder) for folder in old.folders],
        "dry_run": dry_run,
    }
