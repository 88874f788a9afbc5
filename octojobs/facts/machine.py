"""What the machine says of itself: its load, the room on a disk, whether it runs on its battery, whether it has a network."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from octojobs import platform
from octojobs.facts.fact import FactContext, Unreadable, reason_of
from octojobs.facts.files import children, read_bytes
from octojobs.slotted import dataclass

POWER_SUPPLIES = Path("/sys/class/power_supply")
REACH_S = 5.0
"""Name and connection together: who takes longer is of no use to a job."""

_ELSEWHERE = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that nobody has (RFC 5737, RFC 3849): a route to them is one to the internet."""


@dataclass(frozen=True, slots=True)
class Load:
    """The load average of the last minute, and the processors that this process may use."""

    load: float
    cores: int


@dataclass(frozen=True, slots=True)
class Told:
    """A plain yes or no, with the reason in words."""

    holds: bool
    words: str


def load(_: tuple[str, ...], __: FactContext) -> Load:
    """Unreadable where the system has no such figure."""
    try:
        average = os.getloadavg()[0]
    except OSError:
        raise Unreadable("the system does not tell its load average") from None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Load(average, cores or 1)


def free_bytes(args: tuple[str, ...], context: FactContext) -> int:
    """What a user without privileges may still write on the disk of a path (relative to the main worktree)."""
    (path,) = args
    try:
        found = os.statvfs(context.root / path)
    except OSError as error:
        raise Unreadable(f"{path} can't be read: {reason_of(error)}") from None
    return found.f_bavail * found.f_frsize


def power(_: tuple[str, ...], __: FactContext) -> Told:
    """Whether the machine draws on a battery; one that has none never does."""
    return _power_of_linux(POWER_SUPPLIES) if platform.SYSTEM == "linux" else _power_elsewhere()


def _power_of_linux(folder: Path) -> Told:
    """By sysfs (Documentation/ABI/testing/sysfs-class-power): what a supply's `scope` calls a device's is no supply of the machine."""
    batteries: list[tuple[str, str]] = []
    supplies = [supply for supply in children(folder) if _word(supply, "scope") != "Device"]
    for supply in supplies:
        kind = _word(supply, "type")
        if kind in ("Battery", "UPS"):
            batteries.append((supply.name, _word(supply, "status")))
        elif _word(supply, "online") == "1":
            return Told(True, f"{supply.name} is plugged in")
    if not batteries:
        return Told(True, "there is no battery")
    for name, status in batteries:
        if status == "Discharging":
            return Told(False, f"{name} is discharging")
    told = [(name, status) for name, status in batteries if status in ("Charging", "Full", "Not charging")]
    if not told:
        raise Unreadable(f"{batteries[0][0]} does not say whether it is charging")
    return Told(True, f"{told[0][0]} is {told[0][1].lower()}")


def _word(supply: Path, name: str) -> str:
    data = read_bytes(supply / name, f"{supply.name}/{name}")
    return data.decode("ascii", "replace").strip() if data is not None else ""


def _power_elsewhere() -> Told:
    import psutil  # 25 ms: only where sysfs is missing

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return Told(True, "there is no battery")
    if battery.power_plugged is None:
        raise Unreadable("the battery does not say whether it is charging")
    return Told(bool(battery.power_plugged), "the machine is plugged in" if battery.power_plugged else "the battery is discharging")


def route(_: tuple[str, ...], __: FactContext) -> Told:
    """Whether the system has a route to the internet; nothing is sent."""
    for family, address in _ELSEWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))  # of a datagram socket: it looks the route up and sends nothing (connect(2))
            return Told(True, f"there is a route, from {probe.getsockname()[0]}")
    return Told(False, "there is no route to the internet")


def reach(args: tuple[str, ...], _: FactContext) -> Told:
    """Whether a host (a name or an address) accepts a TCP connection on a port, within 5 s."""
    host, port = args[0], int(args[1])
    answers: list[Told] = []

    def connect() -> None:
        answers.extend(_connect(host, port))

    # The look-up of a name takes no time limit. A daemon thread may outlive the answer: it ends with the resolver's own limit.
    thread = threading.Thread(target=connect, name="octojobs-reach", daemon=True)
    thread.start()
    thread.join(REACH_S)
    return answers[0] if answers else Told(False, f"{host}:{port} did not answer within {REACH_S:g} s")


def _connect(host: str, port: int) -> Iterator[Told]:
    try:
        with socket.create_connection((host, port), timeout=REACH_S):
            yield Told(True, f"{host}:{port} accepts connections")
    except TimeoutError:
        yield Told(False, f"{host}:{port} did not answer within {REACH_S:g} s")
    except OSError as error:
        yield Told(False, f"{host}:{port}: {reason_of(error)}")
    except UnicodeError:
        yield Told(False, f"{host}:{port}: that is no name of a host")
