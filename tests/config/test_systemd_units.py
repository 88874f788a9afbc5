"""Jobs as systemd timers: the same instants, and units that systemd itself accepts."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.config.exchange.systemd import command_line, daemon_unit, drop_in, escape_path, job_units
from octojobs.config.exchange.systemd_calendar import calendars
from octojobs.core.cron import Cron
from octojobs.core.job import Job
from tests.config.loading import jobs_of
from tests.helpers import ROOT

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
START = datetime(2026, 11, 20, tzinfo=UTC)
PROGRAM = ("/bin/echo",)

EXPRESSIONS = {
    "* * * * *": ("*-*-* *:*:00 UTC",),
    "7 * * * *": ("*-*-* *:07:00 UTC",),
    "30 2 * * *": ("*-*-* 02:30:00 UTC",),
    "*/15 9-17 * * 1-5": ("Mon..Fri *-*-* 09..17:00/15:00 UTC",),
    "5-50/10 22-2 * * *": ("*-*-* 00,01,02,22,23:05..45/10:00 UTC",),
    "0 0 1,15 1-3,12 *": ("*-01,02,03,12-01,15 00:00:00 UTC",),
    "1-58/19 */7 3-30/9 * *": ("*-*-03/09 00/07:01/19:00 UTC",),
    "0 0 * * 5-7": ("Fri..Sun *-*-* 00:00:00 UTC",),
    "0 0 * * 0,2,6": ("Tue,Sat..Sun *-*-* 00:00:00 UTC",),
    "0 0 1 * fri": ("*-*-01 00:00:00 UTC", "Fri *-*-* 00:00:00 UTC"),
    "0 0 */2 * 1": ("Mon *-*-01/02 00:00:00 UTC",),
    "0 0 L * *": ("*-*~01 00:00:00 UTC",),
    "0 0 15,L * *": ("*-*-15 00:00:00 UTC", "*-*~01 00:00:00 UTC"),
    "0 0 * * L5": ("Fri *-*~07/1 00:00:00 UTC",),
    "0 0 * * MON#2,FRI#5": ("Mon *-*-08..14 00:00:00 UTC", "Fri *-*-29..31 00:00:00 UTC"),
    "0 12 29 2 *": ("*-02-29 12:00:00 UTC",),
    "@weekly": ("Sun *-*-* 00:00:00 UTC",),
}


def verify(folder: Path) -> str:
    """What `systemd-analyze verify` complains about in the folder's units."""
    units = [str(path) for path in sorted(folder.iterdir())]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    done = subprocess.run(["systemd-analyze", "--user", "verify", *units], capture_output=True, text=True, env=environment, check=False)
    return done.stdout + done.stderr


def elapses(calendar: str, count: int) -> set[str]:
    """The next times of a calendar event from START on, as systemd prints them."""
    command = ["systemd-analyze", "calendar", "--base-time=2026-11-20 00:00:00 UTC", f"--iterations={count}", calendar]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}, check=True)
    lines = (line.partition(": ") for line in done.stdout.splitlines())
    return {text.strip() for name, _, text in lines if name.strip() == "Next elapse" or name.strip().startswith("Iter")}


def exported(text: str) -> dict[str, str]:
    """The units of all jobs of a file, by name; fails when there was something to say."""
    units = job_units(jobs_of(text).values(), Path("/src/my app"), PROGRAM)
    assert units.problems == ()
    return {file.name: file.text for file in units.files}


def said(text: str) -> list[str]:
    """What is said about the jobs of a file that can't be exported as they are."""
    return [str(problem) for problem in job_units(jobs_of(text).values(), Path("/src/app"), PROGRAM).problems]


@pytest.mark.parametrize(("expression", "meant"), EXPRESSIONS.items())
def test_a_cron_expression_is_written_as_calendar_events(expression: str, meant: tuple[str, ...]) -> None:
    """Two where a day of the month or a weekday will do."""
    assert calendars(Cron.parse(expression)) == meant


@needs_systemd
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_systemd_elapses_at_the_instants_that_octojobs_finds(expression: str) -> None:
    """The next six of the union."""
    wanted, at = [], START
    for _ in range(6):
        at = Cron.parse(expression).next_after(at) or at
        wanted.append(f"{at:%a %Y-%m-%d %H:%M:%S} UTC")
    found = {time for calendar in calendars(Cron.parse(expression)) for time in elapses(calendar, 6)}
    assert sorted(found, key=lambda time: time[4:])[:6] == wanted


def test_a_job_with_a_schedule_becomes_a_timer_and_a_service() -> None:
    """The timer has the times, the service asks octojobs for a run; both say where the job is declared."""
    units = exported(
        'jobs:\n  nightly:\n    schedule: ["0 2 * * *", "@once 2030-01-02T03:04Z"]\n    command: "true"\n    title: 100% done\n'
    )
    timer, service = units["octojobs-my-app-nightly.timer"], units["octojobs-my-app-nightly.service"]
    assert timer == (
        "# .octopoid/jobs.yaml:2\n[Unit]\nDescription=octojobs in /src/my app: nightly, 100%% done, its times\n\n"
        "[Timer]\nOnCalendar=*-*-* 02:00:00 UTC\nOnCalendar=2030-01-02 03:04:00 UTC\nPersistent=true\n"
        "# The default lets a minute pass.\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    )
    assert 'RequiresMountsFor="/src/my app"\n' in service
    assert "WorkingDirectory=/src/my app\n" in service
    assert "ExecStart=/bin/echo run-now nightly --wait\n" in service


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ("interval: 90m", ["OnActiveSec=1s", "OnUnitActiveSec=5400s"]),
        ("after: 5m", ["OnActiveSec=1s", "OnUnitInactiveSec=300s"]),
        ("schedule: '@daily', jitter: 10m", ["Persistent=true", "RandomizedDelaySec=600", "FixedRandomDelay=true"]),
        ("schedule: '@daily', catch_up: none", ["Persistent=false"]),
        ("schedule: '@daily', timezone: Asia/Tokyo", ["OnCalendar=*-*-* 00:00:00 Asia/Tokyo"]),
    ],
)
def test_the_ways_of_being_due_have_their_settings(fields: str, lines: list[str]) -> None:
    """Intervals, fixed delays, jitter, catching up and zones."""
    timer = exported(f"jobs: {{it: {{command: 'true', {fields}}}}}\n")["octojobs-my-app-it.timer"]
    assert [line for line in lines if line not in timer.splitlines()] == []


def test_what_systemd_has_no_words_for_is_told_with_the_remedy() -> None:
    """An error leaves the job out, a warning says what will differ."""
    text = """\
jobs:
  asked: {manual: true, command: "true"}
  off: {interval: 1h, command: "true", enabled: false}
  all: {schedule: "@daily", command: "true", catch_up: all}
  late: {schedule: "@daily", command: "true", catch_up_window: 1h}
"""
    assert said(text) == [
        '.octopoid/jobs.yaml:2:1: job "asked": it runs only when asked, so there is nothing to time; ask by `octojobs run-now asked`',
        '.octopoid/jobs.yaml:3:1: job "off": it is disabled; `octojobs enable off` first',
        (
            '.octopoid/jobs.yaml:4:1: warning: job "all": systemd catches up on the newest missed instant alone; '
            "keep `octojobs up` for this job"
        ),
        '.octopoid/jobs.yaml:5:1: warning: job "late": systemd catches up however long ago it was; keep `octojobs up` for this job',
    ]


@needs_systemd
def test_systemd_accepts_the_units_of_jobs(tmp_path: Path) -> None:
    """Also with spaces, quotes and percent signs in names and paths."""
    root, jobs = (
        tmp_path / 'my "100%" app',
        jobs_of('jobs: {a: {interval: 1h, command: "true"}, b: {schedule: "0 2 1 * 1", command: "true"}}\n'),
    )
    root.mkdir()
    units = tmp_path / "units"
    units.mkdir()
    for file in job_units(jobs.values(), root, PROGRAM).files:
        (units / file.name).write_text(file.text, encoding="utf-8")
    assert verify(units) == ""


NAMES = ["a$b", "sp ace", 'q"x', "bs\\", "pct%h", "ap'os", "end ", "semi;", "${HOME}", "two  blanks", "\u2028"]
"""What a folder may be called."""


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_folder_and_program_whatever_they_are_called(tmp_path: Path, name: str) -> None:
    """It looks whether the program can be executed, and says so where a setting swallows the next line."""
    root, units = tmp_path / name, tmp_path / "units"
    (root / "bin").mkdir(parents=True)
    units.mkdir()
    shutil.copy("/bin/true", root / "bin/octojobs")
    program = (str(root / "bin/octojobs"),)
    jobs = jobs_of('jobs: {a: {interval: 1h, command: "true", title: "ends in \\\\"}}\n')
    template = (ROOT / "contrib/systemd/octojobs@.service").read_text(encoding="utf-8")
    for file in (*job_units(jobs.values(), root, program).files, daemon_unit(template, root, program)):
        (units / file.name).write_text(file.text, encoding="utf-8")
        assert [line for line in file.text.split("\n") if line.endswith("\\")] == []
    assert verify(units) == ""


def test_a_file_name_adds_no_line_to_a_unit() -> None:
    """The file that a job stands in has whatever name somebody committed."""
    (job,) = jobs_of('jobs: {a: {interval: 1h, command: "true"}}\n').values()
    named = replace(job, source=replace(job.source, path=".octopoid/jobs/x\nExecStartPre=rm.yaml"))
    for file in job_units([named], Path("/src/x"), PROGRAM).files:
        assert file.text.startswith("# .octopoid/jobs/x\\x0aExecStartPre=rm.yaml:1\n[Unit]\n")


def test_the_daemons_unit_is_the_template_with_its_folder_and_program_filled_in() -> None:
    """Nothing of an instance is left, and everything else of the template is."""
    template = (ROOT / "contrib/systemd/octojobs@.service").read_text(encoding="utf-8")
    unit = daemon_unit(template, Path("/src/my app"), ("/opt/a b/octojobs",))
    assert unit.name == "octojobs-my-app.service"
    assert "%f" not in unit.text
    lines = unit.text.splitlines()
    for line in ("Description=octojobs in /src/my app", "WorkingDirectory=/src/my app", 'RequiresMountsFor="/src/my app"'):
        assert line in lines
    assert 'ExecStart="/opt/a b/octojobs" up' in lines
    kept = [line for line in template.partition("[Unit]")[2].splitlines() if "%f" not in line and not line.startswith("ExecStart=")]
    assert [line for line in kept if line not in lines] == []


@needs_systemd
def test_systemd_accepts_the_daemons_unit_and_the_template(tmp_path: Path) -> None:
    """As they are shipped and exported."""
    template = (ROOT / "contrib/systemd/octojobs@.service").read_text(encoding="utf-8")
    (tmp_path / "octojobs@.service").write_text(template, encoding="utf-8")
    unit = daemon_unit(template, tmp_path, PROGRAM)
    (tmp_path / unit.name).write_text(unit.text, encoding="utf-8")
    assert verify(tmp_path) == ""


@pytest.mark.parametrize("path", ["/", "/home/ada/src", "/home/ada/my-project", "/srv/a b/ü", "/.hidden/x.y_z", "/x/%f"])
def test_a_path_is_escaped_as_systemd_does_it(path: str) -> None:
    """The instance of the template names the repository."""
    if shutil.which("systemd-escape") is None:
        pytest.skip("systemd-escape is not installed")
    done = subprocess.run(["systemd-escape", "--path", path], capture_output=True, text=True, check=True)
    assert escape_path(Path(path)) == done.stdout.rstrip("\n")


def test_a_drop_in_replaces_the_program_of_one_instance() -> None:
    """The empty line first: a unit of this type has one program."""
    assert drop_in(("/home/ada/.venv/bin/octojobs",)) == (
        "[Service]\n# Without this line the program would be a second one, which systemd refuses.\n"
        "ExecStart=\nExecStart=/home/ada/.venv/bin/octojobs up\n"
    )


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["/bin/echo", "a b", "100%"], '/bin/echo "a b" 100%%'),
        (["/opt/$x/echo", "a\nb\tc"], '/opt/$x/echo "a\\x0ab\\x09c"'),
        (["/opt/a\\b/echo", "$x"], "/usr/bin/env /opt/a\\\\b/echo $$x"),
        (["/bin/echo", "$HOME", 'say "hi"', "back\\slash", "semi;"], '/bin/echo $$HOME "say \\"hi\\"" back\\\\slash "semi;"'),
    ],
)
def test_a_command_line_is_taken_word_by_word(argv: list[str], line: str) -> None:
    """Systemd expands variables and specifiers in it: here they are themselves."""
    assert command_line(argv) == line


def test_each_job_of_a_file_has_its_own_units() -> None:
    """Two files a job, in the order of the jobs."""
    jobs: list[Job] = list(jobs_of('jobs: {b: {interval: 1h, command: "true"}, a: {interval: 1h, command: "true"}}\n').values())
    assert [file.name for file in job_units(jobs, Path("/src/x"), PROGRAM).files] == [
        "octojobs-x-b.timer",
        "octojobs-x-b.service",
        "octojobs-x-a.timer",
        "octojobs-x-a.service",
    ]
