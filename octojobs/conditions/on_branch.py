"""`on_branch`: the main worktree is on one of the branches."""

from __future__ import annotations

from fnmatch import fnmatchcase

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.repository import Head


def check_args(args: Args) -> list[str]:
    """`branches` is a list of names and globs, at least one."""
    problems = expect(args, ["branches"])
    branches = args.get("branches", ["main"])
    if not isinstance(branches, (list, tuple)) or not branches or not all(isinstance(one, str) and one for one in branches):
        problems.append("branches: a list of branch names or globs, at least one")
    return problems


def judge(args: Args, head: Head, _: Moment) -> Verdict:
    """A detached HEAD is on no branch; `*` of a glob matches a slash too, so `release/*` holds on `release/1/fix`."""
    wanted = ", ".join(args["branches"])
    if head.branch is None:
        return verdict(False, f"HEAD is detached at {(head.commit or '')[:12]}, not on {wanted}")
    if any(fnmatchcase(head.branch, pattern) for pattern in args["branches"]):
        return verdict(True, f"on {head.branch}")
    return verdict(False, f"on {head.branch}, not on {wanted}")


ON_BRANCH = ConditionType("on_branch", "the main worktree is on one of the branches", check_args, lambda *_: FactKey("head"), judge)
