"""`octojobs.JobResult`: what became of one run, as `execute_job` returns it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from octojobs.core.ledger import Row
from octojobs.core.run import Outcome
from octojobs.runners.output import OUTPUT_FILE, read
from octojobs.store.paths import StatePaths


@dataclass(frozen=True, slots=True)
class JobResult:
    """The end of a run. `success` is all that an `execute_job` of your own must say.

    `output` is what the last attempt printed, both streams in one; `error` says in words why it did not succeed.
    `started_at` (of the first attempt) and `ended_at` are aware UTC, None when nothing ran. `attempts` counts those that
    ran. `outcome` is `succeeded`, `failed`, `timed_out`, `cancelled`, `lost`, `skipped` or `missed`.
    """

    success: bool
    exit_code: int | None = None
    output: str = ""
    error: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: float | None = None
    attempts: int = 0
    run_id: str = ""
    outcome: str = ""


def result_of(row: Row, paths: StatePaths) -> JobResult:
    """The result of a finished run; of due instants that ended without one, why."""
    run = row.run
    success = row.outcome is Outcome.SUCCEEDED
    if run is None:
        return JobResult(success, error=row.reason, ended_at=row.at, outcome=row.outcome.value)
    last = run.attempts[-1]
    ran = [attempt for attempt in run.attempts if attempt.started_at is not None and not attempt.void]
    started_at = ran[0].started_at if ran else None
    output = read(paths.run_dir(run.id, ran[-1].number) / OUTPUT_FILE).decode("utf-8", "replace") if ran else ""
    return JobResult(
        success,
        exit_code=last.exit_code,
        output=output,
        error="" if success else row.reason or (f"exit code {last.exit_code}" if last.exit_code is not None else row.outcome.value),
        started_at=started_at,
        ended_at=last.ended_at,
        duration_seconds=(last.ended_at - started_at).total_seconds() if started_at else None,
        attempts=len(ran),
        run_id=run.id,
        outcome=row.outcome.value,
    )
