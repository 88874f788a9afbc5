"""One run from its gate to its receipts: exit codes, limits, stops, and what a job's process finds around it."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import sys
from datetime import UTC
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.job import Limits
from octojobs.core.run import Outcome
from octojobs.runners import receipts
from octojobs.runners.base import OFFER, Launch, Shim
from tests.helpers import wait_until
from tests.runners.world import World, is_over, is_running, limits, output, pid_in, python, result_of, shell, world

__all__ = ["world"]


def test_a_job_that_returns_0_has_succeeded(world: World) -> None:
    """The result holds times in UTC, the exit code and the size of the output; both streams are in the log."""
    found, log = world.run(*shell("echo out; echo err >&2"))
    assert (found.outcome, found.exit_code, found.signal, found.reason) == (Outcome.SUCCEEDED, 0, None, "")
    assert log == b"out\nerr\n"
    assert (found.output_bytes, found.truncated, found.escaped) == (8, False, ())
    assert found.started_at.tzinfo == UTC
    assert found.started_at <= found.ended_at


@pytest.mark.parametrize("code", [1, 2, 75, 126, 127, 255])
def test_every_other_exit_code_is_a_failure(world: World, code: int) -> None:
    """The code is kept as it is."""
    found, _ = world.run(*shell(f"exit {code}"))
    assert (found.outcome, found.exit_code, found.reason) == (Outcome.FAILED, code, f"exit code {code}")


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM", "SIGPIPE"])
def test_a_job_that_a_signal_killed_has_failed_and_the_signal_is_named(world: World, name: str) -> None:
    """Also for signals that Python ignores: the job got the defaults back."""
    found, _ = world.run(*shell(f"kill -{name[3:]} $$"))
    assert (found.outcome, found.exit_code, found.signal) == (Outcome.FAILED, None, getattr(signal, name))
    assert found.reason == f"killed by {name}"


def test_a_command_that_is_not_there_fails_with_127_and_says_where_it_was_looked_for(world: World) -> None:
    """The reason stands in the result and in the output."""
    launch = world.spec("no-such-command", env={"PATH": "/nowhere:/bin"})
    found = world.finish(launch)
    reason = "can't start: there is no no-such-command on PATH (/nowhere:/bin)"
    assert (found.outcome, found.exit_code, found.reason) == (Outcome.FAILED, 127, reason)
    assert output(launch) == f"[octojobs: {reason}]\n".encode()


def test_what_can_not_be_executed_fails_with_126_and_a_reason(world: World) -> None:
    """No permission, no #! line, an interpreter that is missing, an argument with a NUL byte, too long a list."""
    (world.root / "plain").write_text("hello")
    (world.root / "binary").write_bytes(b"no program")
    (world.root / "orphan").write_text("#!/no/such/interpreter\n")
    for name in ("binary", "orphan"):
        (world.root / name).chmod(0o755)

    def reason(*argv: str) -> tuple[int | None, str]:
        found, _ = world.run(*argv)
        assert found.outcome is Outcome.FAILED
        return found.exit_code, found.reason.replace(str(world.root), "ROOT")

    assert reason(f"{world.root}/binary") == (126, "can't start ROOT/binary: it is no program, and no script that begins with #!")
    assert reason(f"{world.root}/orphan") == (127, "can't start: ROOT/orphan names an interpreter that is not there")
    assert reason("echo", "a\0b") == (126, "can't start: embedded null byte")
    assert reason("echo", "x" * 3_000_000) == (126, "can't start echo: its arguments and environment are too long")
    assert reason(str(world.root)) == (126, "can't start ROOT: Permission denied")
    assert reason("./nothing") == (127, "can't start: there is no ./nothing")


def test_a_folder_that_is_not_there_fails_with_a_reason(world: World) -> None:
    """`cwd` is entered by the shim, before anything runs."""
    launch = world.spec("pwd")
    launch = type(launch)(launch.run_dir, launch.argv, launch.env, Path("/no/such"), launch.limits)
    found = world.finish(launch)
    assert (found.exit_code, found.reason) == (126, "can't start: the folder /no/such can't be entered: No such file or directory")


def test_the_command_is_looked_up_on_the_path_of_the_job(world: World) -> None:
    """Not on the daemon's."""
    tool = world.root / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho mine\n")
    tool.chmod(0o755)
    launch = world.spec("tool", env={"PATH": f"{tool.parent}:/bin:/usr/bin"})
    assert world.finish(launch).outcome is Outcome.SUCCEEDED
    assert output(launch) == b"mine\n"


WHAT_A_JOB_SEES = """
import json, os, signal, sys
print(json.dumps({
    "stdin": sys.stdin.read(), "fds": sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1], "umask": os.umask(0),
    "leads": os.getpgrp() == os.getpid(), "cwd": os.getcwd(), "nice": os.nice(0),
    "privs": [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")],
    "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    "ignored": [l.split()[1] for l in open("/proc/self/status") if l.startswith("SigIgn")],
    "shim": os.getppid(), "session": os.getsid(0)}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_job_finds_a_clean_process(world: World) -> None:
    """Empty input, three descriptors, umask 077, default signals, no new privileges, a process group of its own."""
    probe = ("env", "-", sys.executable, "-S", "-c", WHAT_A_JOB_SEES)
    launched = world.start(world.spec(*probe))
    assert result_of(launched).outcome is Outcome.SUCCEEDED
    seen = json.loads(output(launched.launch))
    shim = launched.process.pid
    python_itself_ignores = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    seen["ignored"] = int(seen["ignored"][0], 16) & ~(3 << 31)  # 32 and 33 are the C library's own: nobody can reset them
    assert seen == {
        "stdin": "", "fds": [0, 1, 2], "umask": 0o077, "leads": True, "cwd": str(world.root), "nice": os.nice(0),
        "privs": ["1"], "blocked": [],
        "ignored": python_itself_ignores, "shim": shim, "session": shim,
    }  # fmt: skip


def test_the_environment_is_exactly_the_one_given(world: World) -> None:
    """Nothing of the daemon's, the launcher's or the shim's; values may hold anything but NUL, as bytes."""
    launch = world.spec("env", "-0", env={"ODD": "a=b\nc\udcff ü"})
    assert world.finish(launch).outcome is Outcome.SUCCEEDED
    seen = dict(line.split(b"=", 1) for line in output(launch).rstrip(b"\0").split(b"\0"))
    assert seen == {key.encode(): value.encode("utf-8", "surrogateescape") for key, value in launch.env.items()}


def test_an_environment_of_half_a_megabyte_arrives_whole(world: World) -> None:
    """A batch is larger than a socket's buffer."""
    launch = world.spec(*shell("env | wc -c"), env={f"V{number}": "x" * 100_000 for number in range(5)})
    assert world.finish(launch).outcome is Outcome.SUCCEEDED
    assert int(output(launch)) > 500_000


def test_the_receipts_are_for_the_user_alone(world: World) -> None:
    """Output may hold anything: files are 0600."""
    launch = world.spec("true")
    world.finish(launch)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in launch.run_dir.iterdir()}
    assert modes == dict.fromkeys(("started", "output.log", "exit.json"), 0o600)


def test_a_run_that_takes_too_long_has_timed_out(world: World) -> None:
    """TERM is enough for a polite job; the output says why it ended."""
    found, log = world.run(*shell("trap 'echo bye; exit 3' TERM; echo on; sleep 60 & wait"), limits=limits(timeout_s=0.3))
    reason = "timeout: still running after 0.3 s"
    assert (found.outcome, found.exit_code, found.reason) == (Outcome.TIMED_OUT, 3, reason)
    assert log == f"on\nbye\n[octojobs: {reason}]\n".encode()


def test_a_run_that_ignores_term_is_killed_after_the_grace(world: World) -> None:
    """The whole group, not just its leader."""
    job = shell("trap '' TERM; echo $$ >pid; sleep 61; sleep 61")
    found, _ = world.run(*job, limits=limits(timeout_s=0.3, kill_grace_s=0.2))
    assert (found.outcome, found.signal, found.escaped) == (Outcome.TIMED_OUT, signal.SIGKILL, ())
    assert found.duration_s >= 0.5
    assert not is_running(pid_in(world.root / "pid"))


def test_a_stopped_run_hears_term_all_the_same(world: World) -> None:
    """SIGCONT follows TERM: a stopped process would only be killable."""
    found, _ = world.run(*shell("kill -STOP $$"), limits=limits(timeout_s=0.3, kill_grace_s=10))
    assert (found.outcome, found.signal) == (Outcome.TIMED_OUT, signal.SIGTERM)


def test_a_silent_run_has_idled_too_long(world: World) -> None:
    """Output resets the clock, so a talkative job may take longer than `idle_timeout`."""
    found, _ = world.run(*shell("for i in 1 2 3 4; do echo $i; sleep 0.2; done; sleep 60"), limits=limits(idle_timeout_s=0.6))
    assert (found.outcome, found.reason) == (Outcome.TIMED_OUT, "idle_timeout: no output for 0.6 s")
    assert (found.duration_s >= 1.2, found.output_bytes > 7) == (True, True)


def test_a_run_in_its_limits_is_left_alone(world: World) -> None:
    """Limits that aren't reached change nothing."""
    found, _ = world.run(*shell("sleep 0.3"), limits=limits(timeout_s=30, idle_timeout_s=30))
    assert found.outcome is Outcome.SUCCEEDED


def test_a_run_that_is_asked_to_stop_is_cancelled_with_the_reason(world: World) -> None:
    """What `stop` was told is in the result and in the output."""
    launched = world.start(world.spec(*shell("echo $$ >pid; exec sleep 60")))
    job = pid_in(world.root / "pid")
    assert receipts.stop(launched.process, launched.launch.run_dir, "cancelled by ada")
    found = result_of(launched)
    assert (found.outcome, found.signal, found.reason) == (Outcome.CANCELLED, signal.SIGTERM, "cancelled by ada")
    assert output(launched.launch) == b"[octojobs: cancelled by ada]\n"
    assert not is_running(job)
    assert not receipts.stop(launched.process, launched.launch.run_dir, "again")


def test_a_stop_that_comes_with_the_run_is_heard(world: World) -> None:
    """However early: the shim may not have begun yet; then it is as if it had been killed, and nothing ran."""
    for _ in range(20):
        launch = world.spec(*shell("sleep 60"))
        launched = world.start(launch)
        receipts.stop(launched.process, launch.run_dir, "cancelled by ada")
        wait_until(lambda launched=launched: is_over(launched))  # type: ignore[misc]  # a lambda's default says which shim
        found = receipts.read_exit(launch.run_dir)
        assert found.outcome is Outcome.CANCELLED if found else receipts.fence(launch.run_dir)


DAEMONIZE = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("pid", "w").write(f"{os.getpid()}\\n")
        signal.pause()
    os._exit(0)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no subreapers")
def test_a_stop_finds_what_has_forked_twice_into_a_session_of_its_own(world: World) -> None:
    """The shim is a subreaper: a daemonized grandchild comes back to it."""
    launched = world.start(world.spec(*python(DAEMONIZE + "os.wait(); signal.pause()"), limits=limits(kill_grace_s=0.2)))
    hidden = pid_in(world.root / "pid")
    receipts.stop(launched.process, launched.launch.run_dir, "cancelled by ada")
    found = result_of(launched)
    assert (found.outcome, found.escaped) == (Outcome.CANCELLED, ())
    assert not is_running(hidden)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no subreapers")
def test_what_a_finished_job_leaves_behind_is_waited_for_then_listed_as_escaped(world: World) -> None:
    """As with cron it lives on: it may be a server that was started on purpose. It holds the output and hangs nobody."""
    launched = world.start(world.spec(*shell("sleep 62 & echo $! >pid; echo done")))
    sleeper = pid_in(world.root / "pid")
    found = result_of(launched)
    assert (found.outcome, found.exit_code) == (Outcome.SUCCEEDED, 0)
    assert [(one.pid, one.command) for one in found.escaped] == [(sleeper, "sleep 62")]
    assert is_running(sleeper)
    os.kill(sleeper, signal.SIGKILL)


def test_a_straggler_that_ends_soon_is_part_of_the_run(world: World) -> None:
    """Its last words are in the output, and nothing has escaped."""
    found, log = world.run(*shell("(sleep 0.3; echo late) & echo early"))
    assert (found.outcome, found.escaped, log) == (Outcome.SUCCEEDED, (), b"early\nlate\n")


def test_a_killed_shim_leaves_a_free_lock_and_no_result(world: World) -> None:
    """What the daemon finds then: `started`, no `exit.json`, nobody who holds `live`: the run is lost."""
    launched = world.start(world.spec(*shell("echo $$ >pid; exec sleep 60")))
    job = pid_in(world.root / "pid")
    run_dir = launched.launch.run_dir
    assert receipts.is_live(run_dir)
    platform.send_signal(launched.process, signal.SIGKILL)
    wait_until(lambda: is_over(launched))
    wait_until(lambda: not receipts.is_live(run_dir))
    assert (receipts.has_started(run_dir), receipts.read_exit(run_dir), receipts.fence(run_dir)) == (True, None, False)
    os.kill(job, signal.SIGKILL)


def test_the_lock_is_not_held_by_what_the_job_leaves_behind(world: World) -> None:
    """`live` is close-on-exec: a grandchild must not make an ended run look alive."""
    launched = world.start(world.spec(*shell("setsid sleep 63 & echo $! >pid; echo $$ >job; exec sleep 64")))
    grandchild, job = pid_in(world.root / "pid"), pid_in(world.root / "job")
    platform.send_signal(launched.process, signal.SIGKILL)
    wait_until(lambda: not receipts.is_live(launched.launch.run_dir))
    for pid in (grandchild, job):
        assert is_running(pid)
        os.kill(pid, signal.SIGKILL)


def test_a_result_finds_its_place_even_when_the_folder_was_removed(world: World) -> None:
    """Somebody cleaned up under a running job: the folder is made again rather than the result lost."""
    launched = world.start(world.spec(*shell("echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done; exit 5")))
    pid_in(world.root / "pid")
    for path in launched.launch.run_dir.iterdir():
        path.unlink()
    launched.launch.run_dir.rmdir()
    (world.root / "go").touch()
    assert result_of(launched).exit_code == 5


def test_a_result_that_can_not_be_written_is_held_until_it_can(world: World) -> None:
    """As on a full disk: the lock stays, so the run stays open, and nothing is lost."""
    launched = world.gated(world.spec("true"))
    run_dir = launched.launch.run_dir
    obstacle = run_dir / "exit.json"
    obstacle.mkdir()
    launched.open()
    wait_until(lambda: not platform.children(launched.process.pid) and (run_dir / "output.log").exists())
    assert (receipts.is_live(run_dir), receipts.read_exit(run_dir), is_over(launched)) == (True, None, False)
    obstacle.rmdir()
    assert result_of(launched).exit_code == 0


def test_a_long_result_is_not_told_but_read(world: World) -> None:
    """The daemon reads what it is told in one go, so no more is said than fits."""
    launch = world.spec("x" * 10_000)
    shim = world.gated(launch).shim
    shim.start(launch)
    _wait_readable(shim)
    found = receipts.read_exit(launch.run_dir)
    assert found is not None
    assert (shim.last_words(), found.exit_code, len(found.reason) > 10_000) == (OFFER, 127, True)
    shim.close()


def test_a_job_that_removes_the_lock_gets_its_result_all_the_same(world: World) -> None:
    """`live` becomes `exit.json`, where it is there; else the result gets a file of its own."""
    launch = world.spec(*shell(f"rm {world.root}/runs/1/live"))
    shim = world.gated(launch).shim
    shim.start(launch)
    _wait_readable(shim)
    assert shim.last_words() == _told(launch)
    shim.close()


def test_what_the_daemon_has_recorded_need_not_be_synced(world: World) -> None:
    """The result is there at once; "recorded" frees the lock, and the shim, which pins no file of the run, waits for the next."""
    launch = world.spec(*shell("echo out"))
    shim = world.gated(launch).shim
    shim.start(launch)
    _wait_readable(shim)
    assert (shim.last_words(), receipts.is_live(launch.run_dir)) == (_told(launch), True)
    shim.recorded()
    wait_until(lambda: not receipts.is_live(launch.run_dir))
    fds = Path(f"/proc/{shim.process.pid}/fd")
    if fds.exists():
        wait_until(lambda: not any(str(launch.run_dir) in os.readlink(fd) for fd in fds.iterdir()))
    assert shim.is_there()
    shim.close()


def test_a_result_that_nobody_records_is_made_durable_by_the_shim(world: World) -> None:
    """The daemon hangs: after half a second the file is synced where it stands, and the lock is free."""
    launch = world.spec("true")
    shim = world.gated(launch).shim
    shim.start(launch)
    _wait_readable(shim)
    first = (launch.run_dir / "exit.json").stat().st_ino
    wait_until(lambda: not receipts.is_live(launch.run_dir))
    assert (launch.run_dir / "exit.json").stat().st_ino == first
    assert shim.last_words() == _told(launch)
    shim.recorded()  # late, and harmless
    again = world.spec(*shell("exit 6"))
    shim.start(again)
    shim.close()
    wait_until(lambda: platform.is_alive(shim.process) is False)
    found = receipts.read_exit(again.run_dir)
    assert found is not None
    assert found.exit_code == 6


@pytest.mark.parametrize(
    ("job", "secrets", "bound"),
    [
        (shell("sleep 60"), (), limits(timeout_s=0.2)),
        (shell("true"), ("LANG",), limits()),
    ],
    ids=["timed out", "with a secret"],
)
def test_a_shim_that_something_of_the_run_is_left_in_takes_no_other(
    world: World, job: tuple[str, ...], secrets: tuple[str, ...], bound: Limits
) -> None:
    """It makes the result durable and ends: the next run finds a clean process."""
    launch = world.spec(*job, limits=bound, secrets=secrets)
    shim = world.gated(launch).shim
    shim.start(launch)
    wait_until(lambda: platform.is_alive(shim.process) is False, 15)
    assert shim.last_words() == ""
    shim.close()
    assert receipts.read_exit(launch.run_dir) is not None


def test_a_run_whose_folder_is_gone_does_not_begin_and_the_shim_says_why(world: World) -> None:
    """Not in the daemon's error stream: a shim that outlives the daemon must not hold it open."""
    launch = world.spec("true")
    launch.run_dir.rmdir()
    shim = world.gated(launch).shim
    shim.start(launch)
    _wait_readable(shim)
    assert shim.last_words() == f"{launch.run_dir} can't be written: No such file or directory"
    shim.close()
    wait_until(lambda: platform.is_alive(shim.process) is False)


def _told(launch: Launch) -> str:
    """What a shim says that has put the result in its place."""
    return OFFER + (launch.run_dir / "exit.json").read_text()


def _wait_readable(shim: Shim) -> None:
    assert select.select([shim.connection], [], [], 10)[0]
