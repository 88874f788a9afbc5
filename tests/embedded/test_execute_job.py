"""`execute_job`: what a program may do around a run, and what becomes of the run whatever it does."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_type_hints

import pytest

from octojobs import Job, JobResult, Scheduler
from octojobs.embedded.session import SchedulerStopped
from octojobs.errors import UsageError
from tests.embedded.conftest import Make, beat
from tests.fakes import FakeClock
from tests.helpers import wait_until


def rows(scheduler: Scheduler) -> list[tuple[str, str, str]]:
    """Job, outcome and reason of each line of history, once the scheduler is closed."""
    scheduler.close()
    files = sorted((scheduler.state_dir / "history").glob("*.jsonl"))
    found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(row["job"], row["outcome"], row["reason"]) for row in found if "job" in row]


def test_the_result_tells_all_about_the_run(make: Make) -> None:
    """Both streams, exit code, attempts, times and the run's id."""
    scheduler = make(real=True)
    job = scheduler.jobs["beat"] = beat(command="echo out; echo err >&2; exit 4")
    (result,) = scheduler.run_once()
    assert (result.success, result.exit_code, result.outcome, result.error) == (False, 4, "failed", "exit code 4")
    assert sorted(result.output.split()) == ["err", "out"]
    assert result.started_at is not None
    assert result.ended_at is not None
    assert (result.ended_at - result.started_at).total_seconds() == result.duration_seconds
    assert (result.attempts, result.run_id.startswith("beat@")) == (1, True)
    assert (job.state, job.last_result, job.last_run is not None) == ("failed", result, True)


def test_a_call_by_hand_runs_a_job_now_whether_the_scheduler_knows_it_or_not(make: Make) -> None:
    """Past its schedule, its guards and its being disabled; twice is two runs."""
    scheduler = make()
    job = Job("hand", command="echo $OCTOJOBS_TRIGGER", schedule="0 0 1 1 *", enabled=False, conditions=[{"file_exists": "never"}])
    results = [scheduler.execute_job(job) for _ in range(2)]
    assert [result.output for result in results] == ["manual\n", "manual\n"]
    assert len({result.run_id for result in results}) == 2


def test_retries_belong_to_the_run_and_come_after_a_second(make: Make) -> None:
    """`max_retries` alone: a constant delay of one second; the result is that of the last attempt."""
    scheduler = make(real=True)
    job = beat(command="echo try $OCTOJOBS_ATTEMPT; test $OCTOJOBS_ATTEMPT = 2", max_retries=2)
    result = scheduler.execute_job(job)
    assert (result.success, result.attempts, result.output) == (True, 2, "try 2\n")
    assert result.duration_seconds is not None
    assert result.duration_seconds >= 1


def test_the_default_time_limit_holds_for_jobs_that_name_none(make: Make) -> None:
    """The job's own limit counts where it has one."""
    scheduler = make(real=True, default_timeout_seconds=1)
    slow = scheduler.execute_job(beat("slow", "sleep 20"))
    assert (slow.success, slow.outcome) == (False, "timed_out")
    assert scheduler.execute_job(beat("own", "sleep 1.2", timeout_seconds=20)).success


def test_runs_start_by_priority(make: Make) -> None:
    """Urgent, high, medium, low; one at a time, in the caller's thread."""
    seen: list[tuple[str, bool]] = []

    class Watching(Scheduler):
        """Notes the order and the thread."""

        def execute_job(self, job: Job) -> JobResult:
            seen.append((job.id, threading.current_thread() is threading.main_thread()))
            return super().execute_job(job)

    scheduler = make(Watching)
    for name in ("low", "medium", "urgent", "high"):
        scheduler.jobs[name] = beat(name, priority=name)
    assert len(scheduler.run_once()) == 4
    assert seen == [("urgent", True), ("high", True), ("medium", True), ("low", True)]


def test_two_at_a_time_are_executed_in_threads_and_never_three(make: Make) -> None:
    """Two jobs that wait for each other end; a third starts when one has ended."""
    most: list[int] = []
    inside: set[str] = set()
    together = threading.Barrier(2, timeout=20)

    class Wide(Scheduler):
        """Counts who is in `execute_job`."""

        def execute_job(self, job: Job) -> JobResult:
            inside.add(job.id)
            most.append(len(inside))
            if job.id in ("a", "b"):
                together.wait()
            result = super().execute_job(job)
            inside.discard(job.id)
            return result

    scheduler = make(Wide, max_concurrent_jobs=2)
    for name in ("a", "b", "c"):
        scheduler.jobs[name] = beat(name)
    assert [result.success for result in scheduler.run_once()] == [True, True, True]
    assert max(most) == 2


def test_an_override_that_never_runs_the_job_has_the_run_skipped(make: Make) -> None:
    """The record says so; what it returns counts for the job's state."""

    class Refusing(Scheduler):
        """Does the job some other way."""

        def execute_job(self, job: Job) -> JobResult:
            return JobResult(success=True, output="by other means")

    scheduler = make(Refusing)
    job = scheduler.jobs["beat"] = beat()
    assert [result.output for result in scheduler.run_once()] == ["by other means"]
    assert job.state == "completed"
    assert rows(scheduler) == [("beat", "skipped", "execute_job() of Refusing returned without running it")]


def test_an_override_that_raises_is_logged_and_the_others_run(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Before the run it is cancelled with the reason; after it the run's own record stands."""

    class Broken(Scheduler):
        """Fails before one job and after the other."""

        def execute_job(self, job: Job) -> JobResult:
            if job.id == "before":
                raise RuntimeError("no")
            super().execute_job(job)
            raise RuntimeError("too late")

    scheduler = make(Broken)
    scheduler.jobs["before"], scheduler.jobs["after"] = beat("before", priority="high"), beat("after")
    before, after = scheduler.run_once()
    assert (before.success, before.outcome, before.error) == (False, "cancelled", "execute_job() of Broken raised RuntimeError: no")
    assert (after.success, after.attempts) == (True, 1)
    assert [record.getMessage().partition(": ")[2] for record in caplog.records if record.exc_info] == [
        "execute_job() of Broken raised RuntimeError: no",
        "execute_job() of Broken raised RuntimeError: too late",
    ]
    assert rows(scheduler) == [("before", "cancelled", "execute_job() of Broken raised RuntimeError: no"), ("after", "succeeded", "")]


def test_an_override_may_run_other_jobs_before_and_after(make: Make) -> None:
    """With room for one, a run by hand inside `execute_job` takes the room that the waiting run does not use yet."""

    class Preparing(Scheduler):
        """Runs another job first, and the same one again."""

        def execute_job(self, job: Job) -> JobResult:
            super().execute_job(beat("prepare", "echo prepared > prepared"))
            super().execute_job(job)
            return super().execute_job(job)

    scheduler = make(Preparing)
    scheduler.jobs["beat"] = beat(command="cat prepared; echo $OCTOJOBS_TRIGGER")
    assert [result.output for result in scheduler.run_once()] == ["prepared\nmanual\n"]
    assert [outcome for _, outcome, _ in rows(scheduler)] == ["succeeded"] * 3


def test_two_threads_may_run_jobs_by_hand_at_once(make: Make) -> None:
    """Whoever waits for a run drives the engine when nobody else does."""
    scheduler = make(max_concurrent_jobs=2)
    results: list[JobResult] = []

    def call(name: str) -> None:
        other = "b" if name == "a" else "a"
        results.append(scheduler.execute_job(beat(name, f"touch {name}; until test -e {other}; do sleep 0.02; done")))

    threads = [threading.Thread(target=call, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [result.success for result in results] == [True, True]


def test_a_follow_up_runs_without_passing_through_execute_job(make: Make, here: Path) -> None:
    """`on_failure` has reached the person when `run_once` returns."""
    scheduler = make()
    scheduler.jobs["bad"] = beat("bad", "exit 1", on_failure={"command": "echo $OCTOJOBS_OUTCOME > told"})
    assert len(scheduler.run_once()) == 1
    assert (here / "told").read_text() == "failed\n"


def test_stop_leaves_the_run_alone_and_the_next_scheduler_takes_it_over(make: Make, here: Path, clock: FakeClock) -> None:
    """`execute_job` raises in the program's code; the job's end is told to the job of the next scheduler."""
    stopped: list[str] = []

    class Stopping(Scheduler):
        """Is stopped while its job runs."""

        def execute_job(self, job: Job) -> JobResult:
            try:
                return super().execute_job(job)
            except SchedulerStopped as error:
                stopped.append(str(error))
                raise

    scheduler = make(Stopping)
    scheduler.jobs["beat"] = beat(command="touch started; until test -e go; do sleep 0.02; done; echo ended")

    def act() -> None:
        wait_until((here / "started").exists)
        scheduler.stop()

    thread = threading.Thread(target=act)
    thread.start()
    assert scheduler.run() == "stop()"
    thread.join()
    assert stopped == [
        "the scheduler was stopped while execute_job('beat') waited; what runs goes on, and the next scheduler takes it over"
    ]
    scheduler.close()
    (here / "go").touch()
    after = make()
    job = after.jobs["beat"] = beat()
    assert after.run_once() == []
    assert (job.state, job.last_result and job.last_result.output) == ("completed", "ended\n")


def test_a_run_by_hand_that_was_stopped_before_it_started_never_starts(make: Make) -> None:
    """It is cancelled, with the reason."""

    class Stopping(Scheduler):
        """Stops before it runs another job."""

        def execute_job(self, job: Job) -> JobResult:
            self.stop()
            return super().execute_job(beat("other"))

    scheduler = make(Stopping)
    scheduler.jobs["beat"] = beat()
    assert scheduler.run_once() == []
    assert rows(scheduler) == [("other", "cancelled", "the scheduler was stopped before it started")]
    again = make()
    again.jobs["beat"] = beat()
    assert [result.success for result in again.run_once()] == [True]


def test_a_job_that_this_version_cannot_run_is_refused_in_words(make: Make) -> None:
    """An agent job by hand."""
    told = r"^job \"review\" can't run: an agent job needs the definitions of a repository; declare it in \.octopoid/jobs\.yaml$"
    with pytest.raises(UsageError, match=told):
        make().execute_job(Job("review", prompt="review", agent="reviewer", manual=True))


def test_neither_run_nor_close_may_be_called_inside_execute_job(make: Make) -> None:
    """Both messages say what to do."""
    said: list[str] = []

    class Nested(Scheduler):
        """Does what it must not."""

        def execute_job(self, job: Job) -> JobResult:
            for call in (self.run_once, self.close):
                with pytest.raises(UsageError) as refused:
                    call()
                said.append(str(refused.value))
            return super().execute_job(job)

    scheduler = make(Nested)
    scheduler.jobs["beat"] = beat()
    assert [result.success for result in scheduler.run_once()] == [True]
    assert said == [
        "this scheduler runs already; stop() it, or wait for its end",
        "close() is called inside execute_job(); call stop() there, and close() when run() has returned",
    ]


def test_a_result_may_be_the_base_of_a_programs_own() -> None:
    """A frozen dataclass, as it is one, whose types are known to whoever asks."""

    @dataclass(frozen=True)
    class Mine(JobResult):
        """With a note."""

        note: str = ""

    assert Mine(success=True, note="by hand") == Mine(True, note="by hand")
    assert get_type_hints(JobResult.__init__)["started_at"] == datetime | None
