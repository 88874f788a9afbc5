"""`octojobs import` and `export`, as people call them."""

from __future__ import annotations

import plistlib
import subprocess
from pathlib import Path

import pytest

from tests.config.test_seeds import TASKS_LOOP
from tests.config.test_tasks_loop import SETTINGS
from tests.helpers import commit_files, environment, git, home_of, make_repository, octojobs, script, write

CRONTAB = """\
MAILTO=ops@example.org
# Saves the database
0 2 * * * /usr/local/bin/backup.sh
@reboot /usr/local/bin/warm-up
*/5 9-17 * * 1-5 make -C /srv check
@daily echo {title}
"""

BACKUP_AND_CHECK = """\
# From crontab, whose times are meant in Europe/Berlin.
#
# What cron does otherwise: it starts commands in the home folder (`cwd:`), with a PATH of /usr/bin:/bin (`env:`),
# makes up for nothing that it missed (`catch_up: none`), and starts a job although it is still running (`overlap: allow`).

version: 1
timezone: Europe/Berlin
jobs:
  # crontab:3
  backup:
    description: Saves the database
    schedule: 0 2 * * *
    command: /usr/local/bin/backup.sh

  # crontab:5
  make:
    schedule: '*/5 9-17 * * 1-5'
    command: make -C /srv check
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one job, and a default that imported jobs must not fall for."""
    text = "version: 1\ntimezone: Asia/Tokyo\ndefaults: {timezone: Asia/Tokyo}\njobs:\n  hello: {interval: 1h, command: echo hello}\n"
    return make_repository(tmp_path, {".octopoid/jobs.yaml": text})


def pipe(repo: Path, text: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`octojobs` with a text on its standard input."""
    return subprocess.run(
        [script(), *args], cwd=repo, env=environment(home_of(repo), **env), input=text, capture_output=True, text=True, check=False
    )


def test_a_crontab_is_imported_and_what_can_not_be_is_told(tmp_path: Path) -> None:
    """Exit code 1 says that something was left out; the rest is a file that validates."""
    repo = make_repository(tmp_path)
    done = pipe(repo, CRONTAB, "import", "crontab", "-", "--timezone", "Europe/Berlin")
    assert done.returncode == 1
    assert done.stdout == "import 2 jobs from crontab: backup and make; written to .octopoid/jobs/crontab.yaml, live after the commit\n"
    assert done.stderr.splitlines() == [
        (
            "crontab:1:1: warning: MAILTO=ops@example.org is left out: octojobs sends no mail; "
            "give the jobs whose failure must reach somebody `on_failure: {command: …}`"
        ),
        "crontab:4:1: @reboot is not supported; octojobs starts no job because the machine did: use interval, or a systemd unit",
        (
            'crontab:6:1: job "echo-title": command: {title} would make text from outside a part of the shell command; '
            'read it as data instead, from the environment or from "$OCTOJOBS_RUN_DIR"'
        ),
        "octojobs: 2 places above were not imported",
    ]
    assert (repo / ".octopoid/jobs/crontab.yaml").read_text(encoding="utf-8") == BACKUP_AND_CHECK
    assert octojobs(repo, "validate").returncode == 0


def test_a_dry_run_prints_the_file_and_writes_nothing(tmp_path: Path) -> None:
    """What is printed is the whole file, and nothing else."""
    repo = make_repository(tmp_path)
    done = pipe(repo, CRONTAB, "import", "crontab", "-", "--timezone", "Europe/Berlin", "--dry-run")
    assert done.stdout == BACKUP_AND_CHECK
    assert not (repo / ".octopoid").exists()


def test_times_are_meant_in_the_zone_of_the_machine_whatever_the_repositorys_defaults(repo: Path) -> None:
    """A default zone of the jobs file would move them otherwise."""
    done = pipe(repo, "@daily tidy\n", "import", "crontab", "-", "--commit", TZ="Europe/Berlin")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("import 1 job from crontab: tidy; written to .octopoid/jobs/crontab.yaml, committed as ")
    assert git(repo, "log", "-1", "--format=%s") == "jobs: import 1 job from crontab"
    assert git(repo, "status", "--porcelain") == ""
    due = octojobs(repo, "next", "tidy", "--from", "2026-01-01T00:00Z", "--count", "1").stdout
    assert due.startswith("2026-01-01T23:00:00Z\ttidy")


def test_names_that_are_taken_get_a_number(repo: Path) -> None:
    """The repository's own job stays as it is."""
    assert pipe(repo, "@daily hello\n", "import", "crontab", "-").returncode == 0
    assert "  hello-2:\n" in (repo / ".octopoid/jobs/crontab.yaml").read_text(encoding="utf-8")


def test_a_file_is_imported_under_its_own_name_and_never_twice(repo: Path) -> None:
    """The second time would overwrite it; --name gives another."""
    crontab = write(repo / "old.cron", "@daily tidy\n")
    assert octojobs(repo, "import", "crontab", str(crontab)).returncode == 0
    again = octojobs(repo, "import", "crontab", str(crontab))
    assert (again.returncode, again.stderr) == (
        2,
        "octojobs: .octopoid/jobs/old.yaml is there already, and nothing is overwritten; move it away, or choose another name by --name\n",
    )
    assert octojobs(repo, "import", "crontab", str(crontab), "--name", "other").returncode == 0
    assert octojobs(repo, "import", "crontab", str(crontab), "--name", "../x").returncode == 2


def test_a_crontab_without_an_entry_is_nothing_to_import(repo: Path) -> None:
    """No file, and exit code 1."""
    done = pipe(repo, "# nothing\n", "import", "crontab", "-")
    assert (done.returncode, done.stderr) == (1, "octojobs: nothing to import in crontab\n")
    assert not (repo / ".octopoid/jobs").exists()


def test_what_is_no_text_is_told_with_its_place(repo: Path) -> None:
    """No traceback for a file that is something else."""
    (repo / "bad").write_bytes(b"@daily x\n@daily \xff\n")
    done = octojobs(repo, "import", "crontab", "bad")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "bad:2:8: byte 0xff is not UTF-8; convert the file, by iconv for example",
    )


def test_definitions_that_are_broken_are_mended_first(repo: Path) -> None:
    """Their own problems are shown: nothing is written beside them."""
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {hello: {interval: 1h}}\n"})
    done = pipe(repo, "@daily tidy\n", "import", "crontab", "-")
    assert done.returncode == 2
    assert 'job "hello"' in done.stderr
    assert not (repo / ".octopoid/jobs").exists()


def test_a_tasks_loop_folder_is_imported_as_it_is(tmp_path: Path) -> None:
    """The source's own examples: the job byte for byte, and its number of concurrent jobs as a setting."""
    repo = make_repository(tmp_path)
    write(repo / "agent/jobs/example-daily.yaml", TASKS_LOOP)
    write(repo / "agent/config/scheduler.yaml", SETTINGS)
    done = octojobs(repo, "import", "tasks-loop", "agent", "--timezone", "UTC", "--commit")
    assert done.returncode == 0, done.stderr
    assert (repo / ".octopoid/jobs/example-daily.yaml").read_text(encoding="utf-8") == TASKS_LOOP
    assert git(repo, "show", "HEAD:.octopoid/octojobs.yaml") == "# From agent/config/scheduler.yaml\nversion: 1\nmax_concurrent: 1"
    assert octojobs(repo, "list").stdout.startswith("example-daily\t")


def test_a_tasks_loop_job_keeps_its_zone_and_one_that_is_there_is_told(repo: Path) -> None:
    """The repository's default zone is another one; settings that are there stay."""
    write(repo / "agent/a.yaml", TASKS_LOOP)
    write(repo / "agent/b.yaml", TASKS_LOOP.replace("id: example-daily", "id: hello"))
    write(repo / "agent/c.yaml", TASKS_LOOP.replace("0 2 * * *", "0 25 * * *").replace("id: example-daily", "id: third"))
    write(repo / "agent/config/scheduler.yaml", "max_concurrent_jobs: 1\n")
    commit_files(repo, {".octopoid/octojobs.yaml": "max_concurrent: 2\n"})
    done = octojobs(repo, "import", "tasks-loop", "agent", "--timezone", "Europe/Berlin")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        (
            'agent/b.yaml:2:1: job "hello": another job has this name, .octopoid/jobs.yaml:5; '
            "rename one of them (upper and lower case are the same here)"
        ),
        'agent/c.yaml:6:14: job "third": schedule: hour 25 is outside 0-23; use 0-23, */n or a list',
        (
            "agent/config/scheduler.yaml: warning: max_concurrent_jobs is left out: settings are never overwritten; "
            "write `max_concurrent: 1` in .octopoid/octojobs.yaml yourself"
        ),
        "octojobs: 2 places above were not imported",
    ]
    text = (repo / ".octopoid/jobs/example-daily.yaml").read_text(encoding="utf-8")
    assert text == TASKS_LOOP + "# from the settings of the scheduler that this job comes from\ntimezone: Europe/Berlin\n"


def test_a_folder_without_jobs_is_a_mistake_of_the_caller(repo: Path) -> None:
    """The message says what the folder should hold."""
    write(repo / "agent/readme", "x")
    done = octojobs(repo, "import", "tasks-loop", "agent")
    assert (done.returncode, done.stderr) == (2, "octojobs: agent holds no jobs; name the folder with jobs/*.yaml in it\n")


def test_the_daemon_is_exported_as_a_unit_of_this_repository(repo: Path) -> None:
    """With the absolute path of the program that was called."""
    done = octojobs(repo, "export", "systemd")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"[Unit]\nDescription=octojobs in {repo}\n")
    assert f"ExecStart={script()} up\n" in done.stdout


def test_jobs_are_exported_into_a_folder_where_nothing_is_overwritten(repo: Path, tmp_path: Path) -> None:
    """A timer and a service for each; the second time is refused."""
    done = octojobs(repo, "export", "systemd", "hello", "--output", str(tmp_path / "units"))
    assert done.stdout.splitlines() == [f"wrote {tmp_path}/units/octojobs-repo-hello.{kind}" for kind in ("timer", "service")]
    again = octojobs(repo, "export", "systemd", "hello", "--output", str(tmp_path / "units"))
    assert (again.returncode, again.stderr) == (
        2,
        (
            f"octojobs: {tmp_path}/units/octojobs-repo-hello.timer is there already, and nothing is overwritten; "
            "move it away, or name another folder\n"
        ),
    )


def test_an_unknown_job_is_told_with_a_suggestion(repo: Path) -> None:
    """As everywhere."""
    done = octojobs(repo, "export", "systemd", "helo")
    assert (done.returncode, done.stderr) == (2, 'octojobs: there is no job "helo"; did you mean "hello"?\n')


def test_launchd_agents_are_property_lists(repo: Path) -> None:
    """One alone is printed as it is; what can't be one makes the exit code 1."""
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1h, command: x}, b: {after: 1h, command: x}}\n"})
    one = octojobs(repo, "export", "launchd", "a")
    assert plistlib.loads(one.stdout.encode())["StartInterval"] == 3600
    both = octojobs(repo, "export", "launchd", "--all")
    assert (both.returncode, both.stdout) == (1, one.stdout)
    assert both.stderr.splitlines()[-1] == "octojobs: 1 job above was not exported"
    daemon = plistlib.loads(octojobs(repo, "export", "launchd").stdout.encode())
    assert (daemon["ProgramArguments"], daemon["WorkingDirectory"]) == ([script(), "up"], str(repo))


def test_a_folder_that_can_not_be_written_is_told_without_a_traceback(repo: Path, tmp_path: Path) -> None:
    """What stands in its way is named."""
    write(tmp_path / "file", "x")
    done = octojobs(repo, "export", "systemd", "--output", str(tmp_path / "file/units"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"octojobs: {tmp_path}/file/units: not a directory\n")


def test_a_crontab_is_exported_with_what_is_not_in_it(repo: Path) -> None:
    """As comments, and on standard error; without a job it is the line that keeps the time."""
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {a: {schedule: '0 2 * * *', command: x}, b: {after: 1h, command: x}}\n"})
    done = octojobs(repo, "export", "crontab", "--all", "--timezone", "Europe/Berlin")
    assert done.returncode == 1
    assert done.stdout.splitlines()[3:] == [
        "# .octopoid/jobs.yaml:1",
        "# b is not here: cron knows times alone, and this job has none; keep `octojobs up` for this job",
        "",
        "CRON_TZ=UTC",
        "# .octopoid/jobs.yaml:1",
        f"0 2 * * * cd {repo} && {script()} run-now a --wait",
    ]
    assert done.stderr.splitlines() == [
        '.octopoid/jobs.yaml:1:1: job "b": cron knows times alone, and this job has none; keep `octojobs up` for this job',
        "octojobs: 1 job above was not exported",
    ]
    assert octojobs(repo, "export", "crontab").stdout == f"* * * * * cd {repo} && {script()} tick --no-wait\n"
