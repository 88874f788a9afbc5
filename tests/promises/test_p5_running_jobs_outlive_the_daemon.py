"""P5: a daemon's death neither kills nor loses running jobs; they are adopted with their time limits and their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.job import Limits
from octojobs.core.run import Phase, Process
from octojobs.runners.base import Launch, Shim
from tests.engine.world import World, job, world
from tests.helpers import make_repository, octojobs, output_of, start_octojobs, wait_until

__all__ = ["world"]


def test_a_run_goes_on_without_a_daemon_and_its_exit_code_is_found(world: World, tmp_path: Path) -> None:
    """It ends while nobody watches; the next start reads its result first."""
    world.declare(job("slow", f"until test -e {tmp_path}/go; do sleep 0.02; done; exit 9", every=3600))
    world.tick()
    world.stop()
    (tmp_path / "go").touch()
    wait_until(lambda: list(world.paths.runs.glob("slow/*/1/exit.json")), 10, "the shim to write its result")
    world.start()
    world.drain()
    assert [(row.outcome.value, row.run.attempts[-1].exit_code) for row in world.rows if row.run] == [("failed", 9)]


def test_the_time_limit_holds_while_no_daemon_lives(world: World) -> None:
    """The shim keeps the limit, not the daemon."""
    world.declare(job("slow", "sleep 60", every=3600, limits=Limits(timeout_s=0.5, kill_grace_s=0.2)))
    world.tick()
    world.stop()
    wait_until(lambda: list(world.paths.runs.glob("slow/*/1/exit.json")), 15, "the shim to end the run")
    world.start()
    world.drain()
    assert world.outcomes() == ["timed_out"]


def test_an_adopted_run_can_be_cancelled(world: World) -> None:
    """The second daemon finds the shim by its identity and asks it to end the run."""
    world.declare(job("slow", "sleep 60", every=3600))
    world.tick()
    world.restart()
    assert world.engine.running.adopted == 1
    world.ask("cancel", run=world.runs()[0].id)
    world.tick()
    world.drain()
    assert world.outcomes() == ["cancelled"]


def test_a_shim_that_was_killed_leaves_a_lost_run_and_no_second_start(world: World, tmp_path: Path) -> None:
    """`started` without a result and without a shim: the code may have run, so it is not run again."""
    effects = tmp_path / "effects"
    shim = _begun(world, effects)
    os.kill(shim.pid, signal.SIGKILL)
    world.drain()
    world.tick(60)
    assert world.outcomes() == ["lost"]
    assert effects.read_text() == "ran\n"


def test_a_crash_between_claim_and_gate_starts_the_instant_again_exactly_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal says running, no shim was ever told: the attempt is fenced, and the same due instant is attempt 2."""
    effects = tmp_path / "effects"
    world.declare(job("once", f"echo $OCTOJOBS_ATTEMPT >> {effects}", every=3600))
    with monkeypatch.context() as patch:
        patch.setattr(Shim, "start", _die)
        with pytest.raises(KeyboardInterrupt):
            world.tick()
    world.stop()
    world.start()
    assert [run.phase for run in world.runs()] == [Phase.RUNNING]
    world.tick()
    world.drain()
    assert effects.read_text() == "2\n"
    assert world.outcomes() == ["succeeded"]


def _die(shim: Shim, _: Launch) -> None:
    shim.close()  # as the kernel does
    raise KeyboardInterrupt


def test_what_a_killed_shim_leaves_behind_is_ended_before_the_run_counts_as_lost(world: World, tmp_path: Path) -> None:
    """Nobody holds it to its limits, and a second run beside it would be one too many."""
    world.declare(job("slow", f"setsid sleep 300 & echo $! > {tmp_path}/pid.tmp; mv {tmp_path}/pid.tmp {tmp_path}/pid; wait", every=3600))
    world.tick()
    wait_until((tmp_path / "pid").exists, 10, "the job to begin")
    (run,) = world.runs()
    assert run.process is not None
    os.kill(run.process.pid, signal.SIGKILL)
    world.drain()
    assert world.outcomes() == ["lost"]
    assert "sleep 300" in world.rows[0].reason
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2], 10, "it to be gone")


def test_a_started_run_whose_folder_is_gone_is_lost_and_not_run_again(world: World, tmp_path: Path) -> None:
    """`started` may have been in the folder: at most once is the promise."""
    effects = tmp_path / "effects"
    shim = _begun(world, effects)
    world.stop()
    os.kill(shim.pid, signal.SIGKILL)
    shutil.rmtree(world.paths.runs / "slow")
    world.start()
    world.drain()
    assert world.outcomes() == ["lost"]
    assert effects.read_text() == "ran\n"


@pytest.mark.parametrize("knows", [True, False])
def test_a_killed_shim_leaves_no_secret_in_what_is_stored(tmp_path: Path, knows: bool) -> None:
    """Nobody else masks the log of a lost run. Where the value is not known any more, the reason says so."""
    world = World(tmp_path, {**os.environ, "OCTOJOBS_TEST_SECRET": "hush-hush"})
    try:
        tell = 'echo "it is $OCTOJOBS_TEST_SECRET" | tee "$OCTOJOBS_RESULT"'
        command = f"until [ -e stopped ]; do sleep 0.02; done; {tell}; touch done; sleep 60"
        world.declare(job("leaky", command, every=3600, secrets=("OCTOJOBS_TEST_SECRET",)))
        world.tick()
        (run,) = world.runs()
        assert run.process is not None
        world.stop()
        os.kill(run.process.pid, signal.SIGSTOP)
        (tmp_path / "stopped").touch()
        wait_until((tmp_path / "done").exists, 20, "the job to have told it")
        os.kill(run.process.pid, signal.SIGKILL)
        assert "hush-hush" in world.output(run.id)
        if not knows:
            world.ground.environ = {name: value for name, value in os.environ.items() if name != "OCTOJOBS_TEST_SECRET"}
        world.start()
        world.drain()
        stored = world.output(run.id), (world.paths.run_dir(run.id, 1) / "result.json").read_text()
    finally:
        world.close()
    assert world.outcomes() == ["lost"]
    shown = "*********" if knows else "hush-hush"
    assert stored == (f"it is {shown}\n", f"it is {shown}\n")
    untold = "its output may show OCTOJOBS_TEST_SECRET, whose value is not known any more"
    assert world.rows[0].reason.endswith(untold) is not knows


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_launcher_that_is_killed_costs_no_run_and_the_next_one_starts(tmp_path: Path) -> None:
    """Under a running daemon, with a shim that is busy and one that is idle: `kill -9` of what forked them, twice."""
    effects = tmp_path / "effects"
    jobs = {
        "busy": f"echo busy >> {effects}; until [ -e {tmp_path}/go ]; do sleep 0.05; done; exit 3",
        "quick": f"echo quick >> {effects}",
    }
    text = "\n".join(f"  {name}: {{manual: true, command: '{command}'}}" for name, command in jobs.items())
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": f"jobs:\n{text}\n"})
    octojobs(repo, "allow", "--yes")
    daemon = start_octojobs(repo, "up")
    try:
        wait_until(lambda: "info up:" in output_of(repo).read_text(), 30, "the daemon")
        assert octojobs(repo, "run-now", "busy").returncode == 0
        wait_until(lambda: effects.exists() and "busy" in effects.read_text(), 30, "the busy one to begin")
        assert octojobs(repo, "run-now", "quick", "--wait").returncode == 0  # its shim is idle now
        for _ in range(2):
            launchers = [pid for pid in platform.children(daemon.pid) if "launcher_main" in platform.describe(pid)]
            (launcher,) = launchers
            idle = [shim for shim in platform.children(launcher) if not platform.children(shim)]
            assert idle != []
            os.kill(launcher, signal.SIGKILL)
            assert octojobs(repo, "run-now", "quick", "--wait").returncode == 0
            # The idle shim took that one: without it the next start needs a launcher.
            for shim in idle:
                os.kill(shim, signal.SIGKILL)
            assert octojobs(repo, "run-now", "quick", "--wait").returncode == 0
        (tmp_path / "go").touch()
        wait_until(lambda: "failed" in octojobs(repo, "runs", "busy").stdout, 30, "the end of the busy one")
    finally:
        octojobs(repo, "down")
        assert daemon.wait(30) == 0
    rows = json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]
    assert sorted((row["job"], row["outcome"], row["attempts"][-1]["exit_code"]) for row in rows) == [
        ("busy", "failed", 3),
        *[("quick", "succeeded", 0)] * 5,
    ]
    assert sorted(effects.read_text().split()) == ["busy", *["quick"] * 5]


def _begun(world: World, effects: Path) -> Process:
    """The shim of a run whose code has left its effect and goes on."""
    world.declare(job("slow", f"echo ran >> {effects}; sleep 60", every=3600))
    world.tick()
    wait_until(effects.exists, what="the job to begin")
    (run,) = world.runs()
    assert run.process is not None
    return run.process
