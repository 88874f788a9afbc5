"""The fact `pull_requests`: those that are open on GitHub."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from octojobs.core.codec import parse_instant
from octojobs.facts.fact import FactContext
from octojobs.facts.github import ask, listed, project_of
from octojobs.slotted import dataclass

MOST = 200
"""Open pull requests that are asked for, the newest first."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One that is open; `updated_at` is its last activity, aware UTC."""

    number: int
    title: str
    updated_at: datetime
    draft: bool


@dataclass(frozen=True, slots=True)
class PullRequests:
    """The open ones, the newest first, and when GitHub said so."""

    open: tuple[PullRequest, ...]
    at: datetime


def pull_requests(_: tuple[str, ...], context: FactContext) -> PullRequests:
    """At most 200 of them."""
    arguments = ["pr", "list", "--repo", str(project_of(context)), "--state", "open", "--limit", str(MOST)]
    answered = ask("open pull requests", [*arguments, "--json", "number,title,updatedAt,isDraft"], _reduced, context)
    found = tuple(PullRequest(number, title, parse_instant(at), draft) for number, title, at, draft in answered.value)
    return PullRequests(found, answered.at)


def _reduced(said: Any) -> list[tuple[int, str, str, bool]]:
    for one in listed(said):
        parse_instant(one["updatedAt"])
    return [(int(one["number"]), str(one["title"]), one["updatedAt"], bool(one["isDraft"])) for one in said]


def heads(commit: str, context: FactContext) -> tuple[tuple[int, str], ...]:
    """Number and head commit of those that are open, asked for the sake of `commit`: an answer from before it was made is none."""
    arguments = ["pr", "list", "--repo", str(project_of(context)), "--state", "open", "--limit", str(MOST)]
    answered = ask(f"heads at {commit}", [*arguments, "--json", "number,headRefOid"], _reduced_heads, context)
    return tuple((number, head) for number, head in answered.value)


def _reduced_heads(said: Any) -> list[tuple[int, str]]:
    return [(int(one["number"]), str(one["headRefOid"])) for one in listed(said)]
