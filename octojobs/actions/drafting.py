"""Drafts of tasks: from options, from a JSON object, and from the template of a job and what its run tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from octojobs.actions.asking import who
from octojobs.core.durations import InvalidDuration, parse_duration
from octojobs.core.identity import InvalidId, RunId
from octojobs.core.job import TaskAction
from octojobs.core.placeholders import fill
from octojobs.core.task import Draft, InvalidTask, TaskPriority, line
from octojobs.errors import UsageError
from octojobs.runners.results import shown_result
from octojobs.store.paths import StatePaths

_TEXTS = ("title", "body", "role", "priority", "branch", "dedupe", "parent", "expires_in")
_LISTS = ("blocked_by", "acceptance")
_COMMIT_DIGITS = 7
_LONGEST_VALUE = 4000
_TAIL_LINES, _TAIL_BYTES = 40, 16_384


def whoever(environ: Mapping[str, str]) -> str:
    """Who asks, where they don't say: the job that this runs in, else the person."""
    job = environ.get("OCTOJOBS_JOB")
    return line(f"octojobs/{job}" if job else who(environ))


def drafted(draft: Draft, environ: Mapping[str, str]) -> Draft:
    """The draft with what the environment of a run tells: which run this is, and the task that it works on."""
    run = environ.get("OCTOJOBS_RUN_ID", "").partition("+")[0]
    parent = draft.parent or environ.get("OCTOJOBS_TASK", "")
    return replace(draft, created_by=draft.created_by or whoever(environ), run=draft.run or run, parent=parent)


def draft_of(told: Mapping[str, Any]) -> Draft:
    """The draft that these fields make; what is missing or empty has its default. Raises UsageError."""
    if not told.get("title"):
        raise UsageError("a task needs a title")
    expires_in = told.get("expires_in")
    try:
        return Draft(
            title=told["title"],
            body=told.get("body") or "",
            role=told.get("role") or "implement",
            priority=TaskPriority.of(told.get("priority") or "P2"),
            branch=told.get("branch") or "",
            dedupe=told.get("dedupe") or "",
            parent=told.get("parent") or "",
            blocked_by=tuple(told.get("blocked_by") or ()),
            acceptance=tuple(told.get("acceptance") or ()),
            expires_in_s=None if not expires_in else _seconds(expires_in),
            proposed=bool(told.get("proposed")),
        )
    except (InvalidTask, InvalidDuration) as problem:
        raise UsageError(str(problem)) from None


def from_json(data: bytes) -> Draft:
    """The draft that a JSON object makes. Raises UsageError for what is no object of the fields of a task."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"standard input is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise UsageError("standard input is not a JSON object", 'write {"title": "…"}')
    known = {*_TEXTS, *_LISTS, "proposed"}
    if unknown := sorted(map(line, told.keys() - known)):
        raise UsageError(f"a task has no {', '.join(unknown)}", f"it has {', '.join(sorted(known))}")
    for name, value in told.items():
        texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        fits = isinstance(value, bool) if name == "proposed" else texts if name in _LISTS else isinstance(value, str)
        if not fits and value is not None:
            kind = "true or false" if name == "proposed" else "a list of texts" if name in _LISTS else "a text"
            raise UsageError(f"{name} is not {kind}")
    return draft_of(told)


def from_template(template: TaskAction, environ: Mapping[str, str], paths: StatePaths) -> Draft:
    """The draft that a job declares, its placeholders filled in from the environment of the run that enqueues it.

    Its key is that run: tried again, it finds what it made.
    """
    values = _values(environ, paths)
    draft = draft_of(
        {
            "title": fill(template.title, values),
            "body": fill(template.body, values) or _account(values, environ),
            "role": fill(template.role, values),
            "priority": template.priority,
            "branch": fill(template.branch, values),
            "dedupe": fill(template.dedupe, values),
            "acceptance": [fill(one, values) for one in template.acceptance],
            "proposed": template.proposed,
        }
    )
    return replace(draft, expires_in_s=template.expires_in_s, key=environ["OCTOJOBS_RUN_ID"])


def _values(environ: Mapping[str, str], paths: StatePaths) -> dict[str, str]:
    """The placeholders' values: of the run itself, or of the one that it follows."""
    parent, attempt = environ.get("OCTOJOBS_PARENT_RUN_ID", ""), environ.get("OCTOJOBS_PARENT_ATTEMPT", "")
    return {
        "job": environ["OCTOJOBS_JOB"],
        "run": parent or environ["OCTOJOBS_RUN_ID"],
        "attempt": attempt or environ["OCTOJOBS_ATTEMPT"],
        "scheduled_at": environ["OCTOJOBS_SCHEDULED_AT"],
        "commit": environ["OCTOJOBS_COMMIT"][:_COMMIT_DIGITS],
        "outcome": environ.get("OCTOJOBS_OUTCOME", ""),
        "exit_code": environ.get("OCTOJOBS_EXIT_CODE", ""),
        "reason": environ.get("OCTOJOBS_REASON", ""),
        "result": _result(paths, parent, attempt),
    }


def _result(paths: StatePaths, run: str, attempt: str) -> str:
    """The result that the run left, as text; "" for none."""
    try:
        value = shown_result(paths.run_dir(RunId(run), int(attempt))).value
    except (InvalidId, ValueError):
        return ""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _account(values: Mapping[str, str], environ: Mapping[str, str]) -> str:
    """What there is to know of the run that ended: how, at which commit, where its log is, and the end of that; "" where none ended."""
    if not values["outcome"]:
        return ""
    log = environ.get("OCTOJOBS_PARENT_LOG", "")
    end = f"{values['outcome']}: {values['reason']}" if values["reason"] else values["outcome"]
    told = [f"{values['run']} {end}", f"Commit: {environ['OCTOJOBS_COMMIT'] or 'none'}", f"Log: {log}"]
    if tail := _tail(log):
        # Indented: to Markdown it is a text to be shown, whatever it says.
        told += ["", f"The last lines of its output ({len(tail)}):", "", *(f"    {one}" for one in tail)]
    return "\n".join(told)


def _tail(log: str) -> list[str]:
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, Path(log).stat().st_size - _TAIL_BYTES))
            data = file.read(_TAIL_BYTES)
    except OSError:
        return []
    return data.decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\n").split("\n")[-_TAIL_LINES:] if data.strip() else []


def _seconds(told: timedelta | str) -> int:
    return int(told.total_seconds()) if isinstance(told, timedelta) else parse_duration(told)
