"""`ref_changed`: a ref stands for another commit than when the job last succeeded, or than another ref does."""

from __future__ import annotations

from octojobs.commits import Refs
from octojobs.conditions.base import Args, ConditionType, Moment, unknown
from octojobs.conditions.ref_args import before, since_problems
from octojobs.core.guards import Status, Verdict
from octojobs.facts.fact import FactKey, Unreadable
from octojobs.facts.git import SHORT, commit_of


def judge(args: Args, refs: Refs, moment: Moment) -> Verdict:
    """A ref that no successful run has looked at yet counts as changed."""
    ref = args["ref"]
    other, known = before(args, moment)
    try:
        commit = commit_of(refs, ref)
        known = commit_of(refs, other) if other else known
    except Unreadable as error:
        return unknown(str(error))
    return Verdict(Status.FAILED if known == commit else Status.PASSED, _words(ref, commit, other, known), seen={ref: commit})


def _words(ref: str, commit: str, other: str, known: str) -> str:
    now, then = commit[:SHORT], known[:SHORT]
    if other:
        return f"{ref} and {other} are both at {now}" if known == commit else f"{ref} is at {now}, {other} at {then}"
    if not known:
        return f"{ref} is at {now}, and no successful run has looked at it yet"
    return f"{ref} is at {now}, as at the last success" if known == commit else f"{ref} went from {then} to {now} since the last success"


REF_CHANGED = ConditionType("ref_changed", "the ref stands for another commit", since_problems, lambda *_: FactKey("refs"), judge)
