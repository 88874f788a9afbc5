"""Jobs as lines of a crontab: the times that cron can express, and words for the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octojobs.config.exchange.cron_lines import job_lines, tick_line
from octojobs.config.exchange.crontab import read_crontab
from octojobs.config.exchange.crontab_jobs import jobs_of as imported
from octojobs.config.exchange.units import Exported
from octojobs.core.cron import Cron
from octojobs.core.due import due
from octojobs.core.schedule import CronTimes
from tests.config.loading import jobs_of

QUARTER = timedelta(days=91)
ROOT = Path("/srv/my 100% shop")
PROGRAM = ("/opt/octojobs",)
ASK = "cd '/srv/my 100\\% shop' && /opt/octojobs run-now it --wait"


def exported(fields: str, timezone: str = "UTC") -> Exported:
    """The crontab of a job with these fields, on a machine in a zone."""
    return job_lines(list(jobs_of(f"jobs: {{it: {{command: 'true', {fields}}}}}\n").values()), ROOT, PROGRAM, timezone)


def lines(fields: str, timezone: str = "UTC") -> list[str]:
    """The lines of that crontab that are no comments."""
    return [line for line in exported(fields, timezone).files[0].text.splitlines() if line and not line.startswith("#")]


def test_one_line_keeps_the_time_for_all_jobs() -> None:
    """Cron would end the command at a bare percent sign."""
    assert tick_line(ROOT, PROGRAM) == "* * * * * cd '/srv/my 100\\% shop' && /opt/octojobs tick --no-wait\n"


@pytest.mark.parametrize(
    ("when", "times"),
    [
        ("schedule: '30 2 * * *'", ["30 2 * * *"]),
        ("schedule: ['@daily', '0 9 * jan,MAR MON-fri']", ["0 0 * * *", "0 9 * 1,3 1-5"]),
        ("schedule: '0 9 * * fri-sun'", ["0 9 * * 5-7"]),
        ("interval: 1m", ["* * * * *"]),
        ("interval: 15m", ["*/15 * * * *"]),
        ("interval: 1h", ["0 * * * *"]),
        ("interval: 6h", ["0 */6 * * *"]),
        ("interval: 1d", ["0 0 * * *"]),
    ],
)
def test_times_that_cron_knows_are_lines(when: str, times: list[str]) -> None:
    """Each asks for a run in the repository's folder."""
    assert lines(when) == [f"{time} {ASK}" for time in times]


def test_a_crontab_that_was_exported_means_the_same_when_it_is_imported() -> None:
    """Names and macros are written out, and the union of the lines is the job's."""
    entry = "*/20 8-18/2 1,15 feb-nov thu-sun"
    text = exported(f"schedule: '{entry}', timezone: Europe/Berlin").files[0].text
    (job,) = imported(read_crontab("x", text), timezone="UTC", user="ada").jobs
    assert job.fields["timezone"] == "Europe/Berlin"
    start = datetime(2026, 1, 1, tzinfo=UTC)
    there, here = (
        due(CronTimes((Cron.parse(text, "Europe/Berlin"),)), start, start + QUARTER, 9999) for text in (entry, job.fields["schedule"])
    )
    assert len(there) > 500
    assert there == here


def test_jobs_of_another_zone_follow_a_cron_tz() -> None:
    """Those of the machine's come first, so that nothing else falls under it; an interval has no zone."""
    text = "jobs:\n  a: {schedule: '@daily', timezone: Asia/Tokyo, command: x}\n  b: {schedule: '@daily', command: x}\n"
    found = job_lines(list(jobs_of(text + "  c: {interval: 1h, timezone: Asia/Tokyo, command: x}\n").values()), ROOT, PROGRAM, "UTC")
    kept = [line.split(" cd ")[0] for line in found.files[0].text.splitlines() if line and not line.startswith("#")]
    assert kept == ["0 0 * * *", "0 * * * *", "CRON_TZ=Asia/Tokyo", "0 0 * * *"]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ("schedule: '@once 2027-01-15T09:00Z'", "cron has no single instants; use at(1), or keep `octojobs up` for this job"),
        ("schedule: '0 0 L * *'", "cron has no L and no #; keep `octojobs up` for this job"),
        ("schedule: '0 0 * * MON#2'", "cron has no L and no #; keep `octojobs up` for this job"),
        ("interval: 7m", "every 7m does not go evenly into an hour or a day; keep `octojobs up` for this job"),
        ("interval: 10s", "every 10s does not go evenly into an hour or a day; keep `octojobs up` for this job"),
        ("after: 1h", "cron knows times alone, and this job has none; keep `octojobs up` for this job"),
        ("manual: true", "cron knows times alone, and this job has none; keep `octojobs up` for this job"),
        ("interval: 1h, enabled: false", "it is disabled; `octojobs enable it` first"),
    ],
)
def test_what_cron_has_no_words_for_is_a_comment_and_a_problem(fields: str, what: str) -> None:
    """Both name the job, what is in the way, and the remedy."""
    found = exported(fields)
    assert [str(problem) for problem in found.problems] == [f'.octopoid/jobs.yaml:1:1: job "it": {what}']
    assert f"# it is not here: {what}\n" in found.files[0].text
    assert lines(fields) == []


def test_what_cron_does_otherwise_stands_beside_the_line() -> None:
    """The line is there all the same."""
    found = exported("interval: 2h, jitter: 5m, catch_up: all")
    assert [problem.what.partition('it": ')[2] for problem in found.problems] == [
        "the interval counts from midnight in cron, not from first sight",
        "the jitter of up to 5m is left out",
        "what cron misses is gone",
    ]
    assert found.files[0].text.count("\n# differs: ") == 3
    assert lines("interval: 2h, jitter: 5m, catch_up: all") == [f"0 */2 * * * {ASK}"]
