"""The folder of a tasks-loop scheduler: its files are kept as they are, and what can't be kept is told."""

from __future__ import annotations

from octojobs.config.exchange.tasks_loop import LoopSettings, read_job, read_settings, settings_text, target
from tests.config.loading import load
from tests.config.test_seeds import TASKS_LOOP

SETTINGS = """\
jobs_dir: jobs
poll_interval_seconds: 60
default_timeout_seconds: 300
max_concurrent_jobs: 1
log_level: INFO
log_file: logs/scheduler.log  # Optional
"""


def test_a_job_is_kept_byte_for_byte() -> None:
    """Its comments too: it is a file of ours already."""
    job = read_job("jobs/example-daily.yaml", TASKS_LOOP.encode(), LoopSettings(default_timeout_s=60), None)
    assert (job.name, job.text, target(job)) == ("example-daily", TASKS_LOOP, ".octopoid/jobs/example-daily.yaml")


def test_what_the_scheduler_gave_to_all_jobs_is_added_at_the_end() -> None:
    """A time limit where the job has none, and the zone of the machine."""
    text = "---\nid: a\nname: A\ncommand: 'true'\nschedule: '@daily'\n...\n"
    job = read_job("jobs/a.yaml", text.encode(), LoopSettings(default_timeout_s=300), "Asia/Tokyo")
    assert job.text == (
        "---\nid: a\nname: A\ncommand: 'true'\nschedule: '@daily'\n"
        "# from the settings of the scheduler that this job comes from\ntimeout_seconds: 300\ntimezone: Asia/Tokyo\n"
    )
    definitions = load(more={target(job): job.text}).definitions
    assert definitions is not None
    (loaded,) = definitions.jobs.values()
    assert (loaded.timezone, loaded.limits.timeout_s, loaded.title) == ("Asia/Tokyo", 300, "A")


def test_what_is_no_job_of_tasks_loop_is_told() -> None:
    """Missing fields, unknown ones, and what is no YAML at all."""
    text = "id: a\nname: A\ncommand: x\nschedule: '@daily'\nmax_retry: 2\n"
    assert [str(problem) for problem in read_job("a.yaml", text.encode(), LoopSettings(), None).problems] == [
        'a.yaml:5:1: "max_retry" is no field of a tasks-loop job; did you mean "max_retries"?'
    ]
    assert [str(problem) for problem in read_job("a.yaml", b"id: a\n", LoopSettings(), None).problems] == [
        "a.yaml: name, command and schedule missing; complete it, or move it away: this is no job of tasks-loop"
    ]
    assert [str(problem) for problem in read_job("a.yaml", b"- a\n", LoopSettings(), None).problems] == [
        "a.yaml: the file is no mapping; write its fields as `name: value`"
    ]


def test_the_settings_of_the_example_are_read() -> None:
    """What has a counterpart is used, what has none is told with what to use instead."""
    settings = read_settings("config/scheduler.yaml", SETTINGS.encode())
    assert (settings.jobs_dir, settings.default_timeout_s, settings.max_concurrent) == ("jobs", 300, 1)
    assert [str(problem) for problem in settings.problems] == [
        (
            "config/scheduler.yaml:2:1: warning: poll_interval_seconds is left out; "
            "octojobs sleeps until something is due, and then wakes at once"
        ),
        "config/scheduler.yaml:5:1: warning: log_level is left out; `octojobs status` and `octojobs why` tell what happened",
        "config/scheduler.yaml:6:1: warning: log_file is left out; `octojobs logs` and `octojobs runs` show what ran",
    ]


def test_settings_that_are_wrong_are_told_and_not_used() -> None:
    """Each at its place."""
    settings = read_settings("s.yaml", b"jobs_dir: 1\nmax_concurrent_jobs: many\ndefault_timeout_seconds: 0\njob_dir: x\n")
    assert (settings.jobs_dir, settings.default_timeout_s, settings.max_concurrent) == ("jobs", None, None)
    assert [str(problem) for problem in settings.problems] == [
        "s.yaml:1:1: jobs_dir is no text; write a folder",
        "s.yaml:2:1: max_concurrent_jobs is no whole number above 0; write one, or remove it",
        "s.yaml:3:1: default_timeout_seconds is no whole number above 0; write one, or remove it",
        's.yaml:4:1: "job_dir" is no setting of tasks-loop; did you mean "jobs_dir"?',
    ]


def test_the_number_of_concurrent_jobs_becomes_a_settings_file() -> None:
    """One that our loader takes."""
    definitions = load("jobs: {}\n", settings_text("config/scheduler.yaml", 3)).definitions
    assert definitions is not None
    assert definitions.settings.max_concurrent == 3
