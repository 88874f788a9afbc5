"""The shims that are kept, and what becomes of them when the system has no process to spare."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from octojobs.core.run import Process
from octojobs.runners.base import Shim
from octojobs.runners.launcher import Launcher
from octojobs.runners.pool import Pool
from octojobs.runners.shim import spawn

WHY = "can't start a shim: Resource temporarily unavailable"


@dataclass
class Few(Launcher):
    """A launcher on a machine that has room for so many processes."""

    room: int
    ours: list[socket.socket] = field(default_factory=list)
    ends: list[socket.socket] = field(default_factory=list)

    def fork(self, count: int) -> tuple[list[Shim], str]:
        """As a launcher: so many as there is room for, and why not more."""
        forked = min(count, self.room)
        pairs = [socket.socketpair() for _ in range(forked)]
        for ours, theirs in pairs:
            ours.setblocking(False)
            self.ours.append(ours)
            self.ends.append(theirs)
        return [Shim(Process(1, 1, ""), ours) for ours, _ in pairs], WHY if forked < count else ""

    def close(self) -> None:
        """The shims end, and so does whoever has taken them."""
        for end in (*self.ours, *self.ends):
            end.close()


@pytest.fixture
def few() -> Iterator[Few]:
    """Room for ten."""
    launcher = Few(10)
    yield launcher
    launcher.close()


def test_of_the_last_processes_half_are_left_to_what_the_shims_are_to_run(few: Few) -> None:
    """Ten shims and no process more would run nothing: five of them go, and the system is said to have refused."""
    pool = Pool(few)
    taken, why = pool.take(20)
    assert (len(taken), why) == (5, WHY)
    assert sum(_is_closed(end) for end in few.ends) == 5


def test_one_shim_is_kept_however_few_there_are(few: Few) -> None:
    """What it runs may find room when another process ends; without a shim nothing would ever run."""
    few.room = 1
    pool = Pool(few)
    taken, _ = pool.take(3)
    assert len(taken) == 1


def test_a_system_that_has_refused_is_not_burdened_with_idle_shims(few: Few) -> None:
    """After a refusal one is kept at rest; when as many as are wanted can be had again, they are kept as before."""
    pool = Pool(few)
    for shim in pool.take(20)[0]:
        pool.give_back(shim)
    pool.recorded()
    assert sum(not _is_closed(end) for end in few.ends) == 1
    for shim in pool.take(8)[0]:
        pool.give_back(shim)
    pool.recorded()
    assert sum(not _is_closed(end) for end in few.ends) == 8


def test_a_job_waits_for_a_process_to_spare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refusal by the system says nothing of the job: it is asked again, until others have ended."""
    refusals = iter([BlockingIOError(11, os.strerror(11))] * 2)
    real = os.posix_spawn

    def refusing(*args: object, **options: object) -> int:
        for refusal in refusals:
            raise refusal
        return real(*args, **options)  # type: ignore[arg-type]  # what spawn gives it

    monkeypatch.setattr(os, "posix_spawn", refusing)
    monkeypatch.setattr(spawn, "_ASK_S", 0.001)
    monkeypatch.chdir(tmp_path)  # a shim leaves the folder of its job, and this process comes back
    pid = spawn.spawn(["true"], dict(os.environ), str(tmp_path))
    assert os.waitpid(pid, 0)[1] == 0


def test_a_system_that_never_has_a_process_to_spare_fails_the_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the end it is told as it is, with the exit code for what can't be executed."""

    def refusing(*_args: object, **_options: object) -> int:
        raise BlockingIOError(11, os.strerror(11))

    monkeypatch.setattr(os, "posix_spawn", refusing)
    monkeypatch.setattr(spawn, "ROOM_S", 0.0)
    monkeypatch.chdir(tmp_path)  # as above
    with pytest.raises(spawn.CannotStart, match=r"^can't start true: Resource temporarily unavailable$") as refused:
        spawn.spawn(["true"], dict(os.environ), str(tmp_path))
    assert refused.value.exit_code == spawn.CANNOT_EXECUTE


def _is_closed(end: socket.socket) -> bool:
    """Whether the daemon has let go of the other end."""
    end.setblocking(False)
    try:
        while end.recv(64):
            continue
    except BlockingIOError:
        return False
    return True
