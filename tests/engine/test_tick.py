"""What a tick does: due instants become runs, runs become outcomes, and nothing happens twice."""

from __future__ import annotations

import threading

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, FollowUp, Overlap, Priority, RetryPolicy, WhenBlocked
from octojobs.core.run import Outcome, Phase
from octojobs.core.when import ScheduleWhen
from octojobs.engine.scope import Scope
from tests.engine.world import World, job


def test_an_interval_job_runs_at_first_sight_and_then_at_each_period(world: World) -> None:
    """Due at once, then at anchor + k·interval, one run each."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    world.tick(59)
    assert world.outcomes() == ["succeeded"]
    world.tick(1)
    world.drain()
    assert world.outcomes() == ["succeeded", "succeeded"]


def test_ticking_twice_at_one_instant_starts_nothing_new(world: World) -> None:
    """The cursor, not the tick, decides."""
    world.declare(job("beat", every=60))
    for _ in range(5):
        world.tick()
    world.drain()
    world.tick()
    assert world.outcomes() == ["succeeded"]


def test_a_cron_job_has_no_past_at_first_sight_and_runs_at_its_instant(world: World) -> None:
    """First sight of a cron job: its cursor is now."""
    world.declare(job("hourly", when=ScheduleWhen(("0 * * * *",))))
    world.tick()
    assert world.engine.wake_at() == world.clock.now().replace(hour=11, minute=0, second=0)
    world.tick(3600)
    world.drain()
    assert [row.run.id for row in world.rows if row.run] == ["hourly@20261120T110000Z"]


def test_a_failing_command_is_recorded_with_its_exit_code(world: World) -> None:
    """The exit code and the outcome are in the row."""
    world.declare(job("bad", "exit 7", every=60))
    world.tick()
    world.drain()
    (row,) = world.rows
    assert row.run is not None
    assert (row.outcome, row.run.attempts[-1].exit_code) == (Outcome.FAILED, 7)


def test_a_retry_waits_for_its_time_holds_no_slot_and_counts_as_the_same_run(world: World) -> None:
    """Attempts 1 and 2 belong to one run; between them the pool has room."""
    flaky = job("flaky", "test $OCTOJOBS_ATTEMPT = 2", every=3600, retries=RetryPolicy(max=2, delay_s=30))
    world.declare(flaky, settings=Settings(max_concurrent=1))
    world.tick()
    world.drain()
    (run,) = world.runs()
    assert (run.phase, run.attempt, run.holds_slot) == (Phase.RETRYING, 2, False)
    world.tick(29)
    assert world.outcomes() == []
    world.tick(1)
    world.drain()
    assert world.outcomes() == ["succeeded"]
    assert [attempt.outcome for attempt in world.rows[0].run.attempts] == ["failed", "succeeded"]  # type: ignore[union-attr]  # a run's row


def test_a_retry_survives_a_restart_and_the_removal_of_its_job(world: World) -> None:
    """Retries vanish with neither the daemon nor the definition."""
    world.declare(job("flaky", "test $OCTOJOBS_ATTEMPT = 2", every=3600, retries=RetryPolicy(max=1, delay_s=30)))
    world.tick()
    world.drain()
    world.declare()
    world.restart()
    world.tick(30)
    world.drain()
    assert world.outcomes("flaky") == ["succeeded"]


def test_a_pool_bounds_what_runs_at_once_and_priority_orders_the_rest(world: World) -> None:
    """One at a time, urgent first; the others say what they wait for."""
    release = world.root / "release"
    wait = f"until test -e {release}; do sleep 0.02; done"
    jobs = [job(name, wait, every=3600, priority=Priority(name)) for name in ("low", "medium", "high", "urgent")]
    world.declare(*jobs, settings=Settings(max_concurrent=1))
    world.tick()
    assert [run.job for run in world.runs() if run.holds_slot] == ["urgent"]
    assert set(world.engine.starts.waiting_for(world.clock.now()).values()) == {"queued: pool default 1/1"}
    release.touch()
    world.drain()
    assert [row.job for row in world.rows] == ["urgent", "high", "medium", "low"]


def test_overlap_skip_records_the_instant_that_fell_into_a_running_run(world: World) -> None:
    """Every due instant has one outcome, the skipped one with its reason."""
    world.declare(job("slow", "sleep 30", every=60))
    world.tick()
    world.tick(60)
    assert [(row.outcome.value, row.reason) for row in world.rows] == [
        ("skipped", "previous run slow@20261120T100000Z is still running"),
    ]


def test_overlap_cancel_running_ends_the_old_run_and_then_starts_the_new_one(world: World) -> None:
    """The new run starts when the old one has ended."""
    world.declare(job("slow", "test $OCTOJOBS_SCHEDULED_AT = 2026-11-20T10:01:00Z || sleep 30", every=60, overlap=Overlap.CANCEL_RUNNING))
    world.tick()
    world.tick(60)
    world.drain()
    assert world.outcomes() == ["cancelled", "succeeded"]


def test_a_missed_stretch_is_caught_up_by_one_run_and_one_row(world: World) -> None:
    """`catch_up: latest`: one run for the newest instant, one row for the others."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    world.stop()
    world.clock.advance(60 * 100)
    world.start()
    world.tick()
    world.drain()
    assert [(row.outcome.value, row.count) for row in world.rows] == [("succeeded", 1), ("missed", 99), ("succeeded", 1)]


def test_a_manual_request_starts_one_run_even_when_it_is_read_twice(world: World) -> None:
    """A crash between the record and the removal of the request repeats the reading, not the run."""
    world.declare(job("hand"))
    world.tick()
    suffix = world.ask("run", job=JobId("hand"))
    (file,) = world.paths.requests.glob("*.json")
    kept = file.read_bytes()
    world.tick()
    file.write_bytes(kept)
    world.tick()
    world.drain()
    assert [row.run.id for row in world.rows if row.run] == [f"hand@20261120T100000Z-{suffix}"]


def test_a_request_whose_run_ends_at_once_is_not_taken_again_after_a_crash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its guard does not hold: the daemon that is killed right after that was recorded has no request left to repeat."""
    never = Condition("file_exists", {"path": "never"})
    world.declare(job("gated", conditions=(never,), when_blocked=WhenBlocked.SKIP))
    world.ask("run", job=JobId("gated"))
    monkeypatch.setattr(world.engine, "_act", lambda: None)
    world.tick()
    assert (world.outcomes(), list(world.paths.requests.glob("*.json"))) == (["skipped"], [])


def test_a_request_for_an_unknown_job_is_refused_and_removed(world: World, caplog: object) -> None:
    """It can't be done later either."""
    world.declare(job("hand"))
    world.ask("run", job=JobId("nobody"))
    world.tick()
    assert (world.runs(), list(world.paths.requests.glob("*.json"))) == ([], [])


def test_cancel_ends_a_running_run_and_is_recorded_with_who_asked(world: World) -> None:
    """TERM to everything of the run."""
    world.declare(job("slow", "sleep 30", every=3600))
    world.tick()
    world.ask("cancel", job=JobId("slow"))
    world.tick()
    world.drain()
    assert [(row.outcome.value, row.reason) for row in world.rows] == [("cancelled", "cancelled by test")]


def test_a_blocked_run_waits_and_starts_when_its_guard_holds(world: World) -> None:
    """`when_blocked: wait`: judged again every 30 s."""
    world.declare(job("gated", every=3600, conditions=(Condition("file_exists", {"path": "go"}),)))
    world.tick()
    (run,) = world.runs()
    assert (run.phase, run.verdicts[0].status.value) == (Phase.WAITING, "failed")
    (world.root / "go").touch()
    world.tick(29)
    assert world.outcomes() == []
    world.tick(1)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_blocked_run_is_replaced_by_the_next_instant(world: World) -> None:
    """The old instant ends skipped with the evidence, the new one waits in its place."""
    world.declare(job("gated", every=60, conditions=(Condition("file_exists", {"path": "go"}),)))
    world.tick()
    world.tick(60)
    assert [(row.outcome.value, row.due.minute) for row in world.rows] == [("skipped", 0)]
    assert [run.due.minute for run in world.runs()] == [1]
    assert world.rows[0].reason.endswith("; replaced by 2026-11-20T10:01:00Z")


def test_pause_skips_due_instants_with_the_reason_and_resume_ends_it(world: World) -> None:
    """Due instants of a paused job are recorded, not forgotten."""
    world.declare(job("beat", every=60))
    world.ask("pause", job=JobId("beat"), reason="deploying")
    world.tick()
    world.tick(60)
    world.ask("resume", job=JobId("beat"))
    world.tick(60)
    world.drain()
    assert world.outcomes()[-1] == "succeeded"
    assert {row.reason for row in world.rows if row.outcome is Outcome.SKIPPED} == {"paused (deploying)"}


def test_a_failure_reaches_a_person_through_on_failure(world: World) -> None:
    """The follow-up's command runs after the run has ended, told about it through its environment."""
    tell = CommandAction("echo $OCTOJOBS_PARENT_RUN_ID $OCTOJOBS_OUTCOME $OCTOJOBS_EXIT_CODE")
    world.declare(job("bad", "exit 3", every=3600, on_failure=FollowUp(command=tell)))
    world.tick()
    world.drain()
    assert [row.run.id for row in world.rows if row.run] == ["bad@20261120T100000Z", "bad@20261120T100000Z+on_failure"]
    assert world.output("bad@20261120T100000Z+on_failure") == "bad@20261120T100000Z failed 3\n"


def test_on_success_runs_another_job(world: World) -> None:
    """`on_success: {run: job}` asks for a run of that job, caused by the first."""
    world.declare(job("build", every=3600, on_success=FollowUp(run=JobId("deploy"))), job("deploy"))
    world.tick()
    world.drain()
    assert [(row.job, row.run.cause.value) for row in world.rows if row.run] == [("build", "schedule"), ("deploy", "on_success")]


def test_a_job_that_keeps_failing_is_paused_with_the_reason(world: World) -> None:
    """`pause_after` is a circuit breaker."""
    world.declare(job("bad", "exit 1", every=60, pause_after=2))
    world.tick()
    world.drain()
    world.tick(60)
    world.drain()
    world.tick(60)
    assert world.outcomes() == ["failed", "failed", "skipped"]
    assert world.rows[-1].reason == "paused (2 consecutive failures, the last one bad@20261120T100100Z)"


def test_one_failure_may_be_enough_to_pause_a_job(world: World) -> None:
    """`pause_after: 1`, and the reason counts one."""
    world.declare(job("bad", "exit 1", every=60, pause_after=1))
    world.tick()
    world.drain()
    world.tick(60)
    assert world.rows[-1].reason == "paused (1 failure, bad@20261120T100000Z)"


def test_a_removed_job_keeps_its_cursor_and_comes_back_without_a_burst(world: World) -> None:
    """Absent for an hour, then back: no run for what fell due meanwhile."""
    beat = job("beat", every=60)
    world.declare(beat)
    world.tick()
    world.drain()
    world.declare()
    world.tick(3600)
    world.declare(beat)
    world.tick(30)
    assert world.outcomes() == ["succeeded"]
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded", "succeeded"]


def test_a_run_is_adopted_after_a_restart_with_its_exit_code(world: World) -> None:
    """The daemon's death neither kills nor loses a running job."""
    release = world.root / "release"
    world.declare(job("slow", f"until test -e {release}; do sleep 0.02; done; exit 5", every=3600))
    world.tick()
    world.restart()
    release.touch()
    world.drain()
    (row,) = world.rows
    assert row.run is not None
    assert (row.run.id, row.outcome.value, row.run.attempts[-1].exit_code) == (RunId("slow@20261120T100000Z"), "failed", 5)


def test_a_clock_that_steps_back_an_hour_starts_nothing_twice(world: World) -> None:
    """The cursor stays, and the instants it has passed are settled."""
    world.declare(job("beat", every=60))
    world.tick()
    world.drain()
    world.tick(60)
    world.drain()
    world.clock.step(-3600)
    world.tick()
    world.tick(60)
    assert world.outcomes() == ["succeeded", "succeeded"]


def test_an_instant_that_comes_again_after_a_correction_of_the_clock_gets_a_folder_of_its_own(world: World) -> None:
    """The clock was four hours ahead: what ran in the folder then is not taken for the result of now."""
    world.declare(job("hourly", "echo $OCTOJOBS_ATTEMPT", when=ScheduleWhen(("0 * * * *",))))
    world.tick()
    world.clock.step(4 * 3600)
    world.tick(60 * 5)
    world.drain()
    world.clock.step(-4 * 3600)
    world.tick()
    for _ in range(4):
        world.tick(3600)
        world.drain()
        world.tick()
        world.drain()
    again = [row for row in world.rows if row.run and row.run.id == "hourly@20261120T140000Z"]
    assert [row.outcome.value for row in again] == ["succeeded", "succeeded"]
    assert world.output("hourly@20261120T140000Z", attempt=2) == "2\n"


def test_a_guard_that_hangs_keeps_no_other_job_from_starting(world: World) -> None:
    """Its command takes as long as it likes; the tick goes on, and the answer is taken in when it comes."""
    release = world.root / "release"
    slow = Condition("command", {"command": f"until test -e {release}; do sleep 0.02; done"})
    world.declare(job("gated", every=3600, conditions=(slow,)), job("free", every=3600))
    world.tick()
    world.drain()
    assert world.outcomes() == ["succeeded"]
    assert world.engine.starts.guards.asking
    answered = threading.Event()
    world.engine.starts.guards.ring = answered.set
    release.touch()
    assert answered.wait(10)
    world.tick()
    world.drain()
    assert [row.job for row in world.rows] == ["free", "gated"]


def test_a_guard_that_can_not_be_asked_for_want_of_a_thread_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is not true: the run waits, and its guard is asked again half a minute later."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    world.declare(job("gated", every=3600, conditions=(Condition("file_exists", {"path": "."}),)))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        world.tick()
    (run,) = world.runs()
    assert (run.phase, run.verdicts[0].evidence) == (Phase.WAITING, "can't start new thread")
    world.tick(30)
    world.drain()
    assert world.outcomes() == ["succeeded"]


def test_a_job_that_only_ever_ran_by_request_is_remembered(world: World) -> None:
    """Its failures count, and its last success is known, although no tick has planned it."""
    world.engine.scope = Scope(plan=False)
    world.declare(job("bad", "exit 1", every=3600, enabled=False, pause_after=2))
    for _ in range(2):
        world.ask("run", job=JobId("bad"))
        world.tick(1)
        world.drain()
    state = world.engine.store.ledger.jobs[JobId("bad")]
    assert (state.failures, state.last_outcome) == (2, Outcome.FAILED)
    assert state.pause is not None


def test_a_failure_reaches_a_person_even_when_it_is_a_missing_secret_or_folder(world: World) -> None:
    """The follow-up goes without what the job lacked."""
    tell = FollowUp(command=CommandAction('echo "$OCTOJOBS_REASON"'))
    world.declare(
        job("secretive", every=3600, secrets=("OCTOJOBS_TEST_SECRET",), on_failure=tell),
        job("homeless", every=3600, cwd="nowhere", on_failure=tell),
    )
    world.tick()
    world.drain()
    world.tick()
    world.drain()
    assert "secret OCTOJOBS_TEST_SECRET is neither in" in world.output("secretive@20261120T100000Z+on_failure")
    assert "nowhere" in world.output("homeless@20261120T100000Z+on_failure")
