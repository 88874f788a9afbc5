"""A line of the log for each thing that happens to a run: for programs, which read fields and not sentences."""

from __future__ import annotations

import logging
from typing import Any

from octojobs.core.codec import format_instant
from octojobs.core.events import AttemptStarted, Event, NotRun, RunClaimed
from octojobs.core.ledger import Row
from octojobs.core.run import Run

log = logging.getLogger("octojobs.runs")


def event_seen(event: Event, run: Run | None) -> None:
    """Tell of a run that was claimed or started, and of due instants that had none; other lines of the log tell of the rest."""
    match event:
        case RunClaimed(run=claimed):
            _tell("run_claimed", f"{claimed.id} claimed", **_about(claimed), cause=claimed.cause.value, requested_by=claimed.requested_by)
        case AttemptStarted(attempt=attempt, at=at, process=process) if run is not None:
            late_s = round((at - run.due).total_seconds(), 3)
            _tell("run_started", f"{run.id} started", **_about(run), attempt=attempt, pid=process.pid, late_s=late_s)
        case NotRun(job=job, due=due, outcome=outcome, reason=reason, count=count):
            about = {"job": str(job), "scheduled_at": format_instant(due), "outcome": outcome.value}
            _tell("not_run", f"{job} {outcome}: {reason}", **about, count=count, reason=reason)
        case _:
            pass


def row_seen(row: Row) -> None:
    """Tell of the end of a run."""
    run = row.run
    if run is None:
        return
    last = run.attempts[-1]
    took_s = round((last.ended_at - last.started_at).total_seconds(), 3) if last.started_at else None
    ended = {"outcome": row.outcome.value, "attempts": last.number, "exit_code": last.exit_code, "duration_s": took_s, "reason": row.reason}
    _tell("run_finished", f"{run.id} {row.outcome}", **_about(run), **ended)


def _about(run: Run) -> dict[str, Any]:
    return {"run": str(run.id), "job": str(run.job), "scheduled_at": format_instant(run.due)}


def _tell(event: str, message: str, **fields: Any) -> None:
    log.info("%s", message, extra={"told": {"event": event, **fields}})
