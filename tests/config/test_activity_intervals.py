"""`interval: {active, idle, dormant}` and `quiet_hours`: what they mean, and what is said of mistakes."""

from __future__ import annotations

import pytest

from octojobs.core.when import ActivityWhen
from tests.config.loading import jobs_of, problems

PACES = "interval: {active: 30s, idle: 2m, dormant: 5m}"
PACED = f"command: make, {PACES}"


def when(fields: str) -> object:
    """When a job with these fields is due."""
    return jobs_of(f"jobs: {{a: {{{fields}}}}}\n")["a"].when


def test_three_intervals_of_which_activity_chooses() -> None:
    """The night is quiet unless told otherwise."""
    assert when(PACED) == ActivityWhen(30, 120, 300, (0, 420))


@pytest.mark.parametrize(
    ("quiet", "minutes"),
    [("false", None), ('{from: "22:30", to: "6:00"}', (1350, 360)), ('{from: "13:00", to: "14:00"}', (780, 840))],
)
def test_quiet_hours_are_times_of_day_or_none(quiet: str, minutes: tuple[int, int] | None) -> None:
    """They may cross midnight."""
    assert when(f"{PACED}, quiet_hours: {quiet}") == ActivityWhen(30, 120, 300, minutes)


def test_quiet_hours_may_be_a_default() -> None:
    """Of the jobs that follow activity; others have none."""
    jobs = jobs_of(f"defaults: {{quiet_hours: false}}\njobs: {{a: {{{PACED}}}, b: {{command: make, interval: 1h}}}}\n")
    assert jobs["a"].when == ActivityWhen(30, 120, 300, None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("interval: {active: 30s, idle: 2m}", 'interval: "dormant" is missing'),
        ("interval: {active: 30s, idle: 2m, dormant: 5m, asleep: 1h}", "asleep"),
        ("interval: {active: 0, idle: 2m, dormant: 5m}", "interval.active: must be at least a second; write 1s or more"),
        ("interval: {active: soon, idle: 2m, dormant: 5m}", 'interval.active: "soon"'),
        ("interval: 1h, quiet_hours: false", "means nothing for a job whose interval does not follow activity"),
        ("interval: {active: 30s, idle: 2m, dormant: 5m}, quiet_hours: true", "quiet_hours: true says nothing"),
        (
            'interval: {active: 1, idle: 2, dormant: 3}, quiet_hours: {from: "25:00", to: "07:00"}',
            'quiet_hours.from: "25:00" is no time of day',
        ),
        (
            'interval: {active: 1, idle: 2, dormant: 3}, quiet_hours: {from: "7:00", to: "07:00"}',
            "quiet_hours.to: is the time it begins, too",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(fields: str, message: str) -> None:
    """With the field, and the remedy."""
    found = problems(f"jobs: {{a: {{command: make, {fields}}}}}\n")
    assert len(found) == 1
    assert message in str(found[0])
