"""A run as a view: the history's own keys, four more that only an open run has something to say for, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from octojobs.core.codec import parse_instant
from octojobs.core.ledger import Row
from octojobs.core.run import Outcome, Phase, Run
from octojobs.store.history import row_to_dict
from octojobs.views.values import View, instant

FAILURES = (Outcome.FAILED.value, Outcome.TIMED_OUT.value, Outcome.LOST.value)
"""Outcomes that a person should look at: the job did not do what it is for, or nobody knows whether it did."""

_OF_THE_FILE = ("seq", "n")
"""Where a row stands in the history: of use to the store alone."""


_NO_RESULT = {"result": None, "result_note": ""}
"""A result lies in the run's folder: whoever shows it reads it there."""


def past_view(row: Mapping[str, Any]) -> View:
    """A row of the history: a finished run, or `count` due instants that ended without one."""
    said = {key: value for key, value in row.items() if key not in _OF_THE_FILE}
    open_now = {"phase": Phase.FINISHED.value, "not_before": None, "pid": None, "duration_s": _duration(row)}
    # What an older version has written lacks what came later.
    attempts = [{"usage": None, "limited_until": None, **attempt} for attempt in row["attempts"]]
    trigger = {"task": "", **row["trigger"]} if row.get("trigger") else None
    return {**said, "trigger": trigger, "attempts": attempts, **open_now, **_NO_RESULT}


def run_view(run: Run, held: str = "") -> View:
    """An open run, under the keys of `past_view`; `outcome` is None, and `reason` is `held`, why it does not start yet."""
    held = held or (run.attempts[-1].reason if run.is_deferred else "")
    row = row_to_dict(Row(run.job, run.due, run.outcome or Outcome.LOST, run.claimed_at, held, run))
    open_now = {
        "outcome": None,
        "at": None,
        "attempt": run.attempt,
        "started_at": instant(run.started_at),
        "ended_at": None,
        "exit_code": None,
        "signal": None,
        "phase": run.phase.value,
        "not_before": instant(run.not_before),
        "pid": run.process.pid if run.process else None,
        "duration_s": None,
    }
    return {**row, **open_now, **_NO_RESULT}


def _duration(row: Mapping[str, Any]) -> float | None:
    started_at, ended_at = row.get("started_at"), row.get("ended_at")
    if not started_at or not ended_at:
        return None
    return round((parse_instant(ended_at) - parse_instant(started_at)).total_seconds(), 3)


def scheduled_at(view: View) -> datetime:
    """The due instant of a view of this module."""
    return parse_instant(view["scheduled_at"])
