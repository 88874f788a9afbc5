"""What a row of history is to whom: the messages that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octojobs.core.codec import parse_instant
from octojobs.core.job import Job
from octojobs.core.notices import HAS_RESULT, Streak, notices
from octojobs.core.run import Outcome
from octojobs.notify.message import OUTPUT, message_of, result_of
from octojobs.store.paths import StatePaths

News = tuple[str, str, Mapping[str, Any]]
"""A message's id, the channel as the job writes it, and the message."""


def news(row: Mapping[str, Any], streak: Streak, job: Job | None, paths: StatePaths) -> tuple[Streak, list[News]]:
    """The streak after the row, and what is told of it by the job's definition in force; None where there is none."""
    streak, told = notices(streak, outcome := Outcome(row["outcome"]), parse_instant(row["at"]))
    if job is None:
        return streak, []
    made: list[News] = []
    if job.output and outcome in HAS_RESULT:
        made.append((f"{row['id']}/{OUTPUT}/{job.output}", job.output, result_of(row, streak.failures, paths)))
    for notice in told:
        if job.notify.channels and notice.value in job.notify.on:
            message = message_of(row, notice, streak.failures, paths)
            made += [(f"{row['id']}/{notice.value}/{channel}", channel, message) for channel in job.notify.channels]
    return streak, made
