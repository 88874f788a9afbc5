"""A row of history as a message: plain values by stable keys; what a program or a person is told is made of these alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from octojobs.core.codec import format_instant
from octojobs.core.identity import JobId, RunId
from octojobs.core.notices import Notice
from octojobs.runners.output import OUTPUT_FILE, tail, visible
from octojobs.runners.results import shown_result
from octojobs.store.paths import StatePaths

LINES, CHARACTERS = 20, 3500
"""Of an output, and of a body: what a chat takes in one message."""
OUTPUT = "output"
"""The event of a message that is a run's result."""
_STATUS = {"succeeded": "success", "timed_out": "timeout"}


def message_of(row: Mapping[str, Any], notice: Notice, failures: int, paths: StatePaths) -> dict[str, Any]:
    """The message about a finished run, or about due instants without one; `failures` is how many in a row there are with it.

    `status` is success, failed or timeout; `body` is the reason and the end of the output, `link` the file of the whole output.
    """
    job, words = row["job"], row["outcome"].replace("_", " ")
    if notice is Notice.RECOVERED:
        title = f"{job} recovered"
    elif notice is Notice.FAILED and failures > 1:
        title = f"{job} still fails: {words}, {failures} times in a row"
    else:
        title = f"{job} {words}"
    return _message(row, notice.value, title, "\n".join(filter(None, (row["reason"], _tail(row, paths)))), failures, paths)


def result_of(row: Mapping[str, Any], failures: int, paths: StatePaths) -> dict[str, Any]:
    """The message that is a run's result: the answer of an agent, the result that the job left, else the end of its output."""
    words = "completed" if row["outcome"] == "succeeded" else row["outcome"].replace("_", " ")
    value = shown_result(_folder(row, paths)).value
    answer = value.get("text") if isinstance(value, dict) else value
    if not isinstance(answer, str) and value is not None:
        answer = json.dumps(value, ensure_ascii=False)
    answer = answer or _tail(row, paths)
    answer = visible(answer.strip().encode("utf-8", "replace"))
    text = answer if len(answer) <= CHARACTERS else answer[: CHARACTERS - 1] + "…"
    return _message(row, OUTPUT, f"{row['job']} {words}", "\n".join(filter(None, (row["reason"], text))), failures, paths)


def late_message(job: JobId, run: RunId, since: datetime, due: datetime, why: str, now: datetime, notice: Notice) -> dict[str, Any]:
    """The message about a run that is due and does not start; `since` is when the job should have run first."""
    is_late = "has no budget left" if notice is Notice.BUDGET else f"is {notice.value}"
    return {
        "event": notice.value,
        "status": "failed",
        "title": f"{job} {is_late}: due at {format_instant(since)}, and not started",
        "body": why,
        "link": "",
        "job": job,
        "run": run,
        "scheduled_at": format_instant(due),
        "at": format_instant(now),
        "outcome": "",
        "reason": why,
        "exit_code": None,
        "failures": 0,
    }


def _message(row: Mapping[str, Any], event: str, title: str, body: str, failures: int, paths: StatePaths) -> dict[str, Any]:
    return {
        "event": event,
        "status": _STATUS.get(row["outcome"], "failed"),
        "title": title,
        "body": body,
        "link": str(_folder(row, paths) / OUTPUT_FILE) if row["attempt"] else "",
        "job": row["job"],
        "run": row["id"],
        "scheduled_at": row["scheduled_at"],
        "at": row["at"],
        "outcome": row["outcome"],
        "reason": row["reason"],
        "exit_code": row["exit_code"],
        "failures": failures,
    }


def _folder(row: Mapping[str, Any], paths: StatePaths) -> Path:
    return paths.run_dir(RunId(row["id"]), row["attempt"] or 1)


def _tail(row: Mapping[str, Any], paths: StatePaths) -> str:
    return visible(tail(_folder(row, paths) / OUTPUT_FILE, LINES))[-CHARACTERS:].rstrip("\n") if row["attempt"] else ""


def values_of(message: Mapping[str, Any]) -> dict[str, str]:
    """What a template may name: the keys of the message, as text."""
    return {key: "" if value is None else str(value) for key, value in message.items()}
