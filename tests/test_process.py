"""Helper processes: waited for, never for ever, and never at the price of memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from octojobs import platform, process
from tests.helpers import wait_until


def test_a_helper_says_what_it_said() -> None:
    """Exit code and both streams, as bytes."""
    done = process.run(["sh", "-c", "echo out; printf '\\377' >&2; exit 3"], timeout_s=10)
    assert done == process.Completed(3, b"out\n", b"\xff")
    assert not done.ok


def test_a_helper_that_a_signal_killed_has_a_negative_code() -> None:
    """As subprocess has it."""
    assert process.run(["sh", "-c", "kill -9 $$"], timeout_s=10).exit_code == -signal.SIGKILL


def test_a_helper_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    """Folder, environment, input."""
    done = process.run(
        ["sh", "-c", "pwd; echo $X; cat"], cwd=tmp_path, env={"X": "y", "PATH": os.environ["PATH"]}, input=b"in", timeout_s=10
    )
    assert done.stdout == f"{tmp_path}\ny\nin".encode()


def test_a_grandchild_that_keeps_the_pipes_is_not_waited_for() -> None:
    """The helper ended: what it wrote is there, whoever still holds its output."""
    done = process.run(["sh", "-c", "sleep 65 & echo $!"], timeout_s=30)
    assert (done.exit_code, done.timed_out) == (0, False)
    os.kill(int(done.stdout), signal.SIGKILL)


def test_a_helper_that_takes_too_long_is_ended_with_its_children() -> None:
    """TERM, then KILL, to the group; what it had said until then is kept."""
    done = process.run(["sh", "-c", "trap '' TERM; sleep 66 & echo $!; wait; sleep 66"], timeout_s=0.3)
    assert (done.exit_code, done.timed_out, done.ok) == (None, True, False)
    wait_until(lambda: platform.start_ticks(int(done.stdout)) is None)


def test_a_helper_that_closed_its_streams_is_still_waited_for() -> None:
    """The end of the output isn't the end of the process."""
    assert process.run(["sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 4"], timeout_s=10).exit_code == 4


def test_a_helper_that_reads_nothing_blocks_nobody() -> None:
    """More input than a pipe holds, to a process that never looks at it."""
    assert process.run(["true"], input=b"x" * 1_000_000, timeout_s=10).exit_code == 0


def test_much_input_comes_back_whole() -> None:
    """Writing and reading at once: neither side waits for the other."""
    data = os.urandom(3_000_000)
    assert process.run(["cat"], input=data, timeout_s=30, max_output=len(data)).stdout == data


def test_too_much_output_is_cut_and_the_helper_goes_on() -> None:
    """It is read to its end, so that the writer doesn't block, but not kept."""
    done = process.run([sys.executable, "-c", "print('x' * 5_000_000); exit(6)"], timeout_s=30, max_output=1000)
    assert (done.exit_code, done.stdout) == (6, b"x" * 1000)


def test_a_command_that_is_not_there_raises() -> None:
    """The caller knows what it wanted, and says it better."""
    with pytest.raises(FileNotFoundError):
        process.run(["no-such-command"], timeout_s=1)


def test_a_spawned_process_outlives_the_call(tmp_path: Path) -> None:
    """In a session of its own, with the descriptors it was given and no others."""
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    reading, writing = os.pipe()
    program = f"import os; print('hello', os.read({reading}, 99).decode(), os.getsid(0) == os.getpid(), end='')"
    child = process.spawn([sys.executable, "-c", program], cwd="/", env={}, pass_fds=(reading,), output=log)
    os.write(writing, b"world")
    for descriptor in (log, reading, writing):
        os.close(descriptor)
    assert child.wait(10) == 0
    assert (tmp_path / "log").read_text() == "hello world True"


INTERRUPTED = """
import os, signal, threading
from octojobs import process
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    process.run(["sh", "-c", "echo $$ >pid; exec sleep 67"], timeout_s=60)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_leaves_no_helper_behind(tmp_path: Path) -> None:
    """Ctrl-C while a guard's command runs."""
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    assert platform.start_ticks(int((tmp_path / "pid").read_text())) is None
