"""load_below, disk_free, on_ac_power and network ask the machine; what it does not say is unknown."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.guards import Status
from octojobs.facts import machine
from tests.facts.world import context_of, expect, verdict_of
from tests.helpers import write


def test_the_load_of_the_last_minute_is_compared(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a whole, or for each core that octojobs may use."""
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 9.0, 9.0))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    expect(context_of(repo), "load_below", Status.PASSED, "the load is 1.50, below 1.6 wanted", load=1.6)
    expect(context_of(repo), "load_below", Status.FAILED, "the load is 1.50, below 1.5 wanted", load=1.5)
    expect(context_of(repo), "load_below", Status.PASSED, "the load is 1.50 on 2 cores, 0.75 each, below 0.8 wanted", per_core=0.8)
    expect(context_of(repo), "load_below", Status.FAILED, "the load is 1.50 on 2 cores, 0.75 each, below 0.5 wanted", per_core=0.5)


def test_a_system_without_a_load_average_is_unknown(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some sandboxes have none."""

    def refuse() -> tuple[float, float, float]:
        raise OSError("no load average")

    monkeypatch.setattr(os, "getloadavg", refuse)
    expect(context_of(repo), "load_below", Status.UNKNOWN, "the system does not tell its load average", load=1)


def test_the_load_of_this_machine_can_be_told(repo: Path) -> None:
    """The real thing."""
    assert verdict_of(context_of(repo), "load_below", load=10**6).status is Status.PASSED


def test_room_on_the_disk_is_compared(repo: Path) -> None:
    """That of the main worktree, or of another path."""
    found = verdict_of(context_of(repo), "disk_free", bytes=1, path=".")
    assert (found.status, found.evidence.endswith(" free on the disk of ., 1 bytes wanted")) == (Status.PASSED, True)
    assert abs(machine.free_bytes((str(repo),), context_of(repo)) - shutil.disk_usage(repo).free) < 10**9
    assert verdict_of(context_of(repo), "disk_free", bytes=10**18, path=".").status is Status.FAILED
    words = "nowhere can't be read: no such file or directory"
    expect(context_of(repo), "disk_free", Status.UNKNOWN, words, bytes=1, path="nowhere")


AC = {"type": "Mains", "online": "1"}
OFF = {"type": "Mains", "online": "0"}
USB_OFF = {"type": "USB", "online": "0"}
MOUSE = {"type": "Battery", "scope": "Device", "status": "Discharging"}


def battery(status: str) -> dict[str, str]:
    """A laptop's."""
    return {"type": "Battery", "status": status, "capacity": "80"}


@pytest.mark.parametrize(
    ("supplies", "status", "evidence"),
    [
        ({}, Status.PASSED, "there is no battery"),
        ({"AC": AC, "BAT0": battery("Charging")}, Status.PASSED, "AC is plugged in"),
        ({"AC": OFF, "BAT0": battery("Discharging")}, Status.FAILED, "BAT0 is discharging"),
        ({"AC": OFF, "ucsi-1": USB_OFF, "BAT0": battery("Discharging")}, Status.FAILED, "BAT0 is discharging"),
        ({"BAT0": battery("Full"), "BAT1": battery("Discharging")}, Status.FAILED, "BAT1 is discharging"),
        ({"BAT0": battery("Unknown"), "BAT1": battery("Not charging")}, Status.PASSED, "BAT1 is not charging"),
        ({"BAT0": battery("Unknown")}, Status.UNKNOWN, "BAT0 does not say whether it is charging"),
        ({"hidpp_battery_0": MOUSE}, Status.PASSED, "there is no battery"),
        ({"ups": {"type": "UPS", "status": "Discharging"}}, Status.FAILED, "ups is discharging"),
    ],
)
def test_a_battery_that_is_discharging_is_no_ac_power(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supplies: dict[str, dict[str, str]], status: Status, evidence: str
) -> None:
    """As the kernel tells it in files; a mouse's battery is not the machine's."""
    for name, words in supplies.items():
        for key, word in words.items():
            write(tmp_path / "power_supply" / name / key, f"{word}\n")
    monkeypatch.setattr(platform, "SYSTEM", "linux")
    monkeypatch.setattr(machine, "POWER_SUPPLIES", tmp_path / "power_supply")
    expect(context_of(repo), "on_ac_power", status, evidence)


def test_a_power_supply_that_cannot_be_read_is_unknown(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A battery that went away while it was asked, say."""
    (tmp_path / "power_supply/BAT0").mkdir(parents=True)
    (tmp_path / "power_supply/BAT0/type").symlink_to("type")
    monkeypatch.setattr(platform, "SYSTEM", "linux")
    monkeypatch.setattr(machine, "POWER_SUPPLIES", tmp_path / "power_supply")
    expect(context_of(repo), "on_ac_power", Status.UNKNOWN, "BAT0/type can't be read: too many levels of symbolic links")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket on the loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_host_that_accepts_a_connection_is_a_network(repo: Path, listener: socket.socket) -> None:
    """One that refuses, and a name that nobody has, are none."""
    port = listener.getsockname()[1]
    expect(context_of(repo), "network", Status.PASSED, f"127.0.0.1:{port} accepts connections", host="127.0.0.1", port=port)
    listener.close()
    expect(context_of(repo), "network", Status.FAILED, f"127.0.0.1:{port}: connection refused", host="127.0.0.1", port=port)
    found = verdict_of(context_of(repo), "network", host=f"{'a' * 64}.invalid", port=443)
    assert found.status is Status.FAILED


def test_a_name_that_takes_for_ever_is_no_network(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver knows no time limit of ours: nobody waits for it."""
    released = threading.Event()

    def hang(*_: object, **__: object) -> None:
        released.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(machine, "REACH_S", 0.1)
    monkeypatch.setattr(socket, "create_connection", hang)
    try:
        expect(context_of(repo), "network", Status.FAILED, "slow.example:443 did not answer within 0.1 s", host="slow.example", port=443)
    finally:
        released.set()


def test_without_a_host_a_route_is_enough(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to find that out."""

    class NoRoute(socket.socket):
        def connect(self, _: object) -> None:
            raise OSError(101, "Network is unreachable")

    class Route(socket.socket):
        def connect(self, _: object) -> None:
            pass

        def getsockname(self) -> tuple[str, int]:
            return "192.0.2.7", 40000

    monkeypatch.setattr(socket, "socket", NoRoute)
    expect(context_of(repo), "network", Status.FAILED, "there is no route to the internet")
    monkeypatch.setattr(socket, "socket", Route)
    expect(context_of(repo), "network", Status.PASSED, "there is a route, from 192.0.2.7")


def test_no_host_is_asked_for_a_repository_that_nobody_allowed(repo: Path, listener: socket.socket) -> None:
    """What a stranger's file names is not knocked at."""
    context = context_of(repo, may_run=False)
    words = "not asked: nobody has allowed what it would run here"
    expect(context, "network", Status.UNKNOWN, words, host="127.0.0.1", port=listener.getsockname()[1])
