"""The JSON forms that all views share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from octojobs.core.durations import format_duration
from octojobs.core.guards import Verdict
from octojobs.core.ledger import Pause

View = dict[str, Any]
"""A JSON object: strings, numbers, booleans, None, lists and views."""


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second; None stays None.

    >>> instant(datetime(2026, 11, 20, 10, tzinfo=UTC))
    '2026-11-20T10:00:00Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at is not None else None


def duration(seconds: float | None) -> str | None:
    """As it is written in YAML; None stays None."""
    return format_duration(seconds) if seconds is not None else None


def quiet_view(quiet: tuple[int, int] | None) -> View | None:
    """`from` and `to` of quiet hours, as times of day; None for none.

    >>> quiet_view((0, 420))
    {'from': '00:00', 'to': '07:00'}
    """
    return None if quiet is None else {key: f"{at // 60:02}:{at % 60:02}" for key, at in zip(("from", "to"), quiet, strict=True)}


def verdict_views(verdicts: Iterable[Verdict]) -> list[View]:
    """`guard`, `status` (passed, failed, unknown) and `evidence` of each."""
    return [{"guard": verdict.guard, "status": verdict.status.value, "evidence": verdict.evidence} for verdict in verdicts]


def pause_view(pause: Pause | None) -> View | None:
    """`since`, `until` (None: until resumed) and `reason`."""
    if pause is None:
        return None
    return {"since": instant(pause.since), "until": instant(pause.until), "reason": pause.reason}
