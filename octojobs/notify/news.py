"""What a row of history is to whom: the messages that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from octojobs.core.budget import SpentBudget, spent
from octojobs.core.codec import parse_instant
from octojobs.core.identity import RunId
from octojobs.core.job import Job, WhenBlocked
from octojobs.core.notices import HAS_RESULT, STILL_EVERY, Notice, Streak, kept_waiting, late_at, notices
from octojobs.core.run import Outcome
from octojobs.notify.message import OUTPUT, late_message, message_of, result_of
from octojobs.store.paths import StatePaths

News = tuple[str, str, Mapping[str, Any]]
"""A message's id, the channel as the job writes it, and the message."""


def news(row: Mapping[str, Any], streak: Streak, job: Job | None, paths: StatePaths) -> tuple[Streak, list[News]]:
    """The streak after the row, and what is told of it by the job's definition in force; None where there is none."""
    outcome, at, due = Outcome(row["outcome"]), parse_instant(row["at"]), parse_instant(row["scheduled_at"])
    streak, told = notices(streak, outcome, at)
    made: list[News] = []
    if outcome is Outcome.SKIPPED and any(verdict["status"] != "passed" for verdict in row["conditions"]):
        streak = kept_waiting(streak, parse_instant(row["first_scheduled_at"] or row["scheduled_at"]))
        if job is not None and job.notify.channels:
            streak, made = _skipped(row, streak, job, due, at)
    if job is None:
        return streak, []
    if job.output and outcome in HAS_RESULT:
        made.append((f"{row['id']}/{OUTPUT}/{job.output}", job.output, result_of(row, streak.failures, paths)))
    for notice in told:
        if job.notify.channels and notice.value in job.notify.on:
            message = message_of(row, notice, streak.failures, paths)
            made += [(f"{row['id']}/{notice.value}/{channel}", channel, message) for channel in job.notify.channels]
    return streak, made


def _skipped(row: Mapping[str, Any], streak: Streak, job: Job, due: datetime, at: datetime) -> tuple[Streak, list[News]]:
    """The streak, and what is told of a run that never started for its guards.

    One that waited for a budget was told of while it did: its guards said so before now, and maybe of another day's.
    """
    failed = {verdict["guard"]: verdict["evidence"] for verdict in row["conditions"] if verdict["status"] == "failed"}
    budget = spent(job.conditions, failed, at, job.timezone)
    if budget is not None and Notice.BUDGET in job.notify.on and job.when_blocked is WhenBlocked.WAIT:
        return streak, []
    streak, made, _ = late_news(streak, job, RunId(row["id"]), due, row["reason"], at, blocked=True, budget=budget)
    return streak, made


def late_news(
    streak: Streak,
    job: Job,
    run: RunId,
    due: datetime,
    why: str,
    now: datetime,
    *,
    blocked: bool,
    budget: SpentBudget | None = None,
) -> tuple[Streak, list[News], datetime | None]:
    """The streak, what is told of a run that is due and does not start, and when there is more to tell of it; None for never.

    A `budget` that is spent is told at once, and once until it comes back: no waiting for it helps before.
    """
    if budget is not None and Notice.BUDGET in job.notify.on:
        if budget.until == streak.budget_until:
            return streak, [], None
        message = late_message(job.id, run, min(due, streak.waits_since or due), due, budget.words, now, Notice.BUDGET)
        return replace(streak, budget_until=budget.until), _to_each(job, run, message), None
    notice = Notice.BLOCKED if blocked and Notice.BLOCKED in job.notify.on else Notice.OVERDUE
    if notice not in job.notify.on:
        return streak, [], None
    if streak.wait_told_at is not None and streak.wait_told_at - now >= STILL_EVERY:
        streak = replace(streak, wait_told_at=None)  # the clock was set back: nobody waits until then
    after = timedelta(seconds=job.notify.after_s)
    at = late_at(streak, due, after)
    if at > now:
        return streak, [], at
    message = late_message(job.id, run, min(due, streak.waits_since or due), due, why, now, notice)
    streak = replace(streak, wait_told_at=now)
    return streak, _to_each(job, run, message), late_at(streak, due, after)


def _to_each(job: Job, run: RunId, message: Mapping[str, Any]) -> list[News]:
    name = f"{run}/{message['event']}/{message['at']}"
    return [(f"{name}/{channel}", channel, message) for channel in job.notify.channels]
