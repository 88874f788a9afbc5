"""Many messages as one: how many, of what, and a few lines of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from octojobs.core.task import line
from octojobs.notify.message import CHARACTERS

EVENT = "digest"
_WORST = ("failed", "timeout", "success", "started")


def digest(messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A message with the keys of any other; `status` is the worst of them, `job` the one that all are about, "" for several.

    Each has its instant, title, the first line of its body, and its link; what is too much for one message is counted.
    """
    titles = list(dict.fromkeys(message["title"] for message in messages))
    jobs = {message["job"] for message in messages}
    statuses = {message["status"] for message in messages}
    known = [message["failures"] for message in messages if message["failures"] is not None]
    return {
        "event": EVENT,
        "status": next((status for status in _WORST if status in statuses), "failed"),
        "title": line(f"{len(messages)} messages: {', '.join(titles)}"),
        "body": _body(messages),
        "link": "",
        "job": jobs.pop() if len(jobs) == 1 else "",
        "run": "",
        "scheduled_at": messages[0]["scheduled_at"],
        "at": messages[-1]["at"],
        "outcome": "",
        "reason": "",
        "exit_code": None,
        "failures": max(known) if known else None,
        "count": len(messages),
    }


def _body(messages: Sequence[Mapping[str, Any]]) -> str:
    parts: list[str] = []
    room = CHARACTERS
    for number, message in enumerate(messages):
        first = line(message["body"].partition("\n")[0])
        part = "\n    ".join(filter(None, (f"{message['at']} {line(message['title'])}", first, message["link"])))
        if room < len(part):
            return "\n".join([*parts, f"… and {len(messages) - number} more"])
        parts.append(part)
        room -= len(part) + 1
    return "\n".join(parts)
