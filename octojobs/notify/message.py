"""A row of history as a message: plain values by stable keys; what a program or a person is told is made of these alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octojobs.core.identity import RunId
from octojobs.core.notices import Notice
from octojobs.runners.output import OUTPUT_FILE, tail, visible
from octojobs.store.paths import StatePaths

LINES, CHARACTERS = 20, 4000
_STATUS = {"succeeded": "success", "timed_out": "timeout"}


def message_of(row: Mapping[str, Any], notice: Notice, failures: int, paths: StatePaths) -> dict[str, Any]:
    """The message about a finished run, or about due instants without one; `failures` is how many in a row there are with it.

    `status` is success, failed or timeout; `body` is the reason and the end of the output, `link` the file of the whole output.
    """
    job, outcome = row["job"], row["outcome"]
    link, output = "", ""
    if row["attempt"]:
        path = paths.run_dir(RunId(row["id"]), row["attempt"]) / OUTPUT_FILE
        link, output = str(path), visible(tail(path, LINES))[-CHARACTERS:]
    words = outcome.replace("_", " ")
    if notice is Notice.RECOVERED:
        title = f"{job} recovered"
    elif notice is Notice.FAILED and failures > 1:
        title = f"{job} still fails: {words}, {failures} times in a row"
    else:
        title = f"{job} {words}"
    return {
        "event": notice.value,
        "status": _STATUS.get(outcome, "failed"),
        "title": title,
        "body": "\n".join(filter(None, (row["reason"], output.rstrip("\n")))),
        "link": link,
        "job": job,
        "run": row["id"],
        "scheduled_at": row["scheduled_at"],
        "at": row["at"],
        "outcome": outcome,
        "reason": row["reason"],
        "exit_code": row["exit_code"],
        "failures": failures,
    }


def values_of(message: Mapping[str, Any]) -> dict[str, str]:
    """What a template may name: the keys of the message, as text."""
    return {key: "" if value is None else str(value) for key, value in message.items()}
