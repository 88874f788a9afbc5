"""The messages of `on_start`, `on_success` and `on_failure`: each such run is told, where `notify:` of a job tells of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from octojobs.core.job import Job
from octojobs.core.notices import Notice
from octojobs.notify.message import message_of
from octojobs.store.paths import StatePaths

_HOOKS = {"succeeded": "on_success", **dict.fromkeys(("failed", "timed_out", "lost"), "on_failure")}
_NOTICES = {"on_success": Notice.SUCCEEDED, "on_failure": Notice.FAILED}
_STARTED = "+on_start"


def hook_messages(row: Mapping[str, Any], job: Job | None, paths: StatePaths) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What the row of the history has to tell, as (id, channel, message), to the channels that the job names now.

    The beginning of a run has a row of its own, a run `RUN+on_start` without a process; a command of `on_start` is no message.
    """
    if job is None or row["correction"] or row["cause"] is None:
        return
    run, plus, _ = row["id"].partition("+")
    if not plus:
        hook = _HOOKS.get(row["outcome"], "")
        channels = dict(job.hooks)[hook].notify if hook else ()
        message = {**message_of(row, _NOTICES[hook], 1, paths), "event": hook, "failures": None} if channels else {}
    elif row["id"].endswith(_STARTED) and row["started_at"] is None:
        hook, channels, message = "on_start", job.on_start.notify, _started(run, row)
    else:
        return
    yield from ((f"{run}/{hook}/{channel}", channel, message) for channel in channels)


def _started(run: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The message about a run that goes on: the keys of the others, and nothing where only an end has something to say."""
    said = {"event": "on_start", "status": "started", "title": f"{row['job']} started", "body": "", "link": ""}
    about = {"job": row["job"], "run": run, "scheduled_at": row["scheduled_at"], "at": row["at"]}
    return {**said, **about, "outcome": None, "reason": "", "exit_code": None, "failures": None}
