"""`has_stale_prs`: known by name, so that definitions which use it load; this version can't tell."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment
from octojobs.core.guards import Status, Verdict


def judge(_: Args, __: None, ___: Moment) -> Verdict:
    """Always unknown: the job is skipped, or run with `on_unknown: run`, and its record says why."""
    return Verdict(Status.UNKNOWN, "has_stale_prs is not supported by this version")


HAS_STALE_PRS = ConditionType(
    "has_stale_prs", "there are pull requests that wait for long (not supported by this version)", lambda _: [], lambda *_: None, judge
)
