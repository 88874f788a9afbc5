"""`queue_not_empty`: there is a task in a state."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.conditions.queue_args import counted, state_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.queues import Queue


def check_args(args: Args) -> list[str]:
    """`state` is a name."""
    return expect(args, ["state"]) + state_problems(args)


def judge(_: Args, queue: Queue, __: Moment) -> Verdict:
    """Whether anybody may take it is not asked."""
    return verdict(queue.tasks > 0, counted(queue))


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("queue", (args["state"],))


QUEUE_NOT_EMPTY = ConditionType("queue_not_empty", "there is a task in a state", check_args, _key, judge)
