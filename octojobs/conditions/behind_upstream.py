"""`behind_upstream`: a branch is at most so many commits behind the one that it follows."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_count, verdict
from octojobs.conditions.ref_args import ref_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey, one_line
from octojobs.facts.git import Upstream


def check_args(args: Args) -> list[str]:
    """`max` is a whole number; `branch` the full name of a branch, that of the main worktree without."""
    problems = expect(args, ["max"], ["branch"]) + ref_problems(args, "branch")
    return problems if is_count(args.get("max", 0)) else [*problems, "max: a whole number, 0 or more"]


def judge(args: Args, found: Upstream, moment: Moment) -> Verdict:
    """Octojobs never fetches: the answer is as old as the last fetch, which the evidence tells."""
    behind = found.distance.behind
    fetched = f" (fetched at {moment.show(found.fetched_at)})" if found.fetched_at is not None else ""
    words = f"{one_line(found.branch)} is {behind} commit{'' if behind == 1 else 's'} behind {one_line(found.upstream)}{fetched}"
    return verdict(behind <= args["max"], words if behind <= args["max"] else f"{words}, {args['max']} at most")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("upstream", (args.get("branch", ""),))


BEHIND_UPSTREAM = ConditionType("behind_upstream", "the branch is at most so far behind its upstream", check_args, _key, judge)
