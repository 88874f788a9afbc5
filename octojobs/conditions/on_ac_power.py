"""`on_ac_power`: the machine does not run on its battery."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.machine import Told


def judge(_: Args, power: Told, __: Moment) -> Verdict:
    """A machine without a battery is never on it."""
    return verdict(power.holds, power.words)


ON_AC_POWER = ConditionType("on_ac_power", "the machine does not run on its battery", no_args, lambda *_: FactKey("power"), judge)
