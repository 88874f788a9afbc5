"""What is said of a job's runs to the address that it pings: one message for a beginning, one for an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from octojobs.core.channel import Channel
from octojobs.core.codec import format_instant
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.notices import Notice
from octojobs.core.run import Run
from octojobs.notify.message import message_of
from octojobs.store.paths import StatePaths

_PREFIX = "ping "
"""What the outbox calls the pings of a job begins so: no channel has a space in its name."""
_EVENTS = {"succeeded": "success", **dict.fromkeys(("failed", "timed_out", "lost", "cancelled"), "fail")}

Message = tuple[str, str, Mapping[str, Any]]


def start_ping(run: Run) -> Message:
    """The ping of a run that begins, as (id, channel, message)."""
    said = {"event": "start", "status": "started", "title": f"{run.job} started", "body": "", "link": ""}
    about = {"job": str(run.job), "run": str(run.id), "scheduled_at": format_instant(run.due), "at": format_instant(run.claimed_at)}
    return f"{run.id}/start", _PREFIX + run.job, {**said, **about, "outcome": None, "reason": "", "exit_code": None, "failures": None}


def end_ping(row: Mapping[str, Any], job: Job | None, paths: StatePaths) -> Iterator[Message]:
    """The ping of a run that has ended: none for one that was skipped or missed, nor for a hook's."""
    event = _EVENTS.get(row["outcome"], "")
    if job is None or job.ping is None or not event or row["cause"] is None or row["correction"] or "+" in row["id"]:
        return
    message = message_of(row, Notice.SUCCEEDED if event == "success" else Notice.FAILED, 1, paths)
    yield f"{row['id']}/ping", _PREFIX + row["job"], {**message, "event": event, "failures": None}


def is_ping(channel: str) -> bool:
    """Whether what waits in the outbox is a ping."""
    return channel.startswith(_PREFIX)


def ping_channel(written: str, jobs: Mapping[JobId, Job]) -> Channel | None:
    """Where the pings of a job go now; None where there is no such job any more, it pings nobody, or no ping is meant."""
    job = jobs.get(JobId(written.removeprefix(_PREFIX))) if is_ping(written) else None
    if job is None or job.ping is None:
        return None
    return Channel(written, ping=job.ping.url, allow_hosts=job.ping.allow_hosts)
