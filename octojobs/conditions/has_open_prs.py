"""`has_open_prs`: there are open pull requests on GitHub."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, no_args, verdict
from octojobs.conditions.github_words import as_of, counted
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.pull_requests import PullRequests


def judge(_: Args, found: PullRequests, moment: Moment) -> Verdict:
    """Drafts count."""
    words = counted(found.open, found.open, "open") if found.open else "no pull request is open"
    return verdict(bool(found.open), words + as_of(found.at, moment))


HAS_OPEN_PRS = ConditionType("has_open_prs", "there are open pull requests", no_args, lambda *_: FactKey("pull_requests"), judge)
