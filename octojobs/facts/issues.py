"""The open issues on GitHub that have a label: what strangers wrote, cut to a length and never taken for more than data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from octojobs.facts.fact import FactContext
from octojobs.facts.github import ask, listed, project_of
from octojobs.slotted import dataclass

MOST = 50
"""Issues that are asked for, the newest first: all of them are kept as one answer."""
LONGEST_TITLE, LONGEST_BODY = 300, 4000


@dataclass(frozen=True, slots=True)
class Issue:
    """One that is open; its texts are as they were written, but for their length."""

    number: int
    title: str
    body: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class Issues:
    """The open ones, the newest first, of which repository (`host/owner/name`), and when GitHub said so."""

    open: tuple[Issue, ...]
    project: str
    at: datetime


def issues(label: str, context: FactContext) -> Issues:
    """At most 50 of them. Raises Unreadable with the reason."""
    project = str(project_of(context))
    arguments = ["issue", "list", "--repo", project, "--state", "open", f"--label={label}", "--limit", str(MOST)]
    answered = ask(f"open issues labelled {label}", [*arguments, "--json", "number,title,body,author,url"], _reduced, context)
    return Issues(tuple(Issue(*one) for one in answered.value), project, answered.at)


def _reduced(said: Any) -> list[tuple[int, str, str, str, str]]:
    return [
        (
            int(one["number"]),
            str(one["title"])[:LONGEST_TITLE],
            str(one["body"] or "")[:LONGEST_BODY],
            str((one["author"] or {}).get("login", "")),
            str(one["url"]),
        )
        for one in listed(said)
    ]
