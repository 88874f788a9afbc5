"""`branch_merged`: every commit of a branch is in the ref that it was to be merged into, or one that has them all in one."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.conditions.ref_args import ref_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.git import SHORT, Merged, short


def check_args(args: Args) -> list[str]:
    """`branch` and `into` are refs."""
    return expect(args, ["branch", "into"]) + ref_problems(args, "branch", "into")


def judge(args: Args, found: Merged, _: Moment) -> Verdict:
    """A branch that was squashed is merged, though it has commits of its own still."""
    branch, into = short(args["branch"]), short(args["into"])
    if not found.ahead:
        return verdict(True, f"all of {branch} is in {into}")
    if found.squashed:
        return verdict(True, f"{branch} was squashed into {found.squashed[:SHORT]} of {into}")
    return verdict(False, f"{branch} has {found.ahead} commit{'' if found.ahead == 1 else 's'} that {into} has not")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("merged", (args["branch"], args["into"]))


BRANCH_MERGED = ConditionType("branch_merged", "all that the branch changed is in the other", check_args, _key, judge)
