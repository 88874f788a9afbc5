"""A run, or a due instant that had none, told in sentences: what `why` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from octojobs.core.codec import parse_instant
from octojobs.views.values import View, instant

RESULT_COLUMNS = 200
"""How much of a result a line shows."""

_CAUSES = {
    "schedule": "fell due at {at}",
    "catch_up": "fell due at {at} and was caught up at {claimed}",
    "manual": "was asked for at {at} by {by}",
    "on_start": "is what on_start of the run that fell due at {at} asks for",
    "on_success": "is the on_success command of the run that fell due at {at}",
    "on_failure": "is the on_failure command of the run that fell due at {at}",
    "ref": "was triggered at {at}: {why}",
    "tag": "was triggered at {at}: {why}",
    "task": "was triggered at {at}: {why}",
    "job": "was triggered at {at}: {why}",
}
_WORTH = {
    "done": "It has done what is expected",
    "no-op": "It was a no-op: there was nothing to do",
    "unverified": "What is expected is not there",
}
_PHASES = {
    "waiting": "It waits for its conditions",
    "queued": "It is ready and waits for room",
    "starting": "It is being started",
    "running": "It is running, attempt {attempt}, since {started}",
    "retrying": "It waits for attempt {attempt}, at {again}",
}
_OUTCOMES = {
    "succeeded": "It succeeded",
    "failed": "It failed",
    "timed_out": "It ran into its time limit",
    "cancelled": "It was cancelled",
    "lost": "It was lost: nobody knows how it ended",
    "skipped": "It was skipped",
    "missed": "It was missed",
}


def sentences(run: View) -> Iterator[str]:
    """The view of a run (open or past), sentence by sentence: why it is there, its conditions, its attempts, its end."""
    yield f"{_begin(run)}."
    yield from condition_lines(run["conditions"])
    attempts = [attempt for attempt in run["attempts"] if attempt["started_at"] or len(run["attempts"]) > 1]
    for attempt in attempts:
        yield f"Attempt {attempt['number']} {_attempt(attempt)}."
    if run["outcome"] is None:
        yield _phase(run)
    elif not attempts:
        yield f"{_OUTCOMES[run['outcome']]}{': ' + run['reason'] if run['reason'] else ''}."
    yield from worth_lines(run["result"])
    if said := result_text(run["result"], run["result_note"]):
        yield f"Its result: {said}."


def worth_lines(result: Any) -> Iterator[str]:
    """What an agent's run was worth, by its result, with each expectation's evidence; nothing where nothing was expected."""
    if not isinstance(result, dict) or result.get("verdict") not in [*_WORTH] or not isinstance(result.get("checks"), list):
        return
    yield f"{_WORTH[result['verdict']]}."
    for check in result["checks"]:
        if isinstance(check, dict):
            met = "is met" if check.get("met") is True else "is not met" if check.get("met") is False else "can't be told"
            yield f"Expected {check.get('expects')} {met}: {check.get('evidence')}."


def result_text(value: Any, note: str) -> str:
    """The result of a run as one short line of JSON, or why it is not shown; empty where there is none."""
    if value is None:
        return note
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= RESULT_COLUMNS else f"{text[:RESULT_COLUMNS]} … ({len(text)} characters; `--json` has them all)"


def condition_lines(conditions: list[View]) -> Iterator[str]:
    """Each verdict with its evidence, as one line."""
    words = {"passed": "held", "failed": "did not hold", "unknown": "could not be told"}
    for one in conditions:
        yield f"Condition {one['guard']} {words[one['status']]}: {one['evidence']}."


def _begin(run: View) -> str:
    if run["correction"]:
        return f"{run['job']}: the clock was corrected at {_second(run['at'])}"
    if run["count"] > 1 and run["first_scheduled_at"] is None:
        return f"{run['count']} triggers of {run['job']} at {run['scheduled_at']}"
    if run["count"] > 1:
        return f"{run['job']} fell due {run['count']} times from {run['first_scheduled_at']} to {run['scheduled_at']}"
    if run["cause"] is None:
        return f"{run['job']} fell due at {run['scheduled_at']}"
    by = (run["requested_by"] or "somebody") + (", past its conditions" if run["forced"] else "")
    why = run["trigger"]["why"] if run["trigger"] else "nobody knows by what"
    text = _CAUSES[run["cause"]].format(at=run["scheduled_at"], claimed=_second(run["claimed_at"]), by=by, why=why)
    where = f", on commit {run['commit'][:12]}{' with changes' if run['dirty'] else ''}" if run["commit"] else ""
    return f"{run['id']} {text}{where}"


def _attempt(attempt: View) -> str:
    began = f"started at {_second(attempt['started_at'])} and " if attempt["started_at"] else ""
    code = f" with exit code {attempt['exit_code']}" if attempt["exit_code"] and not attempt["reason"] else ""
    why = f" ({attempt['reason']})" if attempt["reason"] else ""
    end = "met a rate limit" if attempt["limited_until"] else _ENDS[attempt["outcome"]]
    return f"{began}{end} at {_second(attempt['ended_at'])}{code}{why}"


def _second(at: str) -> str:
    """The instant to the second: its fraction is for programs."""
    return instant(parse_instant(at)) or ""


_ENDS = {
    "succeeded": "succeeded",
    "failed": "failed",
    "timed_out": "ran into its time limit",
    "cancelled": "was cancelled",
    "lost": "was lost",
    "skipped": "was skipped",
    "missed": "was missed",
}


def _phase(run: View) -> str:
    text = _PHASES[run["phase"]].format(attempt=run["attempt"], started=run["started_at"], again=run["not_before"])
    if run["phase"] == "waiting" and run["not_before"]:
        text += f", looked at again at {run['not_before']}"
    return f"{text}{': ' + run['reason'] if run['reason'] else ''}."
