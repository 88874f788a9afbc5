"""`worktree_clean`: the main worktree has no uncommitted change and no untracked file."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey


def judge(_: Args, dirty: bool, __: Moment) -> Verdict:
    """As `git status` says "working tree clean": untracked files count, ignored ones don't."""
    if dirty:
        return verdict(False, "the main worktree has uncommitted or untracked files")
    return verdict(True, "the main worktree is clean")


WORKTREE_CLEAN = ConditionType(
    "worktree_clean", "the main worktree has no uncommitted change and no untracked file", no_args, lambda *_: FactKey("dirty"), judge
)
