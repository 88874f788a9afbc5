"""Instants and spans as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def absolute(at: datetime) -> str:
    """RFC 3339 in UTC, to the second: the form of the files and of run ids.

    >>> absolute(datetime(2026, 11, 20, 10, tzinfo=UTC))
    '2026-11-20T10:00:00Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def span(seconds: float) -> str:
    """A duration by its two largest units; short ones to two figures.

    >>> span(0.042), span(1.25), span(59), span(3700), span(90000)
    ('42 ms', '1.2 s', '59 s', '1 h 1 min', '1 d 1 h')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    left, parts = round(seconds), []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2])


def relative(at: datetime, now: datetime) -> str:
    """How far away an instant is.

    >>> from datetime import timedelta
    >>> noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    >>> relative(noon + timedelta(hours=2), noon), relative(noon - timedelta(minutes=3), noon), relative(noon, noon)
    ('in 2 h', '3 min ago', 'now')
    """
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    text = span(max(1, int(abs(seconds))))
    return f"in {text}" if seconds > 0 else f"{text} ago"
