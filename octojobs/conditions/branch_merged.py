"""`branch_merged`: every commit of a branch is in the ref that it was to be merged into."""

from __future__ import annotations

from octojobs.commits import Distance
from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.conditions.ref_args import ref_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.git import short


def check_args(args: Args) -> list[str]:
    """`branch` and `into` are refs."""
    return expect(args, ["branch", "into"]) + ref_problems(args, "branch", "into")


def judge(args: Args, distance: Distance, _: Moment) -> Verdict:
    """A branch that was squashed has its own commits still: it is not merged."""
    branch, into = short(args["branch"]), short(args["into"])
    if not distance.ahead:
        return verdict(True, f"all of {branch} is in {into}")
    return verdict(False, f"{branch} has {distance.ahead} commit{'' if distance.ahead == 1 else 's'} that {into} has not")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("merged", (args["branch"], args["into"]))


BRANCH_MERGED = ConditionType("branch_merged", "every commit of the branch is in the other", check_args, _key, judge)
