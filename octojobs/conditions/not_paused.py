"""`not_paused`: octopoid is not paused in this repository."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey


def judge(_: Args, paused_by: str, __: Moment) -> Verdict:
    """The evidence names what pauses."""
    return verdict(not paused_by, f"paused by {paused_by}" if paused_by else "nothing is paused")


NOT_PAUSED = ConditionType("not_paused", "octopoid is not paused in this repository", no_args, lambda *_: FactKey("paused"), judge)
