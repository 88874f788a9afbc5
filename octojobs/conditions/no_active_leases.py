"""`no_active_leases`: nobody holds a lease of octojobs."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, no_args
from octojobs.conditions.leases_seen import none_holds
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.leases import Leases


def judge(_: Args, leases: Leases, moment: Moment) -> Verdict:
    """Those of our own runs count, too."""
    return none_holds(leases, moment, "nobody holds a lease")


NO_ACTIVE_LEASES = ConditionType("no_active_leases", "nobody holds a lease", no_args, lambda *_: FactKey("leases"), judge)
