"""A service manager hears over a real datagram socket when the daemon is ready, how it stands, and whether its loop turns."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from octojobs.engine.heartbeat import Vitals
from octojobs.engine.supervisor import Supervisor
from tests.engine.test_service import Loop
from tests.engine.world import World, job
from tests.fakes import FakeClock

VITALS = Vitals(4711, "1.0", "2026-11-20T10:00:00Z", "HEAD", "3f2c1ab09d4e77", 2)


class Manager:
    """The manager's end of a socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[list[str]]:
        """The datagrams since the last look, each as its lines."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode().splitlines())
            except BlockingIOError:
                return found

    def close(self) -> None:
        """The manager is gone."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that listens in the test's folder."""
    with closing(Manager(str(tmp_path / "notify"))) as made:
        yield made


def supervisor(tmp_path: Path, clock: FakeClock, **more: str) -> Supervisor:
    """One that tells that manager."""
    return Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify"), **more}, clock)


def test_ready_is_said_once_and_the_status_when_it_is_another(tmp_path: Path, manager: Manager) -> None:
    """A turn in which nothing is new says nothing."""
    told = supervisor(tmp_path, FakeClock())
    for status in ("2 jobs of 3f2c1ab", "2 jobs of 3f2c1ab", "3 jobs of 3f2c1ab"):
        told.turn(status)
    assert manager.heard() == [["READY=1", "STATUS=2 jobs of 3f2c1ab"], ["STATUS=3 jobs of 3f2c1ab"]]


def test_a_turning_loop_is_alive_and_one_that_is_stuck_is_not(tmp_path: Path, manager: Manager) -> None:
    """Only a turn says so, and twice as often as it has to: time that passes without one is silence."""
    clock = FakeClock()
    told = supervisor(tmp_path, clock, WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid()))
    told.turn("")
    assert manager.heard() == [["READY=1", "WATCHDOG=1"]]
    clock.advance(4)
    told.turn("")
    assert manager.heard() == []
    clock.advance(1)
    told.turn("")
    assert manager.heard() == [["WATCHDOG=1"]]
    clock.advance(100)
    assert manager.heard() == []


@pytest.mark.parametrize("watchdog", [{}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_that_is_none_of_ours_is_not_fed(tmp_path: Path, manager: Manager, watchdog: dict[str, str]) -> None:
    """There is none, it watches another process, or it is no number."""
    supervisor(tmp_path, FakeClock(), **watchdog).turn("")
    assert manager.heard() == [["READY=1"]]


def test_an_abstract_socket_is_found_by_its_at_sign() -> None:
    """As systemd writes it."""
    name = f"octojobs-test-{os.getpid()}"
    with closing(Manager(f"\0{name}")) as manager:
        Supervisor({"NOTIFY_SOCKET": f"@{name}"}, FakeClock()).turn("well")
        assert manager.heard() == [["READY=1", "STATUS=well"]]


def test_nobody_listens_and_the_daemon_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A manager that is gone is a warning; one that was never there is nothing."""
    supervisor(tmp_path, FakeClock()).turn("well")
    Supervisor({}, FakeClock()).turn("well")
    Supervisor({"NOTIFY_SOCKET": "vsock:2:1"}, FakeClock()).turn("well")
    assert caplog.messages == [
        "the service manager can't be told READY=1: No such file or directory",
        "the service manager is told nothing: NOTIFY_SOCKET is vsock:2:1, and not a path",
    ]


def test_what_was_not_heard_is_said_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A daemon whose READY=1 was lost would be ended after a while; the trouble is told once."""
    told = supervisor(tmp_path, FakeClock(), WATCHDOG_USEC="10000000")
    told.turn("well")
    told.turn("well")
    with closing(Manager(str(tmp_path / "notify"))) as manager:
        told.turn("well")
        told.turn("well")
        assert manager.heard() == [["READY=1", "STATUS=well", "WATCHDOG=1"]]
    assert len(caplog.messages) == 1


def test_the_loop_tells_of_its_begin_of_other_definitions_and_of_its_end(tmp_path: Path, manager: Manager, world: World) -> None:
    """Ready after the first tick, reloading until the turn that has taken the new ones in, stopping at last."""
    with closing(Loop(world)) as loop:
        loop.vitals = VITALS
        loop.service.supervisor = supervisor(tmp_path, world.clock)
        world.declare(job("a"), job("b"))
        loop.go(2)
        heard = manager.heard()
        assert heard[0] == ["READY=1", "STATUS=2 jobs of 3f2c1ab09d4e"]
        world.declare(job("a"))
        loop.go(2)
        reloading, ready = manager.heard()[-2:]
        assert (reloading[0], ready) == ("RELOADING=1", ["READY=1"])
        assert reloading[1].startswith("MONOTONIC_USEC=")
        loop.wake.stop("SIGTERM")
        loop.go(1)
        assert manager.heard()[-1] == ["STOPPING=1", "STATUS=stopped by SIGTERM"]


def test_the_status_says_why_nothing_starts_on_one_line() -> None:
    """A full disk, definitions that are not in force: what somebody looks for first."""
    assert replace(VITALS, held="no space", note="jobs.yaml\nis broken").in_words == (
        "2 jobs of 3f2c1ab09d4e; no new starts: no space; jobs.yaml\\x0ais broken"
    )
