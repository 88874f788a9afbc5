"""`queue_below`: there are fewer tasks than that in a state."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_count, verdict
from octojobs.conditions.queue_args import counted, state_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.queues import Queue


def check_args(args: Args) -> list[str]:
    """`state` is a name, `max` a whole number above 0."""
    problems = expect(args, ["state", "max"]) + state_problems(args)
    return problems if is_count(args.get("max", 1), 1) else [*problems, "max: a whole number, 1 or more"]


def judge(args: Args, queue: Queue, _: Moment) -> Verdict:
    """With `max` tasks it is full."""
    return verdict(queue.tasks < args["max"], f"{counted(queue)}, fewer than {args['max']} wanted")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("queue", (args["state"],))


QUEUE_BELOW = ConditionType("queue_below", "there are fewer tasks than that in a state", check_args, _key, judge)
