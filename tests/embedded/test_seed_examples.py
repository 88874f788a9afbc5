"""The examples of the tasks-loop text work as they stand there, with the name of the package alone changed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from octojobs import Scheduler, TaskScheduler
from octojobs.core.job import Priority
from tests.embedded.conftest import Make
from tests.fakes import FakeClock
from tests.helpers import wait_until, write

DAILY = """\
# jobs/example-daily.yaml
id: example-daily
name: Daily Health Check
description: Check system health every day at 2am
command: echo "Health check complete"
schedule: "0 2 * * *"  # Cron: 2am daily
priority: medium
enabled: true
max_retries: 2
timeout_seconds: 300
"""

SETTINGS = """\
jobs_dir: jobs
poll_interval_seconds: 60
default_timeout_seconds: 300
max_concurrent_jobs: 1
log_level: INFO
log_file: logs/scheduler.log  # Optional
"""

QUICK_START = """\
from octojobs import TaskScheduler, SchedulerConfig

# Create scheduler with config
config = SchedulerConfig(
    jobs_dir="jobs",
    poll_interval_seconds=60,
)

scheduler = TaskScheduler(config)
scheduler.run()  # Runs as daemon
"""

BASIC = """\
from octojobs import TaskScheduler

scheduler = TaskScheduler()
scheduler.load_jobs()  # Load from jobs/ directory
scheduler.run_once()   # Execute one scheduler cycle
"""

CUSTOM_CONFIGURATION = """\
from pathlib import Path
from octojobs import TaskScheduler, SchedulerConfig

config = SchedulerConfig(
    jobs_dir=Path("custom/jobs"),
    poll_interval_seconds=30,
    max_concurrent_jobs=2,
)

scheduler = TaskScheduler(config)
scheduler.run()  # Run as daemon
"""

PROGRAMMATIC = """\
from octojobs import Job, Priority

job = Job(
    id="custom-job",
    name="Custom Task",
    command="echo 'Hello from scheduler'",
    schedule="*/5 * * * *",  # Every 5 minutes
    priority=Priority.HIGH,
    max_retries=3,
)

scheduler = TaskScheduler()
scheduler.jobs[job.id] = job
scheduler.run_once()
"""

JOB_TYPE = """\
from octojobs import Job

class NotificationJob(Job):
    def __init__(self, *args, notification_email: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.notification_email = notification_email
"""

CUSTOM_EXECUTION = """\
from octojobs import TaskScheduler, Job, JobResult

class CustomScheduler(TaskScheduler):
    def execute_job(self, job: Job) -> JobResult:
        # Add pre-execution logic
        self.send_notification(f"Starting {job.name}")

        # Execute job
        result = super().execute_job(job)

        # Add post-execution logic
        if not result.success:
            self.alert_admin(job, result)

        return result
"""


def executed(text: str, **given: object) -> dict[str, Any]:
    """The names that an example leaves behind."""
    names: dict[str, Any] = dict(given)
    exec(compile(text, "<example>", "exec"), names)
    return names


def as_program(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A Python program in the folder, its standard error kept."""
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)


def up_and_terminated(program: subprocess.Popen[str]) -> str:
    """The log of a daemon that was sent TERM once it was up; it ends by itself, with 0."""
    lines = []
    with program:
        assert program.stderr is not None
        for line in program.stderr:
            lines.append(line)
            if " info up: " in line:
                program.send_signal(signal.SIGTERM)
    assert program.returncode == 0, "".join(lines)
    return "".join(lines)


def test_the_quick_start_runs_as_a_daemon_until_it_is_terminated(here: Path) -> None:
    """`run()` loads the folder, says so, and returns at TERM."""
    write(here / "jobs/example-daily.yaml", DAILY)
    write(here / "quick.py", QUICK_START)
    log = up_and_terminated(as_program(here, "quick.py"))
    assert f"info up: 1 jobs, in {here}; state in " in log
    assert log.endswith("info stopped by SIGTERM; what runs goes on\n")


def test_the_daily_job_runs_at_two_in_the_morning_and_not_before(here: Path, make: Make, clock: FakeClock) -> None:
    """The YAML example, with a clock that is moved on to 2am."""
    write(here / "jobs/example-daily.yaml", DAILY)
    scheduler = make()
    scheduler.load_jobs()
    assert scheduler.run_once() == []
    clock.advance(16 * 3600 - 1)
    assert scheduler.run_once() == []
    clock.advance(1)
    (result,) = scheduler.run_once()
    assert (result.success, result.output, result.run_id) == (True, "Health check complete\n", "example-daily@20261121T020000Z")
    job = scheduler.jobs["example-daily"]
    assert (job.name, job.priority, job.max_retries, job.timeout_seconds) == ("Daily Health Check", Priority.MEDIUM, 2, 300)


def test_the_basic_scheduler_loads_the_folder_and_runs_one_cycle(here: Path) -> None:
    """Nothing is due at first sight."""
    write(here / "jobs/example-daily.yaml", DAILY)
    scheduler = executed(BASIC)["scheduler"]
    assert list(scheduler.jobs) == ["example-daily"]
    assert scheduler.jobs["example-daily"].state == "pending"


def test_the_custom_configuration_runs_jobs_of_another_folder(here: Path) -> None:
    """`Path("custom/jobs")`, two at a time."""
    write(here / "custom/jobs/beat.yaml", "command: touch beaten\ninterval: 1h\n")
    write(here / "custom.py", CUSTOM_CONFIGURATION)
    program = as_program(here, "custom.py")
    wait_until((here / "beaten").exists, what="the job's file")
    assert "info up: 1 jobs" in up_and_terminated(program)


def test_a_job_made_by_the_program_is_run_at_its_next_instant(here: Path, make: Make, clock: FakeClock) -> None:
    """The example as it stands, then the same job when five minutes have passed."""
    job = executed(PROGRAMMATIC, TaskScheduler=TaskScheduler)["job"]
    assert (job.state, job.priority) == ("pending", Priority.HIGH)
    scheduler = make(state_dir="elsewhere")
    scheduler.jobs[job.id] = job
    scheduler.run_once()
    clock.advance(300)
    assert [result.output for result in scheduler.run_once()] == ["Hello from scheduler\n"]
    assert job.state == "completed"


def test_a_job_of_a_class_of_ones_own_is_handed_to_execute_job_as_it_is(make: Make) -> None:
    """The NotificationJob keeps its own attribute on its way through the scheduler."""
    kind = executed(JOB_TYPE)["NotificationJob"]
    told = []

    class Telling(Scheduler):
        """Reads what the subclass of Job holds."""

        def execute_job(self, job: Any) -> Any:
            told.append(job.notification_email)
            return super().execute_job(job)

    scheduler = make(Telling)
    scheduler.jobs["mail"] = kind("mail", "Mail", "true", interval="1h", notification_email="ada@example.org")
    assert [result.success for result in scheduler.run_once()] == [True]
    assert told == ["ada@example.org"]


def test_custom_execution_logic_sees_each_run_before_and_after(make: Make) -> None:
    """The CustomScheduler, with the two methods that the text leaves to its reader."""
    told: list[str] = []

    class Complete(executed(CUSTOM_EXECUTION)["CustomScheduler"]):  # type: ignore[misc]  # a class that the example defines
        """Notes what it is asked to send."""

        def send_notification(self, text: str) -> None:
            told.append(text)

        def alert_admin(self, job: Any, result: Any) -> None:
            told.append(f"{job.id}: {result.error}")

    scheduler = make(Complete)
    job = executed(JOB_TYPE)["Job"]
    scheduler.jobs["good"] = job("good", "Good", "true", interval="1h")
    scheduler.jobs["bad"] = job("bad", "Bad", "exit 3", interval="1h", priority="low")
    assert [result.success for result in scheduler.run_once()] == [True, False]
    assert told == ["Starting Good", "Starting Bad", "bad: exit code 3"]


def test_the_settings_file_of_the_text_is_followed_by_the_module_and_without_being_named(here: Path) -> None:
    """`config/scheduler.yaml`, for `python -m octojobs.embedded` and for `Scheduler()`; its log file is written."""
    write(here / "jobs/example-daily.yaml", DAILY)
    write(here / "config/scheduler.yaml", SETTINGS)
    log = up_and_terminated(as_program(here, "-m", "octojobs.embedded", "--config", "config/scheduler.yaml"))
    assert (here / "logs/scheduler.log").read_text() == log
    config = Scheduler().config
    assert (config.log_file, config.max_concurrent_jobs) == ("logs/scheduler.log", 1)
