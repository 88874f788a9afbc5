"""What an agent has used: counted for its run alone, left beside the run's receipts, read again when its end is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from octojobs.agents.verdict import Verdict
from octojobs.core.agent import Agent
from octojobs.core.agent_names import agent_of
from octojobs.core.codec import NotDecodable, parse_instant
from octojobs.core.job import AgentAction
from octojobs.core.rate_limit import MET, limited_until
from octojobs.core.run import Attempt, Run, Usage
from octojobs.core.zones import zone
from octojobs.runners import receipts
from octojobs.runners.context import write_whole
from octojobs.runners.sessions import Session

FILE = "agent.json"
"""In the folder of an attempt. The program is not told of it, and what it writes as its result is not taken for this."""
_LONGEST = 200
_MOST = 1 << 53
_COUNTS = ("input_tokens", "output_tokens", "cached_tokens")


def of_this_run(verdict: Verdict, session: Session, before: Session | None, *, cumulative: bool) -> tuple[Verdict, Session]:
    """The verdict with what this run alone has used, and the session as it stands now.

    `before` is the session that the run went on with, None where it began one. Of a program that counts `cumulative` the difference
    to what it told last is meant; where it tells less than then, or of another session, it has begun to count anew. What it
    does not tell leaves the session's count as it was: the next run's difference has it, and nothing is counted twice.
    """
    same = before if before is not None and verdict.session in (None, before.id) else None
    known: dict[str, Any] = {name: value for name in (*_COUNTS, "cost_usd") if (value := getattr(verdict, name)) is not None}
    counted = {name: getattr(same, name) for name in (*_COUNTS, "cost_usd")} if same is not None else {}
    now = replace(Session(session.profile), id=verdict.session or session.id, **{**counted, **known})
    if cumulative:
        grown: dict[str, Any] = {name: _grown(value, counted.get(name, 0)) for name, value in known.items()}
        verdict = replace(verdict, **grown)
    return verdict, now


def _grown(value: float, before: float) -> float:
    return value - before if value >= before else value


def leave(run_dir: Path, agent: Agent, verdict: Verdict) -> None:
    """Write down what the run has used, durably. A disk that is full has the run counted as one that told nothing."""
    told = {name: getattr(verdict, name) for name in (*_COUNTS, "cost_usd", "model", "retry_at")}
    with suppress(OSError):
        write_whole(run_dir / FILE, json.dumps({"agent": agent.name, "profile": agent.profile.name, **told}))


def as_told(run: Run, attempt: Attempt, run_dir: Path) -> Attempt:
    """The attempt of an agent job with what it has used, and the end of the rate limit that it met.

    Nothing but the agent is known where the run was killed before it told.
    """
    action = run.definition.action
    if not isinstance(action, AgentAction):
        return attempt
    told = receipts.read_json(run_dir, FILE)
    told = told if isinstance(told, dict) else {}
    day = attempt.ended_at.astimezone(zone(run.definition.timezone)).date().isoformat()
    usage = Usage(
        _text(told, "agent") or agent_of(action),
        day,
        _text(told, "profile"),
        _text(told, "model"),
        **{name: int(value) for name in _COUNTS if (value := _number(told, name)) is not None},
        cost_usd=_number(told, "cost_usd"),
    )
    attempt = replace(attempt, usage=usage)
    until = limited_until(run, attempt, _instant(told))
    return attempt if until is None else replace(attempt, limited_until=until, reason=_limit(run, attempt, until))


def _limit(run: Run, attempt: Attempt, until: datetime) -> str:
    """The reason of an attempt that met a limit, instead of its exit code; what else is known of its end stays."""
    said = f"{run.definition.provider or 'its provider'}'s rate limit, until {until:%Y-%m-%dT%H:%M:%SZ}"
    return attempt.reason.replace(f"exit code {MET}", said, 1) or said


def _instant(told: Mapping[str, Any]) -> datetime | None:
    try:
        return parse_instant(told["retry_at"])
    except (KeyError, NotDecodable):
        return None


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""


def _number(told: Mapping[str, Any], name: str) -> float | None:
    value = told.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < _MOST else None
