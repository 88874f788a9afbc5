"""`agent_worktrees`: agents have at most so many worktrees."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_count, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey, one_line

MOST = 5  # worktrees named in one line of evidence; the rest are counted


def check_args(args: Args) -> list[str]:
    """`max` is a whole number."""
    problems = expect(args, ["max"])
    return problems if is_count(args.get("max", 0)) else [*problems, "max: a whole number, 0 or more"]


def judge(args: Args, found: tuple[str, ...], _: Moment) -> Verdict:
    """In use or not: a worktree that nobody works in takes its room, too."""
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    named = f": {', '.join([*map(one_line, found[:MOST]), *more])}" if found else ""
    return verdict(len(found) <= args["max"], f"{len(found)} of at most {args['max']} worktrees of agents{named}")


AGENT_WORKTREES = ConditionType(
    "agent_worktrees", "agents have at most so many worktrees", check_args, lambda *_: FactKey("agent_worktrees"), judge
)
