"""The fact `slots`: how many agents may work here at a time, and who does."""

from __future__ import annotations

from dataclasses import dataclass

from octojobs.facts import agents
from octojobs.facts.agents import Agents
from octojobs.facts.fact import FactContext, Unreadable

POOL = "agents"


@dataclass(frozen=True, slots=True)
class Slots:
    """`size` of the pool, the runs of `ours` that take room in it, and the agents of others."""

    size: int
    ours: tuple[str, ...]
    agents: Agents


def slots(context: FactContext) -> Slots:
    """Unreadable where nobody has said how large the pool is."""
    size = context.settings.pools.get(POOL)
    if size is None:
        raise Unreadable(f"octojobs.yaml does not say how many: `pools: {{{POOL}: 3}}`")
    return Slots(size, context.slots.get(POOL, ()), context.once("agents", lambda: agents.gather(context)))
