"""The fact `slots`: how many agents may work here at a time, and who does."""

from __future__ import annotations

from datetime import UTC, datetime

from octojobs.core.admit import Others
from octojobs.core.definitions import AGENTS_POOL
from octojobs.facts import agents
from octojobs.facts.agents import Agents, describe
from octojobs.facts.fact import FactContext
from octojobs.slotted import dataclass

MOST = 5


@dataclass(frozen=True, slots=True)
class Slots:
    """`size` of the pool, the runs of `ours` that take room in it, and the agents of others."""

    size: int
    ours: tuple[str, ...]
    agents: Agents


def slots(context: FactContext) -> Slots:
    """The pool has a size in any case: one, where nobody says."""
    return Slots(context.settings.pool_sizes[AGENTS_POOL], context.slots.get(AGENTS_POOL, ()), _seen(context))


def others(context: FactContext) -> Others:
    """The agents of others, as they count against the pool: as many as are seen; where one may be unseen, nobody can tell."""
    seen = _seen(context)
    if seen.unreadable:
        return Others(None, f"can't tell who else is at work here: {'; '.join(seen.unreadable[:MOST])}")
    named = [describe(agent, _instant) for agent in seen.running[:MOST]]
    more = [f"and {len(seen.running) - MOST} more"] if len(seen.running) > MOST else []
    return Others(len(seen.running), "; ".join(named + more))


def _seen(context: FactContext) -> Agents:
    return context.once("agents", lambda: agents.gather(context))


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
