"""Jobs as launchd agents: property lists with the times that launchd can express, and words for the others."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest

from octojobs.config.exchange.launchd import daemon_agent, job_agents
from tests.config.loading import jobs_of

LOG = Path("/Users/ada/Library/Logs/x.log")
ROOT = Path("/Users/ada/my app")
PROGRAM = ("/opt/octojobs",)


def agent(fields: str) -> dict[str, Any]:
    """The property list of a job with these fields, on a machine in UTC."""
    exported = job_agents(jobs_of(f"jobs: {{it: {{command: 'true', {fields}}}}}\n").values(), ROOT, PROGRAM, LOG, "UTC")
    assert exported.problems == ()
    (file,) = exported.files
    assert file.name == "dev.octojobs.Users.ada.my-app.it.plist"
    return dict(plistlib.loads(file.text.encode()))


def said(fields: str, timezone: str = "UTC") -> str:
    """What is said about a job with these fields."""
    jobs = jobs_of(f"jobs: {{it: {{command: 'true', {fields}}}}}\n").values()
    (problem,) = job_agents(jobs, ROOT, PROGRAM, LOG, timezone).problems
    return problem.message.partition('it": ')[2]


def test_an_agent_asks_for_a_run_in_the_repository() -> None:
    """Its own words go to a log, its PATH is written out: launchd's is bare."""
    assert agent("interval: 10m") == {
        "Label": "dev.octojobs.Users.ada.my-app.it",
        "ProgramArguments": ["/opt/octojobs", "run-now", "it", "--wait"],
        "WorkingDirectory": "/Users/ada/my app",
        "EnvironmentVariables": {"PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
        "StandardOutPath": str(LOG),
        "StandardErrorPath": str(LOG),
        "ProcessType": "Background",
        "Umask": 0o077,
        "StartInterval": 600,
    }


@pytest.mark.parametrize(
    ("schedule", "times"),
    [
        ("30 2 * * *", {"Hour": 2, "Minute": 30}),
        ("5 * * * *", {"Minute": 5}),
        ("* * * * *", {}),
        ("*/30 * * * *", [{"Minute": 0}, {"Minute": 30}]),
        ("0 9 * * 1-2", [{"Weekday": 1, "Hour": 9, "Minute": 0}, {"Weekday": 2, "Hour": 9, "Minute": 0}]),
        ("0 0 1 1,7 *", [{"Month": 1, "Day": 1, "Hour": 0, "Minute": 0}, {"Month": 7, "Day": 1, "Hour": 0, "Minute": 0}]),
        ("0 0 13 * 5", [{"Day": 13, "Hour": 0, "Minute": 0}, {"Weekday": 5, "Hour": 0, "Minute": 0}]),
    ],
)
def test_a_schedule_is_written_out_as_the_times_that_match(schedule: str, times: object) -> None:
    """A key that is absent means any value, and each dictionary is one more time."""
    assert agent(f"schedule: '{schedule}'")["StartCalendarInterval"] == times


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            "schedule: '0 0 L * *'",
            "launchd can't count weekdays, nor from the end of a month; keep `octojobs up` for this job",
        ),
        (
            "schedule: '0 0 */2 * 1'",
            "it means a day of the month that is a weekday too, and launchd means either; keep `octojobs up` for this job",
        ),
        (
            "schedule: '@once 2030-01-01T00:00Z'",
            "launchd knows no single instant: without a year it would come again; keep `octojobs up` for this job",
        ),
        (
            "schedule: '*/2 0-20 * * *'",
            "launchd has no steps and ranges, and written out these are 630 times; use `interval:`, or a schedule of 400 times at most",
        ),
        ("after: 5m", "launchd counts from one start to the next, not from an end; keep `octojobs up` for this job"),
        ("manual: true", "it runs only when asked, so there is nothing to time; ask by `octojobs run-now it`"),
        ("interval: 1h, enabled: false", "it is disabled; `octojobs enable it` first"),
        (
            "schedule: '@daily', catch_up: none",
            "launchd always starts it once for what was missed in sleep; keep `octojobs up` for this job",
        ),
        ("interval: 1h, jitter: 5m", "launchd has no jitter: it starts at the time itself; keep `octojobs up` for this job"),
    ],
)
def test_what_launchd_has_no_words_for_is_told_with_the_remedy(fields: str, message: str) -> None:
    """Never exported as something else."""
    assert said(fields) == message


def test_a_schedule_in_another_zone_than_the_machines_is_refused() -> None:
    """Launchd would start it at another time."""
    assert said("schedule: '@daily'", timezone="Europe/Berlin") == (
        "its times are in UTC, and launchd knows the machine's zone alone, Europe/Berlin; "
        "give the job `timezone: Europe/Berlin`, or name the machine's zone by --timezone"
    )


def test_the_daemons_agent_keeps_it_running() -> None:
    """From login on, again after a failure, and its runs outlive it."""
    file = daemon_agent(ROOT, PROGRAM, LOG)
    found = plistlib.loads(file.text.encode())
    assert (file.name, found["ProgramArguments"]) == ("dev.octojobs.Users.ada.my-app.plist", ["/opt/octojobs", "up"])
    assert (found["RunAtLoad"], found["KeepAlive"], found["AbandonProcessGroup"]) == (True, {"SuccessfulExit": False}, True)
