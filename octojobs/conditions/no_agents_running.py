"""`no_agents_running`: no agent is at work in this repository."""

from __future__ import annotations

from octojobs.conditions.agents_seen import AGENTS, listed, none_seen
from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.agents import Agents


def judge(_: Args, agents: Agents, moment: Moment) -> Verdict:
    """Failed as soon as one agent is seen, whatever else can't be read."""
    return verdict(False, listed(agents.running, moment)) if agents.running else none_seen(agents)


NO_AGENTS_RUNNING = ConditionType("no_agents_running", "no agent is at work in this repository", no_args, lambda *_: AGENTS, judge)
