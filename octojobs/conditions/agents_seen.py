"""Words that the two guards about agents share."""

from __future__ import annotations

from collections.abc import Sequence

from octojobs.conditions.base import Moment
from octojobs.core.guards import Status, Verdict
from octojobs.facts.agents import Agents, describe
from octojobs.facts.fact import FactKey
from octojobs.facts.sightings import Agent

AGENTS = FactKey("agents")
MOST = 5  # agents named in one line of evidence; the rest are counted


def listed(agents: Sequence[Agent], moment: Moment) -> str:
    """The agents in words, the first five by name: `implementer-1, pid 48213, task 7e0e8c52, since 13:40; and 3 more`."""
    named = [describe(agent, moment.show) for agent in agents[:MOST]]
    more = [f"and {len(agents) - MOST} more"] if len(agents) > MOST else []
    return "; ".join(named + more)


def none_seen(agents: Agents) -> Verdict:
    """The verdict where nothing was found: unknown when a place could not be read, else passed."""
    if agents.unreadable:
        return Verdict(Status.UNKNOWN, f"can't tell whether an agent runs: {'; '.join(agents.unreadable[:MOST])}")
    return Verdict(Status.PASSED, f"no agent seen in {len(agents.places)} places: {', '.join(agents.places)}")
