"""`agents_quiescent`: no agent is at work, and the results of those that ended have been taken in."""

from __future__ import annotations

from octojobs.conditions.agents_seen import AGENTS, listed, none_seen
from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.agents import Agents


def judge(_: Args, agents: Agents, moment: Moment) -> Verdict:
    """Failed for an agent at work, and for one that ended while its record still stands."""
    if agents.running:
        return verdict(False, listed(agents.running, moment))
    if agents.unhandled:
        return verdict(False, f"ended, the result not taken in yet: {listed(agents.unhandled, moment)}")
    return none_seen(agents)


AGENTS_QUIESCENT = ConditionType(
    "agents_quiescent", "no agent is at work, and no result of one waits to be taken in", no_args, lambda *_: AGENTS, judge
)
