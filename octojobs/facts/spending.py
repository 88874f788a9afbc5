"""The fact `spent`: what agents have used since an instant."""

from __future__ import annotations

from datetime import timedelta

from octojobs.core.codec import parse_instant
from octojobs.core.usage import Spent
from octojobs.facts.fact import FactContext, Unreadable


def since(args: tuple[str, ...], context: FactContext) -> tuple[Spent, ...]:
    """The attempts that ended at the instant or later. Unreadable where some may have been forgotten, or can't be read."""
    at, days = parse_instant(args[0]), context.settings.retention.days
    if context.now - at > timedelta(days=days):
        raise Unreadable(f"what was used is kept for {days} days: `retention: {{days: …}}` in octojobs.yaml")
    return context.once(f"spent {args[0]}", lambda: context.spent(at))
