"""What the operating system tells about processes and files: identities that can't be mistaken, and file systems."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.run import Process
from octojobs.errors import UsageError
from tests.helpers import wait_until

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")


def sleeper() -> subprocess.Popen[bytes]:
    """A process that sits there."""
    return subprocess.Popen(["sleep", "68"])


def identity(pid: int) -> Process:
    """Who runs under the pid now."""
    return Process(pid, platform.start_ticks(pid) or 0, platform.boot_id())


def test_a_process_is_alive_until_it_has_ended() -> None:
    """A zombie runs nothing any more, though `kill(pid, 0)` finds it."""
    child = sleeper()
    process = identity(child.pid)
    assert (platform.is_alive(process), process.start_ticks > 0) == (True, True)
    child.kill()
    wait_until(lambda: platform.is_alive(process) is False)
    os.kill(child.pid, 0)
    child.wait()
    assert platform.is_alive(process) is False


def test_another_process_with_the_same_pid_is_not_the_one() -> None:
    """Start ticks and boot id decide."""
    me = identity(os.getpid())
    assert platform.is_alive(me)
    later = Process(me.pid, me.start_ticks + 1, me.boot_id)
    before_boot = Process(me.pid, me.start_ticks, "0-0")
    for stranger in (later, before_boot):
        assert platform.is_alive(stranger) is False
        assert platform.open_pidfd(stranger) is None
        assert not platform.send_signal(stranger, signal.SIGKILL)
    assert platform.is_alive(Process(me.pid, me.start_ticks, "")) is None


@linux
def test_a_pidfd_is_readable_when_the_process_has_ended() -> None:
    """And not inherited."""
    child = sleeper()
    descriptor = platform.open_pidfd(identity(child.pid))
    assert descriptor is not None
    assert not os.get_inheritable(descriptor)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(0) == []
    assert platform.send_signal(identity(child.pid), signal.SIGTERM)
    assert poll.poll(10_000)
    os.close(descriptor)
    assert child.wait() == -signal.SIGTERM


def test_descendants_are_found_at_every_depth() -> None:
    """Parents before their children; of threads too."""
    threaded = "import subprocess, threading; t = threading.Thread(target=subprocess.run, args=(['sleep', '69'],)); t.start(); t.join()"
    with subprocess.Popen(["sh", "-c", 'sh -c "sleep 69 & wait" & "$@" & wait', "sh", sys.executable, "-c", threaded]) as top:
        try:
            wait_until(lambda: [platform.describe(pid) for pid in platform.descendants(top.pid)].count("sleep 69") == 2)
            assert set(platform.children(top.pid)) < set(platform.descendants(top.pid))
        finally:
            for pid in [*platform.descendants(top.pid), top.pid]:
                os.kill(pid, signal.SIGKILL)


def test_nobody_descends_from_a_process_that_is_gone() -> None:
    """No error: it ended between two questions."""
    child = sleeper()
    child.kill()
    child.wait()
    assert (platform.start_ticks(child.pid), platform.descendants(child.pid), platform.describe(child.pid)) == (None, [], "")


def test_windows_is_refused_with_a_line_about_wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with a traceback about fcntl."""
    platform.require_supported()
    monkeypatch.setattr(platform, "SYSTEM", "win32")
    with pytest.raises(UsageError) as caught:
        platform.require_supported()
    assert str(caught.value) == "octojobs runs on Linux and macOS, not on win32; on Windows, install and run it inside WSL 2"


def test_a_file_is_put_on_the_disk(tmp_path: Path) -> None:
    """Whatever that takes here."""
    with (tmp_path / "file").open("wb") as file:
        file.write(b"x")
        file.flush()
        platform.sync_file(file.fileno())
    assert (tmp_path / "file").read_bytes() == b"x"


def test_each_folder_that_is_made_is_private(tmp_path: Path) -> None:
    """Those above the last one too, whatever the umask; one that is there stays as it is."""
    before = os.umask(0)
    try:
        (tmp_path / "runs").mkdir(mode=0o755)
        for _ in range(2):
            platform.make_private_folders(tmp_path / "runs" / "job" / "run" / "1")
    finally:
        os.umask(before)
    folders = [tmp_path / "runs", *sorted((tmp_path / "runs").rglob("*"))]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o755, 0o700, 0o700, 0o700]


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    """It is not taken for one that is there already."""
    (tmp_path / "run").touch()
    with pytest.raises(FileExistsError):
        platform.make_private_folders(tmp_path / "run")


@linux
def test_asking_for_subreapers_makes_no_subreaper() -> None:
    """An orphan goes to init (or another subreaper above), and not to whoever only asked, who would never wait for it."""
    program = """
import os
from octojobs import platform

assert platform.has_subreapers()
if not os.fork():
    os.fork()
    os._exit(0)
os.wait()
print(platform.children(os.getpid()))
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


FREED = """
import re
from octojobs import platform
def own():
    with open("/proc/self/smaps_rollup") as rollup:
        return int(re.findall(r"Anonymous: +([0-9]+)", rollup.read())[0])
blocks = [bytes(60_000) for _ in range(500)]
last = blocks.pop()
del blocks
before = own()
platform.release_memory()
print(before - own())
"""


@linux
def test_what_was_freed_is_given_back() -> None:
    """Below something that lives on, too: the C library would keep it for the next time."""
    if not hasattr(platform._c_library(), "malloc_trim"):
        pytest.skip("the C library is not glibc")
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 20_000
