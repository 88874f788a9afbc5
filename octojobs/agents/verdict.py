"""What became of an agent's run: one status from the events, the exit code and the prose, in that order of trust."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from octojobs.agents.events import Told
from octojobs.core.agent import Profile, Wording
from octojobs.core.codec import NotDecodable, format_instant, parse_instant
from octojobs.core.expect import Check
from octojobs.core.rate_limit import MET
from octojobs.core.surrogates import mended
from octojobs.slotted import dataclass

OK, FAILED, UNVERIFIED, RATE_LIMITED, BLOCKED = "ok", "failed", "unverified", "rate_limited", "blocked"
EXIT_CODES = {OK: 0, FAILED: 1, UNVERIFIED: 65, RATE_LIMITED: MET, BLOCKED: 77}
"""What a run's process exits with: 65 is "wrong data", 75 "try again later", 77 "no permission" (sysexits.h), for `retries.exit_codes`."""

_MILLISECONDS_FROM = 1e11
_NO_NUMBER = 1 << 53
"""Beyond it, and below nothing, are no tokens and no dollars; NaN and Infinity, which Python's JSON knows, are neither."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a run: its status, in words why if it is not "ok", and what else is known. None is not known.

    `verdict` is what it was worth (`core/expect.py`), None where nothing was expected, or it was no success; `checks` is the evidence.
    """

    status: str
    error: str = ""
    text: str = ""
    model: str | None = None
    session: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    retry_at: str | None = None
    verdict: str | None = None
    checks: tuple[Check, ...] = ()


def judge(profile: Profile, told: Told, exit_code: int, stderr: str) -> Verdict:
    """The verdict. Success needs both: an exit code of 0, and (but for programs that print text) an event that says so.

    The last status tells whether it went well: a program may meet an error, try again and succeed. When it did not, the first
    error tells what it was; those that follow are mostly its consequences. Only when no event has told is prose searched.
    """
    status, error = _structured(profile, told, exit_code)
    if profile.output == "text" and (found := _in_prose(profile.prose, _text(told.fields), exit_code)):
        status, error = found  # whatever its exit code: a question that nobody answers mostly ends a program
    if status == FAILED and not told.first_error and (found := _worded(profile.stderr, stderr)):
        status, error = found[0], error or found[1]
    if status == FAILED and not error:
        error = _last_line(stderr) or f"it exited with code {exit_code}"
    fields = told.fields
    return Verdict(
        status,
        mended(error),
        mended(_text(fields)),
        _name(fields, "model"),
        _name(fields, "session"),
        _count(fields, "input_tokens"),
        _count(fields, "output_tokens"),
        _count(fields, "cached_tokens"),
        _number(fields, "cost_usd"),
        _instant(fields.get("retry_at")) if status == RATE_LIMITED else None,
    )


def _structured(profile: Profile, told: Told, exit_code: int) -> tuple[str, str]:
    if profile.output == "text":
        return (OK, "") if exit_code == 0 else (FAILED, "")
    if told.status == OK:
        return (OK, "") if exit_code == 0 else (FAILED, f"it exited with code {exit_code} after it had told of a success")
    if told.first_error:
        return (told.first_error if told.first_error in EXIT_CODES else FAILED), told.error
    torn = "; its last event is torn" if told.torn else ""
    return FAILED, f"it ended with exit code {exit_code} and has told of no result{torn}" if exit_code == 0 or told.torn else ""


def _in_prose(wordings: tuple[Wording, ...], prose: str, exit_code: int) -> tuple[str, str] | None:
    """The same for prose, None where none of its lines says anything and none has to: one with a wording of a success needs such a line."""
    told = [(wording.status, line.strip()) for line in prose.splitlines() if (wording := _wording(wordings, line)) is not None]
    errors = [found for found in told if found[0] != OK]
    if told and told[-1][0] == OK:
        return None
    if errors:
        return errors[0]
    needed = exit_code == 0 and any(wording.status == OK for wording in wordings)
    return (FAILED, "it ended with exit code 0 and has told of no success") if needed else None


def _wording(wordings: tuple[Wording, ...], line: str) -> Wording | None:
    """The first of the wordings that the line has."""
    return next((wording for wording in wordings if re.search(wording.match, line)), None)


def _worded(wordings: tuple[Wording, ...], prose: str) -> tuple[str, str] | None:
    """The status that the first line with one of the wordings stands for, and that line."""
    for line in prose.splitlines():
        if (wording := _wording(wordings, line)) is not None:
            return wording.status, line.strip()
    return None


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _text(fields: Mapping[str, Any]) -> str:
    text = fields.get("text")
    return text if isinstance(text, str) else ""


def _name(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return mended(value) if isinstance(value, str) and value else None


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value < _NO_NUMBER else None


def _count(fields: Mapping[str, Any], name: str) -> int | None:
    value = _number(fields, name)
    return None if value is None else int(value)


def _instant(value: Any) -> str | None:
    """RFC 3339 of what a program calls a time: seconds or milliseconds since 1970, or an instant already.

    >>> _instant(1795000000), _instant("2026-11-20T10:00:00+01:00"), _instant("soon")
    ('2026-11-18T11:06:40Z', '2026-11-20T09:00:00Z', None)
    """
    try:
        if isinstance(value, str):
            return format_instant(parse_instant(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
            return format_instant(datetime.fromtimestamp(seconds, UTC).replace(microsecond=0))
    except (NotDecodable, ValueError, OverflowError, OSError):
        return None
    return None
