"""`budget_left` holds while agents have used less than they may; what can't be told is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.conditions.judging import judge_jobs
from octojobs.conditions.registry import get
from octojobs.core.definitions import Retention, Settings
from octojobs.core.guards import Condition, Status
from octojobs.core.identity import JobId
from octojobs.core.job import AgentAction, Job
from octojobs.core.run import Usage
from octojobs.core.usage import Spent
from octojobs.core.when import ManualWhen
from octojobs.facts.fact import Unreadable
from tests.core.oracle import at
from tests.facts.world import context_of

NOON = at("2026-11-20T12:00Z")
ALL = (
    Spent(
        "ask@20260101T000000Z", 1, JobId("ask"), NOON, Usage("mine", "", input_tokens=900, output_tokens=100, cost_usd=1.5), succeeded=True
    ),
    Spent("ask@20260101T000000Z", 2, JobId("ask"), NOON, Usage("mine", "")),
    Spent("other@20260101T000000Z", 1, JobId("other"), NOON, Usage("mine", "", input_tokens=1, cost_usd=2.0), succeeded=True),
    Spent("third@20260101T000000Z", 1, JobId("third"), NOON, Usage("codex", "", input_tokens=5), succeeded=True),
)


def judged(
    repo: Path, spent: Sequence[Spent] = ALL, now: datetime = NOON, zone: str = "UTC", days: int = 90, **args: Any
) -> tuple[Status, str]:
    """What a job `ask` of the agent `mine` is told at noon; `spent` is asked for what ended since an instant."""
    asked: list[datetime] = []

    def since(instant: datetime) -> tuple[Spent, ...]:
        asked.append(instant)
        return tuple(one for one in spent if one.at >= instant)

    guard = Condition("budget_left", {"of": "job", "per": "day", **args})
    job = Job(JobId("ask"), ManualWhen(), AgentAction("x", agent="mine"), conditions=(guard,), timezone=zone)
    context = context_of(repo, at=now, spent=since, settings=Settings(retention=Retention(days=days)))
    verdict = judge_jobs([job], context)[job.id][0]
    return verdict.status, verdict.evidence


@pytest.mark.parametrize(
    ("args", "status", "evidence"),
    [
        ({"usd": 5}, Status.PASSED, "ask has used 1.50 of 5.00 USD since 00:00; 1 that did not succeed told nothing"),
        ({"usd": 1.5}, Status.FAILED, "ask has used 1.50 of 1.50 USD since 00:00; it comes back at 2026-11-21 00:00"),
        ({"tokens": 1001}, Status.PASSED, "ask has used 1,000 of 1,001 tokens since 00:00; 1 that did not succeed told nothing"),
        ({"tokens": 1000}, Status.FAILED, "ask has used 1,000 of 1,000 tokens since 00:00; it comes back at 2026-11-21 00:00"),
        ({"usd": 3.5, "of": "agent"}, Status.FAILED, "agent mine has used 3.50 of 3.50 USD since 00:00; it comes back at 2026-11-21 00:00"),
        (
            {"usd": 5, "tokens": 9, "of": "agent"},
            Status.FAILED,
            "agent mine has used 1,001 of 9 tokens since 00:00; it comes back at 2026-11-21 00:00",
        ),
        (
            {"tokens": 1006, "of": "all"},
            Status.FAILED,
            "all agents have used 1,006 of 1,006 tokens since 00:00; it comes back at 2026-11-21 00:00",
        ),
        ({"usd": 2, "of": "all"}, Status.FAILED, "all agents have used 3.50 of 2.00 USD since 00:00; it comes back at 2026-11-21 00:00"),
    ],
)
def test_what_is_used_up_is_a_limit(repo: Path, args: dict[str, Any], status: Status, evidence: str) -> None:
    """Of the job, of its agent in all jobs, or of all agents; with both amounts both must be left."""
    assert judged(repo, **args) == (status, evidence)


def test_a_program_that_does_not_tell_what_is_counted_may_have_used_any(repo: Path) -> None:
    """Codex tells tokens and no dollars: a budget in dollars can't be kept, one in tokens can."""
    words = "all agents have used 3.50 of 9.00 USD since 00:00; third@20260101T000000Z (codex) did not tell what it used"
    assert judged(repo, usd=9, of="all") == (Status.UNKNOWN, words)
    assert judged(repo, tokens=5000, of="all")[0] is Status.PASSED


@pytest.mark.parametrize(
    ("zone", "per", "shown", "counts"),
    [("UTC", "day", "00:00", True), ("Asia/Tokyo", "day", "00:00", False), ("Asia/Tokyo", "month", "2026-11-01 00:00", True)],
)
def test_a_day_begins_at_midnight_of_the_jobs_zone(repo: Path, zone: str, per: str, shown: str, counts: bool) -> None:
    """What ended at noon was yesterday in Tokyo four hours later; it was this month."""
    status, words = judged(repo, now=at("2026-11-20T16:00Z"), zone=zone, per=per, usd=1)
    assert (status is Status.FAILED) is counts
    assert f"since {shown}" in words


def test_what_may_have_been_forgotten_is_unknown(repo: Path) -> None:
    """A month is longer than a week."""
    words = "what was used is kept for 7 days: `retention: {days: …}` in octojobs.yaml"
    assert judged(repo, usd=5, per="month", days=7) == (Status.UNKNOWN, words)


def test_what_cannot_be_read_is_unknown(repo: Path) -> None:
    """So a job with a budget does not start, unless it says `on_unknown: run`."""

    def unread(_: datetime) -> tuple[Spent, ...]:
        raise Unreadable("history/2026-11-20.jsonl: 1 line is not as written")

    guard = Condition("budget_left", {"usd": 5})
    job = Job(JobId("ask"), ManualWhen(), AgentAction("x"), conditions=(guard,))
    verdict = judge_jobs([job], context_of(repo, spent=unread))[job.id][0]
    assert (verdict.status, verdict.evidence) == (Status.UNKNOWN, "history/2026-11-20.jsonl: 1 line is not as written")


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"usd": 5, "tokens": 7, "of": "all", "per": "month"}, []),
        ({}, ["usd or tokens is missing"]),
        ({"usd": 0}, ["usd: an amount above 0, such as 5"]),
        ({"tokens": 1.5}, ["tokens: a whole number, 1 or more"]),
        ({"usd": 1, "of": "me", "per": "year"}, ["of: one of job, agent, all", "per: one of day, month"]),
        ({"eur": 1}, ["eur: there is no such argument; use usd, tokens, of, per", "usd or tokens is missing"]),
    ],
)
def test_arguments_are_checked_again_where_they_are_judged(args: dict[str, Any], problems: list[str]) -> None:
    """A run carries the definition that it was claimed with."""
    kind = get("budget_left")
    assert kind is not None
    assert kind.check_args(args) == problems
