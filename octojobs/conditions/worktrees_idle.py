"""`worktrees_idle`: nothing was changed in a linked worktree for a while, and no agent is seen in one."""

from __future__ import annotations

from octojobs.conditions.agents_seen import listed
from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_amount, unknown, verdict
from octojobs.core.durations import format_duration
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey, one_line
from octojobs.facts.idle import Idleness

MOST = 5  # of what could not be read, in one line of evidence


def check_args(args: Args) -> list[str]:
    """`for_s` is a number of seconds above 0."""
    problems = expect(args, ["for_s"])
    return problems if is_amount(args.get("for_s", 1)) else [*problems, "for_s: a duration above 0, such as 10m"]


def judge(args: Args, found: Idleness, moment: Moment) -> Verdict:
    """A change that lies ahead (the clock was set back) is one of just now."""
    if found.agents:
        return verdict(False, listed(found.agents, moment))
    last = max(found.touches, key=lambda touch: touch.at, default=None)
    wanted = format_duration(int(args["for_s"]))
    if last is not None and (ago_s := max(moment.seconds_since(last.at), 0.0)) < args["for_s"]:
        where = f"{one_line(last.what, 80)} in {one_line(last.worktree)}"
        return verdict(False, f"{where} changed at {moment.show(last.at)}, {format_duration(int(ago_s))} ago; {wanted} wanted")
    if found.unreadable:
        return unknown(f"can't tell what happens in worktrees: {'; '.join(found.unreadable[:MOST])}")
    if last is None:
        return verdict(True, "there is no linked worktree")
    return verdict(True, f"the last change was at {moment.show(last.at)} in {one_line(last.worktree)}, more than {wanted} ago")


WORKTREES_IDLE = ConditionType(
    "worktrees_idle", "nothing happens in linked worktrees for a while", check_args, lambda *_: FactKey("idleness"), judge
)
