"""`quiet_for`: nobody has done anything here for a while."""

from __future__ import annotations

from datetime import datetime

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.durations import format_duration
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey


def check_args(args: Args) -> list[str]:
    """`duration_s` is a number of seconds above 0."""
    problems = expect(args, ["duration_s"])
    duration = args.get("duration_s", 1)
    if isinstance(duration, bool) or not isinstance(duration, (int, float)) or duration <= 0:
        problems.append("duration_s: a duration above 0, such as 10m")
    return problems


def judge(args: Args, last: datetime, moment: Moment) -> Verdict:
    """An activity that lies ahead (the clock was set back) is one of just now."""
    quiet_s = max(moment.seconds_since(last), 0.0)
    wanted = format_duration(int(args["duration_s"]))
    if quiet_s >= args["duration_s"]:
        return verdict(True, f"last activity at {moment.show(last)}, more than {wanted} ago")
    return verdict(False, f"last activity at {moment.show(last)}, {format_duration(int(quiet_s))} ago; {wanted} wanted")


QUIET_FOR = ConditionType("quiet_for", "nobody has done anything here for a while", check_args, lambda *_: FactKey("activity"), judge)
