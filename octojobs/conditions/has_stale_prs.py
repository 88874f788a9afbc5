"""`has_stale_prs`: there are open pull requests on GitHub that nobody has touched for a while."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_amount, verdict
from octojobs.conditions.github_words import as_of, counted
from octojobs.core.durations import format_duration
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.pull_requests import PullRequests

DAY_S = 86_400


def check_args(args: Args) -> list[str]:
    """`older_than_s` is a number of seconds above 0; a day without."""
    problems = expect(args, [], ["older_than_s"])
    return problems if is_amount(args.get("older_than_s", DAY_S)) else [*problems, "older_than_s: a duration above 0, such as 24h"]


def judge(args: Args, found: PullRequests, moment: Moment) -> Verdict:
    """A draft waits for its author: it is never stale."""
    limit_s = args.get("older_than_s", DAY_S)
    stale = [one for one in found.open if not one.draft and moment.seconds_since(one.updated_at) > limit_s]
    wanted = format_duration(int(limit_s))
    if not stale:
        return verdict(False, f"no open pull request was left alone for {wanted}, of {len(found.open)}{as_of(found.at, moment)}")
    stale.sort(key=lambda one: one.updated_at)
    return verdict(True, f"{counted(stale, found.open, 'stale')}; left alone for {wanted}{as_of(found.at, moment)}")


HAS_STALE_PRS = ConditionType(
    "has_stale_prs", "there are pull requests that wait for long", check_args, lambda *_: FactKey("pull_requests"), judge
)
