"""`no_worktree_ahead`: no linked worktree has commits that a ref, HEAD of the main worktree without one, has not."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.conditions.ref_args import ref_problems
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey, one_line
from octojobs.facts.git import Ahead, short

MOST = 5  # worktrees named in one line of evidence; the rest are counted


def check_args(args: Args) -> list[str]:
    """`of` is a ref."""
    return expect(args, [], ["of"]) + ref_problems(args, "of")


def judge(args: Args, found: tuple[Ahead, ...], _: Moment) -> Verdict:
    """Commits count, not files: uncommitted work is no commit."""
    of = short(args.get("of", "HEAD"))
    if not found:
        return verdict(True, f"no linked worktree is ahead of {of}")
    named = [f"{one_line(one.path)}{f' ({one_line(one.branch)})' if one.branch else ''} by {one.commits}" for one in found[:MOST]]
    more = [f"and {len(found) - MOST} more"] if len(found) > MOST else []
    return verdict(False, f"ahead of {of}: {', '.join(named + more)}")


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("ahead", (args.get("of", "HEAD"),))


NO_WORKTREE_AHEAD = ConditionType("no_worktree_ahead", "no linked worktree has commits of its own", check_args, _key, judge)
