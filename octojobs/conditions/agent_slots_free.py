"""`agent_slots_free`: the pool of agents has room for one more, or for several."""

from __future__ import annotations

from octojobs.conditions.agents_seen import MOST, listed
from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_count, unknown, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.slots import Slots


def check_args(args: Args) -> list[str]:
    """`min` is a whole number, 1 or more."""
    problems = expect(args, ["min"])
    return problems if is_count(args.get("min", 1), 1) else [*problems, "min: a whole number, 1 or more"]


def judge(args: Args, slots: Slots, moment: Moment) -> Verdict:
    """Our own runs in the pool and every agent that is seen take a place each; an agent that can't be seen may take the last."""
    taken = len(slots.ours) + len(slots.agents.running)
    named = "; ".join([*slots.ours, *([listed(slots.agents.running, moment)] if slots.agents.running else [])])
    words = f"{taken} of {slots.size} places taken{f': {named}' if named else ''}"
    if slots.size - taken < args["min"]:
        return verdict(False, words)
    if slots.agents.unreadable:
        return unknown(f"{words}; can't tell whether more: {'; '.join(slots.agents.unreadable[:MOST])}")
    return verdict(True, words)


AGENT_SLOTS_FREE = ConditionType("agent_slots_free", "the pool of agents has room", check_args, lambda *_: FactKey("slots"), judge)
