"""The scheduler's loop and its state: what it follows, who may hold it, and how it ends."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs import Job, JobResult, Scheduler, SchedulerConfig, TaskScheduler
from octojobs.embedded.place import state_folder
from octojobs.errors import InvalidDefinitions, RepositoryBusy, UsageError
from tests.embedded.conftest import Make, beat
from tests.fakes import FakeClock
from tests.helpers import commit_files, make_repository, wait_until, write


def beside(scheduler: Scheduler, act: Callable[[], object]) -> str:
    """What `run` returns when `act` is done in another thread meanwhile; a failing act stops it, and is raised."""
    failures: list[BaseException] = []

    def acting() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)
            scheduler.stop()

    thread = threading.Thread(target=acting)
    thread.start()
    why = scheduler.run()
    thread.join()
    assert not failures, failures[0]
    return why


def test_both_names_are_one_class() -> None:
    """TaskScheduler is what tasks-loop called it."""
    assert TaskScheduler is Scheduler


def test_an_absent_folder_is_an_error_where_it_is_asked_for(make: Make) -> None:
    """`load_jobs`, and `run` with nothing else to run; `run_once` does not need it."""
    scheduler = make()
    said = "^there is no folder jobs; make it, with a YAML file for each job, or name another: SchedulerConfig\\(jobs_dir=...\\)$"
    for call in (scheduler.load_jobs, scheduler.run):
        with pytest.raises(UsageError, match=said):
            call()
    assert scheduler.run_once() == []


def test_what_is_wrong_in_the_folder_is_told_with_its_place_and_changes_nothing(here: Path, make: Make) -> None:
    """All problems of all files, in order."""
    write(here / "jobs/good.yaml", "command: 'true'\nschedule: '@daily'\n")
    scheduler = make()
    scheduler.load_jobs()
    write(here / "jobs/bad.yaml", 'id: bad\nname: Bad\ncommand: "true"\nschedule: "61 2 * * *"\npriority: hihg\n')
    write(here / "jobs/other.yml", "command: [\n")
    write(here / "jobs/GOOD2.yaml", "id: GOOD\ncommand: 'true'\ninterval: 1h\n")
    with pytest.raises(InvalidDefinitions) as refused:
        scheduler.load_jobs()
    assert str(refused.value).splitlines() == [
        'jobs/bad.yaml:4:12: job "bad": schedule: minute 61 is outside 0-59; use 0-59, */n or a list',
        'jobs/bad.yaml:5:11: job "bad": priority: "hihg" is not one of urgent, high, medium, low; did you mean "high"?',
        (
            'jobs/good.yaml:1:1: job "good": another job has this name, jobs/GOOD2.yaml:1; '
            "rename one of them (upper and lower case are the same here)"
        ),
        "jobs/other.yml:2:1: this does not fit what stands above it; check the indentation, the quotes and the brackets",
    ]
    assert list(scheduler.jobs) == ["good"]


def test_loading_again_follows_the_files_and_leaves_the_programs_changes_alone(here: Path, make: Make) -> None:
    """A changed file replaces its job, a removed one takes it away; the program's own jobs and changes stay."""
    for name in ("changed", "removed", "kept", "dropped", "own"):
        write(here / f"jobs/{name}.yaml", "command: 'false'\nschedule: '@daily'\n")
    scheduler = make()
    own = scheduler.jobs["own"] = beat("own")
    kept = scheduler.load_jobs()["kept"]
    kept.command = "true"
    del scheduler.jobs["dropped"]
    write(here / "jobs/changed.yaml", "command: 'true'\nschedule: '@daily'\n")
    (here / "jobs/removed.yaml").unlink()
    scheduler.load_jobs()
    assert {name: job.command for name, job in scheduler.jobs.items()} == {"own": "true", "changed": "true", "kept": "true"}
    assert (scheduler.jobs["own"], scheduler.jobs["kept"]) == (own, kept)


def test_the_mapping_takes_jobs_under_their_ids_alone(make: Make) -> None:
    """Whatever else is put there is refused at once."""
    jobs = make().jobs
    jobs["beat"] = beat()
    with pytest.raises(ValueError, match=r'^jobs\["other"\] is given job "beat"; write jobs\[job.id\] = job$'):
        jobs["other"] = beat()
    with pytest.raises(ValueError, match=r'^job "BEAT": another job has this name, "beat"; rename one of them'):
        jobs["BEAT"] = beat("BEAT")
    with pytest.raises(TypeError, match=r"must be an octojobs\.Job, not str"):
        jobs["text"] = "true"  # type: ignore[assignment]  # what is refused
    del jobs["beat"]
    jobs["BEAT"] = beat("BEAT")
    assert list(jobs) == ["BEAT"]


def test_a_change_of_a_job_holds_from_the_next_run_on(make: Make, clock: FakeClock) -> None:
    """Another command, and disabled in the end; a failed job is one that failed last."""
    scheduler = make()
    job = scheduler.jobs["beat"] = beat(command="exit 1")
    scheduler.run_once()
    assert job.state == "failed"
    job.command = "echo new"
    clock.advance(3600)
    assert [result.output for result in scheduler.run_once()] == ["new\n"]
    assert job.state == "completed"
    job.enabled = False
    clock.advance(3600)
    assert scheduler.run_once() == []


def test_the_record_outlives_the_scheduler(make: Make, clock: FakeClock) -> None:
    """What has run does not run again, and what was missed is caught up by one run."""
    first = make()
    first.jobs["beat"] = beat()
    assert len(first.run_once()) == 1
    first.close()
    clock.advance(10.5 * 3600)
    second = make()
    second.jobs["beat"] = beat(command="echo $OCTOJOBS_TRIGGER $OCTOJOBS_SCHEDULED_AT")
    assert [result.output for result in second.run_once()] == ["catch_up 2026-11-20T20:00:00Z\n"]
    assert second.run_once() == []


def test_two_schedulers_of_one_state_are_one_too_many(make: Make, here: Path) -> None:
    """The second is told who holds it, and goes on when the first is closed; one with another state is free."""
    first, second, third = make(), make(), make(state_dir="mine")
    first.run_once()
    held = f"^the state in {first.state_dir} is held by another Scheduler of this process; "
    with pytest.raises(RepositoryBusy, match=held + "close\\(\\) that scheduler, or give this one a state_dir of its own$"):
        second.run_once()
    assert third.run_once() == []
    assert third.state_dir == here / "mine"
    first.close()
    assert second.run_once() == []
    assert first.state_dir == second.state_dir == state_folder(here / "jobs", os.environ)


def test_a_scheduler_that_nobody_refers_to_any_more_gives_its_state_free() -> None:
    """A function may make one, use it and forget it, twice."""

    def use() -> list[JobResult]:
        scheduler = Scheduler()
        scheduler.jobs["beat"] = beat()
        return scheduler.run_once()

    gc.disable()
    try:
        assert [len(use()), len(use())] == [1, 0]
    finally:
        gc.enable()


def test_run_starts_jobs_at_their_instants_and_follows_what_is_added(make: Make, here: Path) -> None:
    """Every second, with a poll of a minute; a job that another thread adds is live within a second."""
    scheduler = make(real=True)
    scheduler.jobs["beat"] = beat(command="echo >> beats", interval=1)

    def act() -> None:
        wait_until(lambda: (here / "beats").exists() and (here / "beats").stat().st_size >= 2)
        scheduler.jobs["late"] = beat("late", "touch late")
        wait_until((here / "late").exists)
        scheduler.stop()

    assert beside(scheduler, act) == "stop()"


def test_run_follows_the_folder_and_a_broken_file_changes_nothing(make: Make, here: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Added, broken, mended, and the folder removed: said in the log, and the last good jobs go on."""
    write(here / "jobs/one.yaml", "command: touch one\ninterval: 1h\n")
    scheduler = make(real=True, poll_interval_seconds=0.1)

    def logged(text: str) -> bool:
        return any(text in record.getMessage() for record in caplog.records)

    def act() -> None:
        wait_until((here / "one").exists)
        write(here / "jobs/two.yaml", "command: touch two\ninterval: 1x\n")
        wait_until(lambda: logged('the jobs of jobs go on as they were: jobs/two.yaml:2:11: job "two": interval: "1x" is not a duration'))
        write(here / "jobs/two.yaml", "command: touch two\ninterval: 1h\n")
        wait_until((here / "two").exists)
        (here / "jobs").rename(here / "gone")
        wait_until(lambda: logged("the folder jobs has gone; its jobs go on as they were"))
        scheduler.stop()

    with caplog.at_level(logging.INFO, "octojobs"):
        assert beside(scheduler, act) == "stop()"
    assert sorted(scheduler.jobs) == ["one", "two"]
    assert logged("the newest definitions are in force again")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_daemon_and_not_what_runs(here: Path, number: signal.Signals, code: int) -> None:
    """`python -m octojobs.embedded`: the job goes on; the next daemon has its end."""
    write(here / "jobs/slow.yaml", "command: touch started; until test -e go; do sleep 0.02; done; touch ended\ninterval: 1h\n")
    program = subprocess.Popen([sys.executable, "-m", "octojobs.embedded"], cwd=here, stderr=subprocess.PIPE, start_new_session=True)
    with program:
        wait_until((here / "started").exists)
        program.send_signal(number)
    assert program.returncode == code
    (here / "go").touch()
    wait_until((here / "ended").exists)
    scheduler = Scheduler()
    with scheduler:
        scheduler.load_jobs()
        scheduler.run_once()
        assert scheduler.jobs["slow"].state == "completed"


def test_an_interrupt_breaks_into_run_once_when_the_record_is_safe(make: Make) -> None:
    """KeyboardInterrupt, as a program expects it; the scheduler can be used afterwards."""

    class Interrupted(Scheduler):
        """Gets a Ctrl-C while its job runs."""

        def execute_job(self, job: Job) -> JobResult:
            signal.raise_signal(signal.SIGINT)
            return super().execute_job(job)

    scheduler = make(Interrupted)
    scheduler.jobs["beat"] = beat()
    with pytest.raises(KeyboardInterrupt):
        scheduler.run_once()
    assert Scheduler.execute_job(scheduler, beat("other")).success


def test_a_stop_that_comes_early_ends_the_next_run(make: Make) -> None:
    """A thread that stops the scheduler need not wait for it to be up; it holds once."""
    scheduler = make()
    scheduler.jobs["beat"] = beat()
    scheduler.stop()
    assert scheduler.run() == "stop()"
    assert len(scheduler.run_once()) == 1


def test_the_module_tells_what_is_wrong_and_starts_nothing(here: Path) -> None:
    """No traceback: the places, and the exit code of wrong usage."""

    def called(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "octojobs.embedded", *arguments], cwd=here, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stderr

    said = "octojobs: there is no folder jobs; make it, with a YAML file for each job, or name another: SchedulerConfig(jobs_dir=...)\n"
    assert called() == (2, said)
    write(here / "config/scheduler.yaml", "jobs_dir: jobs\nmax_concurrent_jobs: 0\npol_interval_seconds: 3\n")
    assert called() == (
        2,
        (
            "config/scheduler.yaml:2:22: max_concurrent_jobs: 0 is not a whole number above 0; write a whole number above 0\n"
            'config/scheduler.yaml:3:1: unknown field "pol_interval_seconds"; did you mean "poll_interval_seconds"?\n'
            "octojobs: nothing was started\n"
        ),
    )
    assert called("--config", "none.yaml") == (
        2,
        ("none.yaml: there is no such file; name another\noctojobs: nothing was started\n"),
    )


def test_inside_git_runs_are_recorded_with_the_commit_and_guards_read_the_repository(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside git a guard about git is unknown, and unknown is not true."""
    repo = make_repository(tmp_path / "git")
    commit = commit_files(repo, {"README.md": "hello\n"})
    outside = make()
    monkeypatch.chdir(repo)
    inside = make()
    for scheduler in (inside, outside):
        scheduler.jobs["beat"] = beat(command="echo $OCTOJOBS_COMMIT $PWD", conditions=[{"on_branch": "main"}])
    assert [result.output for result in inside.run_once()] == [f"{commit} {repo}\n"]
    assert outside.run_once() == []


def test_a_configuration_is_checked_when_it_is_made() -> None:
    """All that is wrong, as ValueError."""
    with pytest.raises(ValueError, match="max_concurrent_jobs") as refused:
        SchedulerConfig(jobs_dir="", max_concurrent_jobs=True, poll_interval_seconds=0, log_level="LOUD")
    assert str(refused.value).splitlines() == [
        'jobs_dir: "" is not a folder; write a folder',
        "poll_interval_seconds: 0 is not a number of seconds above 0; write a number of seconds above 0",
        "max_concurrent_jobs: True is not a whole number above 0; write a whole number above 0",
        'log_level: "LOUD" is not one of DEBUG, INFO, WARNING, ERROR, CRITICAL; write one of DEBUG, INFO, WARNING, ERROR, CRITICAL',
    ]
