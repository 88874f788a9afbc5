"""What a change of the definitions does, as a view: jobs, what they execute, and their due instants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime

from octojobs.core.codec import encode
from octojobs.core.definitions import Settings
from octojobs.core.difference import Difference
from octojobs.core.job import Job
from octojobs.core.when import ScheduleWhen
from octojobs.slotted import dataclass
from octojobs.views.jobs import action_text, fields_view, when_text
from octojobs.views.values import View, instant

FIRST = 5
"""How many instants of a kind are named; the others are counted."""

_WHEN = frozenset({"schedule", "interval", "after", "on", "manual", "timezone", "jitter", "enabled", "quiet_hours", "adapt"})
_RULES = frozenset(
    {
        *("when_blocked", "on_unknown", "timeout", "idle_timeout", "kill_grace", "max_output", "overlap", "max_instances"),
        *("catch_up", "catch_up_window", "start_deadline", "priority", "pool", "group", "retries", "pause_after", "run_when_paused"),
    }
)


@dataclass(frozen=True, slots=True)
class ChangedJob:
    """A job before and after (None where it is not declared), its instants, and a remark about them.

    `files` are those that it names and that differ.
    """

    before: Job | None
    after: Job | None
    instants: Difference
    note: str = ""
    files: tuple[str, ...] = ()


def job_change_view(changed: ChangedJob) -> View:
    """`change` is added, removed or changed; `fields` are those that differ, by the names of the jobs file."""
    before, after, instants = changed.before, changed.after, changed.instants
    either = after or before
    assert either is not None
    return {
        "job": str(either.id),
        "change": "added" if before is None else "removed" if after is None else "changed",
        "when": {"before": _when(before), "after": _when(after)},
        "action": {"before": _action(before), "after": _action(after)},
        "files": list(changed.files),
        "fields": list(_fields(before, after)) if before and after else [],
        "instants": {
            "before": instants.before,
            "after": instants.after,
            "added": _some(instants.added),
            "removed": _some(instants.removed),
            "moved": {
                "count": len(instants.moved),
                "first": [{"from": instant(move.before), "to": instant(move.after)} for move in instants.moved[:FIRST]],
            },
            "compared_until": instant(instants.compared_until),
        },
        "note": changed.note,
    }


def settings_changes(before: Settings, after: Settings) -> list[View]:
    """The settings that differ, each with its value `before` and `after`."""
    names = [one.name for one in fields(Settings) if getattr(before, one.name) != getattr(after, one.name)]
    return [{"field": name, "before": encode(getattr(before, name)), "after": encode(getattr(after, name))} for name in names]


def _fields(before: Job, after: Job) -> Iterator[View]:
    """What differs: `about` says whether it is when the job is due, what it executes, or a rule between the two."""
    old, new = fields_view(before), fields_view(after)
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            about = "when" if name in _WHEN else "rules" if name in _RULES else "executes"
            yield {"field": name, "about": about, "before": old.get(name), "after": new.get(name)}


def _some(instants: Sequence[datetime]) -> View:
    return {"count": len(instants), "first": [instant(at) for at in instants[:FIRST]]}


def _when(job: Job | None) -> str | None:
    if job is None:
        return None
    text = f"{when_text(job)} {job.timezone}" if isinstance(job.when, ScheduleWhen) else when_text(job)
    return text if job.enabled else f"disabled, {text}"


def _action(job: Job | None) -> str | None:
    return None if job is None else action_text(job)
