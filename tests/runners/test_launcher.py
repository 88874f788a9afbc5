"""The launcher and its gates: what runs when, and what happens when a process of ours dies in between."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.run import Outcome, Process
from octojobs.runners import launcher, receipts
from octojobs.runners.base import Launched, LaunchFailed
from octojobs.runners.launcher import BATCH, Launcher
from tests.helpers import wait_until, write
from tests.runners.world import World, is_over, limits, pid_in, result_of, shell, world

__all__ = ["world"]


def test_nothing_runs_before_the_gate_opens(world: World) -> None:
    """The shim holds `live` and waits; there is no `started`, no output, no process of the job."""
    launched = world.gated(world.spec(*shell("touch ran")))
    run_dir = launched.launch.run_dir
    wait_until(lambda: receipts.is_live(run_dir))
    assert [path.name for path in run_dir.iterdir()] == ["live"]
    assert platform.children(launched.process.pid) == []
    launched.open()
    assert result_of(launched).outcome is Outcome.SUCCEEDED
    assert (world.root / "ran").exists()


def test_a_gate_that_closes_unopened_lets_nothing_run(world: World) -> None:
    """`abandon`: the shim exits, and can be told from one that ran."""
    launched = world.gated(world.spec(*shell("touch ran")))
    launched.abandon()
    wait_until(lambda: is_over(launched))
    run_dir = launched.launch.run_dir
    assert (receipts.has_started(run_dir), receipts.is_live(run_dir), receipts.read_exit(run_dir)) == (False, False, None)
    assert not (world.root / "ran").exists()


DAEMON = """
import os, signal, sys
from pathlib import Path
from octojobs.core.job import Limits
from octojobs.runners.base import Launch
from octojobs.runners.launcher import Launcher
root = Path(sys.argv[1])
specs = []
for name in ("opened", "gated"):
    (root / name).mkdir()
    job = f"echo $$ >{name}.pid; while [ ! -e go ]; do sleep 0.01; done; exit 7"
    specs.append(Launch(root / name, ("sh", "-c", job), {"PATH": os.environ["PATH"]}, root, Limits()))
opened, gated = Launcher().launch(specs)
opened.open()
print(opened.process.pid, gated.process.pid, flush=True)
signal.pause()
"""


def test_a_killed_daemon_takes_no_run_along_and_starts_none(tmp_path: Path) -> None:
    """An open run goes on to its exit code; one at its gate never starts; the launcher is gone as well."""
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(tmp_path)], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        shims = [identify(int(pid)) for pid in daemon.stdout.readline().split()]
        pid_in(tmp_path / "opened.pid")
        its_launcher = next(iter(platform.children(daemon.pid)))
        daemon.send_signal(signal.SIGKILL)
    wait_until(lambda: platform.is_alive(shims[1]) is False)
    wait_until(lambda: platform.start_ticks(its_launcher) is None)
    assert not (tmp_path / "gated.pid").exists()
    assert not receipts.has_started(tmp_path / "gated")
    assert platform.is_alive(shims[0])
    assert receipts.is_live(tmp_path / "opened")
    (tmp_path / "go").touch()
    wait_until(lambda: platform.is_alive(shims[0]) is False)
    found = receipts.read_exit(tmp_path / "opened")
    assert found is not None
    assert found.exit_code == 7


def identify(pid: int) -> Process:
    """The identity of a process that runs."""
    return Process(pid, platform.start_ticks(pid) or 0, platform.boot_id())


def test_a_killed_launcher_leaves_its_shims_working_and_is_replaced(world: World) -> None:
    """Nobody notices but the process table."""
    first = world.start(world.spec(*shell("echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done; exit 3"), limits=limits(timeout_s=60)))
    pid_in(world.root / "pid")
    old = world.launcher.pid
    assert old is not None
    os.kill(old, signal.SIGKILL)
    assert world.finish(world.spec("true")).outcome is Outcome.SUCCEEDED
    assert world.launcher.pid not in (old, None)
    (world.root / "go").touch()
    assert result_of(first).exit_code == 3


def test_a_launcher_that_hangs_is_replaced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped launcher can't hold the daemon for ever; what it may still fork finds its gate closed."""
    with monkeypatch.context() as impatient:
        impatient.setattr(launcher, "ANSWER_S", 0.1)
        world.launcher.start()
    hung = world.launcher.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    assert world.finish(world.spec("true")).outcome is Outcome.SUCCEEDED
    wait_until(lambda: platform.start_ticks(hung) is None)


def test_a_pidfd_tells_the_end_of_a_run(world: World) -> None:
    """It becomes readable when the result is there, not before."""
    launched = world.start(world.spec(*shell("while [ ! -e go ]; do sleep 0.01; done")))
    if launched.pidfd is None:
        pytest.skip("no pidfds here")
    poll = select.poll()
    poll.register(launched.pidfd, select.POLLIN)
    assert poll.poll(50) == []
    (world.root / "go").touch()
    assert poll.poll(10_000) != []
    assert result_of(launched).outcome is Outcome.SUCCEEDED


def test_hundreds_start_in_one_call(world: World) -> None:
    """More than one message carries, each with a shim, a gate and a result of its own, in order."""
    count = 3 * BATCH + 8
    specs = [world.spec(*shell(f"exit {number % 200}")) for number in range(count)]
    shims = world.launcher.launch(specs)
    assert [shim.launch for shim in shims] == specs
    pids = {shim.process.pid for shim in shims if isinstance(shim, Launched)}
    assert len(pids) == count
    for shim in shims:
        assert isinstance(shim, Launched)
        shim.open()
    codes = [result_of(shim).exit_code for shim in shims if isinstance(shim, Launched)]
    assert codes == [number % 200 for number in range(count)]


@contextmanager
def at_most(descriptors: int) -> Iterator[None]:
    """This process may open exactly so many descriptors more, wherever the free numbers lie among those that it has open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.open(os.devnull, os.O_RDONLY) for _ in range(descriptors)]
    for descriptor in free:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_lack_of_descriptors_fails_single_launches_with_a_reason(world: World) -> None:
    """Those that found room run; the others provably don't, and may be tried again."""
    world.finish(world.spec("true"))
    specs = [world.spec("true") for _ in range(12)]
    with at_most(12):
        results = world.launcher.launch(specs)
    failed = [one for one in results if isinstance(one, LaunchFailed)]
    started = [one for one in results if isinstance(one, Launched)]
    assert failed
    assert started
    assert {one.reason for one in failed} <= {
        "can't make its gate: Too many open files",
        "can't identify its shim: Too many open files",
    }
    for one in started:
        one.open()
        assert result_of(one).outcome is Outcome.SUCCEEDED
    assert not any(receipts.has_started(one.launch.run_dir) for one in failed)


FEW_DESCRIPTORS = """
import os, resource, runpy
free = [os.open(os.devnull, os.O_RDONLY) for _ in range(12)]
for descriptor in free:
    os.close(descriptor)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
runpy.run_path({path!r}, run_name="__main__")
"""


def test_a_launcher_short_of_descriptors_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't take more gates than it may open; the kernel drops the rest of a message."""
    monkeypatch.setattr(launcher, "_MAIN", write(world.root / "main.py", FEW_DESCRIPTORS.format(path=str(launcher._MAIN))))
    results = world.launcher.launch([world.spec("true") for _ in range(30)])
    failed = [one.reason for one in results if isinstance(one, LaunchFailed)]
    started = [one for one in results if isinstance(one, Launched)]
    assert set(failed) == {"can't start a shim: Too many open files"}
    assert started
    for one in started:
        one.open()
        assert result_of(one).outcome is Outcome.SUCCEEDED


NO_PROCESSES = """
import errno, os, runpy, sys
def fork():
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
os.fork = fork
runpy.run_path({path!r}, run_name="__main__")
"""


def test_a_fork_that_fails_is_a_failure_with_a_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes left: the daemon hears it in words, its gates are closed, and it goes on."""
    crippled = write(world.root / "main.py", NO_PROCESSES.format(path=str(launcher._MAIN)))
    monkeypatch.setattr(launcher, "_MAIN", crippled)
    before = len(os.listdir("/dev/fd"))
    first, second = world.launcher.launch([world.spec("true"), world.spec("true")])
    for failed in (first, second):
        assert isinstance(failed, LaunchFailed)
        assert failed.reason == "can't start a shim: Resource temporarily unavailable"
    assert len(os.listdir("/dev/fd")) == before + 1  # the launcher's socket


def test_no_launcher_is_a_failure_with_a_reason(world: World) -> None:
    """A Python that isn't there any more (an upgrade moved it) is reported, not raised."""
    (failed,) = Launcher(python="/no/such/python").launch([world.spec("true")])
    assert isinstance(failed, LaunchFailed)
    assert failed.reason == "the launcher does not answer: No such file or directory"


def test_closing_twice_is_fine_and_leaves_runs_alone(world: World) -> None:
    """The daemon's end ends the launcher, never a run."""
    launched = world.start(world.spec(*shell("echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done")))
    pid_in(world.root / "pid")
    world.launcher.close()
    world.launcher.close()
    assert world.launcher.pid is None
    (world.root / "go").touch()
    assert result_of(launched).outcome is Outcome.SUCCEEDED


def test_the_launcher_knows_nothing_of_the_daemons_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody exported before starting the daemon isn't found in /proc of every shim."""
    monkeypatch.setenv("TOKEN", "hunter22")
    world.launcher.start()
    if sys.platform == "linux":
        assert Path(f"/proc/{world.launcher.pid}/environ").read_bytes() == b""
    assert "hunter22" not in repr(world.spec("true", env={"TOKEN": "hunter22"}))
