"""Whether what a job holds is free: the verdict that stands after those of its guards."""

from __future__ import annotations

import os

from octojobs.conditions.base import Moment
from octojobs.core.guards import Status, Verdict
from octojobs.core.job import Hold
from octojobs.core.lease import lease_of, shared
from octojobs.facts.fact import Fact, FactContext, FactKey, Unknown, one_line
from octojobs.facts.leases import Leases, Standing


def hold_key(hold: Hold) -> FactKey:
    """The fact that tells who is in the way."""
    return FactKey("leases_against", (hold.worktree, hold.branch, hold.name, *hold.paths))


def guard_text(hold: Hold) -> str:
    """How the verdict is called: `hold(branch main)`."""
    return f"hold({lease_of(hold).what})"


def judge_hold(hold: Hold, fact: Fact, moment: Moment, context: FactContext, run: str = "") -> Verdict:
    """Passed when nobody has it, or `run` itself; what can't be read may be in the way."""
    if isinstance(fact, Unknown):
        return Verdict(Status.UNKNOWN, fact.evidence, guard_text(hold))
    leases: Leases = fact.value
    for one in leases.standing:
        if one.holds and one.run != run:
            return Verdict(Status.FAILED, _in_words(hold, one, moment, context), guard_text(hold))
    if leases.unreadable:
        return Verdict(Status.UNKNOWN, f"can't tell who holds what: {leases.unreadable[0]}", guard_text(hold))
    return Verdict(Status.PASSED, f"nobody else holds {one_line(lease_of(hold).what, 120)}", guard_text(hold))


def _in_words(hold: Hold, one: Standing, moment: Moment, context: FactContext) -> str:
    """`branch main is held by nightly@20261120T020000Z, pid 48213, since 02:00`."""
    wanted, lease = lease_of(hold), one.lease
    if wanted.worktree and os.path.realpath(context.root / wanted.worktree) == lease.worktree:
        what = f"worktree {wanted.worktree}"
    else:
        what = shared(wanted, lease)
    parts = [f"{one_line(what, 120)} is held by {one_line(lease.holder, 120)}"]
    if lease.process is not None:
        parts.append(f"pid {lease.process.pid}")
    if lease.since is not None:
        parts.append(f"since {moment.show(lease.since)}")
    if lease.until is not None and lease.process is None:
        parts.append(f"until {moment.show(lease.until)}")
    return ", ".join(parts)
