"""What a simulation came to, as a view: a line for each run and each instant without one, and the sums of each job."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from octojobs.core.identity import RunId
from octojobs.core.ledger import Row
from octojobs.core.run import Outcome, Run
from octojobs.core.simulation import Simulation
from octojobs.views.values import View, instant


class Source(StrEnum):
    """Where a duration comes from."""

    OPTION = "option"
    HISTORY = "history"
    DEFAULT = "default"


def simulation_view(made: Simulation, limit: int, told: Collection[str], recorded: Mapping[str, str] | None = None) -> View:
    """`runs` (the first `limit` by due instant, `left_out` counts the others), `jobs` with their sums, and `stopped_at`.

    `told` are the names of the jobs that are told of. `recorded` are outcomes of the history by run id: each run tells its own
    then, and `unmatched` counts those that none has.
    """
    lines = [_ended(row, made.held) for row in made.rows if not row.correction]
    lines += [_line(run, made.held, None, None) for run in made.open_runs]
    lines = [line for line in lines if line["job"] in told]
    lines.sort(key=lambda line: (line["scheduled_at"], line["job"], line["id"] or ""))
    for line in lines:
        line["recorded"] = recorded.get(line["id"] or "") if recorded is not None else None
    known = {line["id"] for line in lines}
    unmatched = sum(run not in known and RunId(run).job in told for run in recorded) if recorded is not None else None
    return {
        "jobs": list(_sums(lines)),
        "runs": lines[:limit],
        "left_out": max(0, len(lines) - limit),
        "unmatched": unmatched,
        "stopped_at": instant(made.stopped_at),
    }


def _ended(row: Row, held: Mapping[RunId, str]) -> View:
    if row.run is not None:
        return _line(row.run, held, row.outcome, row.reason)
    return {
        "id": None,
        "job": str(row.job),
        "scheduled_at": instant(row.due),
        "first_scheduled_at": instant(row.first_due),
        "count": row.count,
        "cause": None,
        "started_at": None,
        "ended_at": None,
        "attempts": 0,
        "outcome": row.outcome.value,
        "wait_s": 0.0,
        "reason": row.reason,
    }


def _line(run: Run, held: Mapping[RunId, str], outcome: Outcome | None, reason: str | None) -> View:
    """Of a run; `outcome` is None for one that is open at the end, `reason` says why it ended so, or else why it waited."""
    began = next((attempt.started_at for attempt in run.attempts if attempt.started_at is not None), run.started_at)
    waits = held.get(run.id, "")
    wait_s = round((began - run.claimed_at).total_seconds(), 3) if began is not None else 0.0
    return {
        "id": str(run.id),
        "job": str(run.job),
        "scheduled_at": instant(run.due),
        "first_scheduled_at": None,
        "count": 1,
        "cause": run.cause.value,
        "started_at": instant(began),
        "ended_at": instant(run.ended_at) if outcome is not None else None,
        "attempts": sum(attempt.started_at is not None for attempt in run.attempts) + (outcome is None and run.holds_slot),
        "outcome": outcome.value if outcome is not None else None,
        "wait_s": wait_s,
        "reason": reason or waits or ("" if outcome is not None else run.phase.value),
    }


def _sums(lines: list[View]) -> Iterator[View]:
    """Of each job, in alphabetical order: due instants by outcome, and the longest wait of a run that was ready."""
    by_job: dict[str, list[View]] = {}
    for line in lines:
        by_job.setdefault(line["job"], []).append(line)
    for job, own in sorted(by_job.items()):
        outcomes = {outcome.value: sum(line["count"] for line in own if line["outcome"] == outcome.value) for outcome in Outcome}
        yield {
            "job": job,
            "outcomes": outcomes,
            "open": sum(line["outcome"] is None for line in own),
            "waited": sum(line["wait_s"] > 0 for line in own),
            "longest_wait_s": max(line["wait_s"] for line in own),
        }
