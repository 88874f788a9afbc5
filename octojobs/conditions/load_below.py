"""`load_below`: the load average of the last minute is below a number, or below one for each core."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, is_amount, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.machine import Load


def check_args(args: Args) -> list[str]:
    """One of `load` and `per_core`, a number above 0."""
    if set(args) not in ({"load"}, {"per_core"}):
        return ["one of load and per_core, and nothing else"]
    return [f"{key}: a number above 0" for key, value in args.items() if not is_amount(value)]


def judge(args: Args, found: Load, _: Moment) -> Verdict:
    """The cores are those that octojobs may use."""
    if "load" in args:
        return verdict(found.load < args["load"], f"the load is {found.load:.2f}, below {args['load']:g} wanted")
    each = found.load / found.cores
    cores = f"{found.cores} core{'' if found.cores == 1 else 's'}"
    return verdict(each < args["per_core"], f"the load is {found.load:.2f} on {cores}, {each:.2f} each, below {args['per_core']:g} wanted")


LOAD_BELOW = ConditionType("load_below", "the machine has less to do than that", check_args, lambda *_: FactKey("load"), judge)
