"""The launcher and its shims: what runs when, and what happens when a process of ours dies in between."""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.run import Outcome, Process
from octojobs.runners import launcher, receipts
from octojobs.runners.base import HEADER, OFFER, Shim
from octojobs.runners.launcher import BATCH, Launcher
from tests.helpers import wait_until, write
from tests.runners.world import Launched, World, is_over, limits, pid_in, result_of, shell, world

__all__ = ["world"]


def test_a_shim_does_nothing_until_it_is_given_a_run(world: World) -> None:
    """It knows of no folder and has no child; the run goes off when it is handed over."""
    launched = world.gated(world.spec(*shell("touch ran")))
    assert list(launched.launch.run_dir.iterdir()) == []
    assert platform.children(launched.process.pid) == []
    assert launched.shim.is_there()
    launched.open()
    assert result_of(launched).outcome is Outcome.SUCCEEDED
    assert (world.root / "ran").exists()


def test_a_shim_that_is_given_half_a_run_runs_nothing(world: World) -> None:
    """The daemon died in the middle of the message: what is not there whole is not there."""
    launched = world.gated(world.spec(*shell("touch ran")))
    launched.shim.connection.send(HEADER.pack(500) + b'{"run_dir":')
    launched.abandon()
    wait_until(lambda: is_over(launched))
    run_dir = launched.launch.run_dir
    assert (receipts.has_started(run_dir), receipts.is_live(run_dir), receipts.read_exit(run_dir)) == (False, False, None)
    assert not (world.root / "ran").exists()


def test_an_idle_shim_ends_by_term_and_is_noticed(world: World) -> None:
    """It has nothing to tidy up; whoever would use it sees that it is gone, and it runs nothing."""
    launched = world.gated(world.spec(*shell("touch ran")))
    platform.send_signal(launched.process, signal.SIGTERM)
    wait_until(lambda: is_over(launched))
    assert not launched.shim.is_there()
    assert not launched.shim.start(launched.launch)
    assert not receipts.has_started(launched.launch.run_dir)


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
(opened, gated), _ = Launcher().fork(2)
opened.start(specs[0])
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
    """A stopped launcher can't hold the daemon for ever; what it may still fork finds its connection closed."""
    with monkeypatch.context() as impatient:
        impatient.setattr(launcher, "ANSWER_S", 0.1)
        world.launcher.start()
    hung = world.launcher.pid
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    assert world.finish(world.spec("true")).outcome is Outcome.SUCCEEDED
    wait_until(lambda: platform.start_ticks(hung) is None)


def test_the_connection_tells_the_end_of_a_run(world: World) -> None:
    """It becomes readable when the result is there, not before, and then takes another run: no fork is needed for it."""
    first, second = world.spec(*shell("while [ ! -e go ]; do sleep 0.01; done; exit 3")), world.spec(*shell("exit 4"))
    shim = world.gated(first).shim
    shim.start(first)
    ear = select.poll()
    ear.register(shim.connection, select.POLLIN)
    assert ear.poll(50) == []
    (world.root / "go").touch()
    for launch, code in ((first, 3), (second, 4)):
        assert ear.poll(10_000) != []
        words = shim.last_words()
        found = receipts.read_exit(launch.run_dir)
        assert found is not None
        assert (words[:1], receipts.exit_of(words[1:])) == (OFFER, found)
        assert found.exit_code == code
        shim.start(second)
    shim.close()


def test_hundreds_start_in_one_call(world: World) -> None:
    """More than one message carries, each with a result of its own."""
    count = 3 * BATCH + 8
    specs = [world.spec(*shell(f"exit {number % 200}")) for number in range(count)]
    started = [Launched(spec, shim) for spec, shim in zip(specs, world.fork(count), strict=True)]
    assert len({one.process.pid for one in started}) == count
    for one in started:
        one.open()
    assert [result_of(one).exit_code for one in started] == [number % 200 for number in range(count)]


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


def test_a_lack_of_descriptors_gives_fewer_shims_and_a_reason(world: World) -> None:
    """Those that there are work."""
    world.finish(world.spec("true"))
    with at_most(12):
        shims, why = world.launcher.fork(12)
    assert 0 < len(shims) < 12
    assert why in ("can't make its connection: Too many open files", "can't identify its shim: Too many open files")
    _all_work(world, shims)


def _all_work(world: World, shims: list[Shim]) -> None:
    for shim in shims:
        launched = Launched(world.spec("true"), shim)
        launched.open()
        assert result_of(launched).outcome is Outcome.SUCCEEDED


FEW_DESCRIPTORS = """
import os, resource, runpy
free = [os.open(os.devnull, os.O_RDONLY) for _ in range(12)]
for descriptor in free:
    os.close(descriptor)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
runpy.run_path({path!r}, run_name="__main__")
"""


def test_a_launcher_short_of_descriptors_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't take more connections than it may open; the kernel drops the rest of a message."""
    monkeypatch.setattr(launcher, "_MAIN", write(world.root / "main.py", FEW_DESCRIPTORS.format(path=str(launcher._MAIN))))
    shims, why = world.launcher.fork(30)
    assert 0 < len(shims) < 30
    assert why == "can't start a shim: Too many open files"
    _all_work(world, shims)


NO_PROCESSES = """
import errno, os, runpy, sys
def fork():
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
os.fork = fork
runpy.run_path({path!r}, run_name="__main__")
"""


def test_a_fork_that_fails_is_a_failure_with_a_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes left: the daemon hears it in words, nothing is left open, and it goes on."""
    crippled = write(world.root / "main.py", NO_PROCESSES.format(path=str(launcher._MAIN)))
    monkeypatch.setattr(launcher, "_MAIN", crippled)
    before = len(os.listdir("/dev/fd"))
    assert world.launcher.fork(2) == ([], "can't start a shim: Resource temporarily unavailable")
    assert len(os.listdir("/dev/fd")) == before + 1  # the launcher's socket


def test_no_launcher_is_a_failure_with_a_reason(world: World) -> None:
    """A Python that isn't there any more (an upgrade moved it) is reported, not raised."""
    assert Launcher(python="/no/such/python").fork(1) == ([], "the launcher does not answer: No such file or directory")


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


def test_a_daemon_that_was_killed_before_it_read_the_answer_leaves_a_launcher_that_ends_in_silence(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The kernel resets such a connection instead of closing it: that is the end like any other."""
    daemon = Launcher()
    daemon.start()
    assert daemon._socket is not None
    ours, theirs = socket.socketpair()
    socket.send_fds(daemon._socket, [bytes([1])], [theirs.fileno()])
    theirs.close()
    select.select([daemon._socket], [], [], 10)
    daemon._socket.close()
    ours.close()
    daemon._process.wait(10)
    daemon.close()
    assert capfd.readouterr().err == ""


def test_a_launcher_that_can_not_load_what_it_needs_says_so_in_a_line(tmp_path: Path) -> None:
    """On a machine without a descriptor to spare, or with a bad disk, there is no traceback in the daemon's log."""
    alone = tmp_path / "a/b/launcher_main.py"
    write(alone, launcher._MAIN.read_text())
    done = subprocess.run([sys.executable, "-I", "-S", str(alone), "0"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "octojobs: the launcher can't begin: No module named 'octojobs'\n")
