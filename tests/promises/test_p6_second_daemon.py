"""P6: a second daemon on one repository exits 3 and names the holder: its pid, since when, and whether it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs.errors import ExitCode, RepositoryBusy
from octojobs.store import lock
from octojobs.store.lock import DaemonLock, holder
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from tests.helpers import commit_files, git, make_repository, octojobs, start_octojobs, wait_until
from tests.store.world import T0, clock, opened, seen

HOLD = """
import subprocess, sys
from pathlib import Path
from tests.store.world import open_store

store = open_store(Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], close_fds=False) if "child" in sys.argv else None
print(child.pid if child else 0, flush=True)
sys.stdin.read()
"""


@contextmanager
def daemon(root: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that holds the repository, and the pid of the child that it started, if it was asked for one."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def busy(root: Path) -> RepositoryBusy:
    """What a second opener is told."""
    with pytest.raises(RepositoryBusy) as refused:
        Store.open(StatePaths(root), clock)
    return refused.value


def test_the_second_opener_is_told_who_holds_the_repository(tmp_path: Path) -> None:
    """Exit code 3, the verb, the pid and since when, and what can be done."""
    with daemon(tmp_path / "state") as (process, _):
        error = busy(tmp_path / "state")
    assert error.exit_code is ExitCode.BUSY
    assert str(error) == (
        f"this repository is held by `octojobs up` (pid {process.pid}, since 2026-11-20T10:00:00Z); "
        "`octojobs down` stops it, `octojobs status` shows what it does"
    )


def test_a_tick_beside_a_tick_is_told_so_and_no_wait_leaves_the_repository_free(tmp_path: Path) -> None:
    """A crontab's line: one that waits keeps the next one out, one with `--no-wait` does not, and what it started is settled later."""
    repo = make_repository(
        tmp_path, {".octopoid/jobs.yaml": "jobs: {long: {interval: 1h, command: 'while test ! -e end; do sleep 0.1; done'}}\n"}
    )
    assert octojobs(repo, "allow", "--yes").returncode == 0
    first = octojobs(repo, "tick", "--no-wait")
    assert (first.returncode, first.stdout) == (0, "")
    waits = start_octojobs(repo, "tick")
    wait_until(lambda: holder(StatePaths(repo / ".git/octojobs")), what="the tick that waits")
    second = octojobs(repo, "tick")
    assert (second.returncode, second.stdout) == (3, "")
    assert second.stderr.startswith(f"octojobs: this repository is held by `octojobs tick` (pid {waits.pid}, since ")
    (repo / "end").touch()
    assert waits.wait(20) == 0
    assert [run["outcome"] for run in json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]] == ["succeeded"]


def test_a_stopped_holder_is_said_to_be_stopped(tmp_path: Path) -> None:
    """It holds the lock and does nothing: the remedy is another one."""
    with daemon(tmp_path / "state") as (process, _):
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: (found := holder(StatePaths(tmp_path / "state"))) is not None and found.is_stopped)
        error = busy(tmp_path / "state")
    assert str(error) == (
        f"this repository is held by `octojobs up` (pid {process.pid}, since 2026-11-20T10:00:00Z, stopped); "
        f"`kill -CONT {process.pid}` wakes it, `kill -KILL {process.pid}` ends it; its running jobs go on either way"
    )


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """The kernel frees the lock: nothing is stolen by age, and what the dead one wrote about itself counts for nothing."""
    root = tmp_path / "state"
    with daemon(root) as (process, _):
        process.kill()
        process.wait()
        assert holder(StatePaths(root)) is None
        with opened(root) as store:
            found = holder(StatePaths(root))
            assert found is not None
            assert (found.pid, found.since, found.role) == (os.getpid(), T0, "up")
            store.commit(seen())
    assert holder(StatePaths(root)) is None


def test_a_child_that_outlives_the_holder_does_not_keep_the_lock(tmp_path: Path) -> None:
    """The lock is close-on-exec: a job may run for days after its daemon died."""
    root = tmp_path / "state"
    with daemon(root, "child") as (process, child):
        try:
            process.kill()
            process.wait()
            with opened(root) as store:
                assert store.notes == ()
        finally:
            os.kill(child, signal.SIGKILL)


def test_looking_does_not_disturb(tmp_path: Path) -> None:
    """Nobody there, a holder there, no folder there: looking changes no file, and takes the lock from nobody."""
    paths = StatePaths(tmp_path / "state")
    assert holder(paths) is None
    assert not paths.root.exists()
    with opened(paths.root):
        before = paths.daemon_lock.stat()
        assert holder(paths) == holder(paths)
        assert paths.daemon_lock.stat() == before
    # Somebody who looks at this very instant holds the lock shared: the daemon waits for that.
    descriptor = os.open(paths.daemon_lock, os.O_RDONLY)
    assert lock.can_lock(descriptor)
    os.close(descriptor)


def test_a_lock_file_that_was_replaced_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking, `git clean` may have put another file there: the lock is taken anew, on the file of that name."""
    paths = StatePaths(tmp_path)
    replaced: list[bool] = []

    def replacing(self: DaemonLock, descriptor: int) -> None:
        self._locked = os.fstat(descriptor)
        if not replaced:
            replaced.append(True)
            paths.daemon_lock.rename(tmp_path / "other")
            paths.daemon_lock.touch()

    monkeypatch.setattr(DaemonLock, "_remember", replacing)
    held = DaemonLock(paths, T0, "up")
    assert os.path.samestat(held._locked, paths.daemon_lock.stat())
    assert holder(paths) is not None
    held.release()
    held.release()
    assert (holder(paths), paths.daemon_lock.exists()) == (None, True)


def test_a_holder_that_could_not_write_about_itself_is_still_a_holder(tmp_path: Path) -> None:
    """The lock is the truth, not the text in the file."""
    root = tmp_path / "state"
    with daemon(root):
        (root / "daemon.lock").write_bytes(b"[" * 3000)
        assert holder(StatePaths(root)) is not None
        assert str(busy(root)).startswith("this repository is held by another process; ")


def test_a_state_folder_that_is_moved_by_a_commit_makes_no_room_for_a_second_daemon(tmp_path: Path) -> None:
    """The daemon keeps its folder until it ends; everybody finds it there, and a second one is refused."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {beat: {interval: 1h, command: 'true'}}\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    daemon = start_octojobs(repo, "up")
    wait_until(lambda: holder(StatePaths(repo / ".git/octojobs")), 15, "the daemon")
    elsewhere = tmp_path / "elsewhere"
    commit_files(repo, {".octopoid/octojobs.yaml": f"state_dir: {elsewhere}\n"})
    for verb in (["tick"], ["up", "--once"], ["tick", "--state-dir", str(tmp_path / "third")]):
        refused = octojobs(repo, *verb)
        assert refused.returncode == 3, refused.stdout + refused.stderr
        assert f"pid {daemon.pid}" in refused.stderr
    assert f"pid {daemon.pid}" in octojobs(repo, "status").stdout
    assert octojobs(repo, "down").returncode == 0
    assert daemon.wait(10) == 0
    assert octojobs(repo, "tick").returncode == 0
    assert (elsewhere / "state.json").exists()


def test_the_state_of_another_repository_and_a_folder_in_the_working_tree_are_refused(tmp_path: Path) -> None:
    """Two histories must not mix, and `git clean` must not take a lock away."""
    jobs = {".octopoid/jobs.yaml": "jobs: {beat: {interval: 1h, command: 'true'}}\n"}
    one, two = make_repository(tmp_path / "one", jobs), make_repository(tmp_path / "two", jobs)
    for repo in (one, two):
        assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(two, "tick").returncode == 0
    mixed = octojobs(one, "tick", "--state-dir", str(two / ".git/octojobs"))
    assert (mixed.returncode, f"is that of {two / '.git'}" in mixed.stderr) == (2, True), mixed.stderr
    inside = octojobs(one, "tick", "--state-dir", str(one / "state"))
    assert (inside.returncode, "`git clean`" in inside.stderr) == (2, True), inside.stderr
    assert git(one, "status", "--porcelain") == ""
