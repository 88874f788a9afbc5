"""`between`: the job's wall clock stands between two times of day."""

from __future__ import annotations

import re

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.guards import Verdict

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")


def minutes(text: str) -> int:
    """Minutes since midnight; ValueError for what is no time of day.

    >>> minutes("06:30"), minutes("24:00")
    (390, 1440)
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text!r} is not a time of day such as 22:00")
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


def check_args(args: Args) -> list[str]:
    """`from` and `to` are times of day, and not the same one."""
    problems = expect(args, ["from", "to"])
    seen = set()
    for key in ("from", "to"):
        if key in args:
            try:
                seen.add(minutes(args[key]) % 1440)
            except (TypeError, ValueError):
                problems.append(f"{key}: {args[key]!r} is not a time of day such as 22:00")
    if len(seen) == 1 and "from" in args and "to" in args and not problems:
        problems.append("from and to are the same time: nobody knows whether that means always or never")
    return problems


def judge(args: Args, _: None, moment: Moment) -> Verdict:
    """`from` is inside, `to` is not; the span crosses midnight when `from` is later.

    The wall clock alone counts, so in an overlap the hour that comes twice is inside twice.
    """
    start, end = minutes(args["from"]), minutes(args["to"])
    at = moment.local.hour * 60 + moment.local.minute
    inside = start <= at < end if start < end else at >= start or at < end
    return verdict(inside, f"{moment.local:%H:%M} in {moment.timezone} is {'within' if inside else 'outside'} {args['from']}-{args['to']}")


BETWEEN = ConditionType("between", "the job's wall clock stands between two times of day", check_args, lambda *_: None, judge)
