"""`lease_free`: nobody holds a lease on one task, name, branch or worktree."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment
from octojobs.conditions.leases_seen import none_holds
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.leases import Leases

KINDS = ("task", "name", "branch", "worktree")


def check_args(args: Args) -> list[str]:
    """One of task, name, branch (in full) and worktree, a text."""
    if len(args) != 1 or next(iter(args)) not in KINDS:
        return [f"one of {', '.join(KINDS)}, and nothing else"]
    ((kind, wanted),) = args.items()
    return [] if isinstance(wanted, str) and wanted else [f"{kind}: a text"]


def judge(args: Args, leases: Leases, moment: Moment) -> Verdict:
    """A lease that can't be read may be the one."""
    ((kind, wanted),) = args.items()
    return none_holds(leases, moment, f"nobody holds {kind} {wanted.removeprefix('refs/heads/')}")


def _key(args: Args, _: Moment) -> FactKey:
    ((kind, wanted),) = args.items()
    return FactKey("leases_on", (kind, wanted))


LEASE_FREE = ConditionType("lease_free", "nobody holds a lease on it", check_args, _key, judge)
