"""Shims without processes: they speak the protocol of real ones over real sockets and files, a step when they are told to."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any

from octojobs import platform
from octojobs.core.codec import format_instant
from octojobs.core.run import Process
from octojobs.engine.clock import Clock
from octojobs.runners.base import HEADER, OFFER, Shim

NO_SUCH_PID = 1 << 23
"""Beyond the largest pid of Linux (2^22): nobody's, so that no signal finds anybody."""


class Stage(Enum):
    """Where a shim stands."""

    IDLE = auto()
    RUNNING = auto()
    ENDED = auto()
    """The result is there and told; `live` is held until the daemon has recorded it, or is gone."""
    GONE = auto()


@dataclass(eq=False)
class FakeShim:
    """The far end of one connection."""

    process: Process
    connection: socket.socket
    clock: Clock
    on_start: Callable[[dict[str, str]], None]
    stage: Stage = Stage.IDLE
    spec: dict[str, Any] = field(default_factory=dict)
    _live: int = -1
    _began: str = ""

    def listen(self) -> None:
        """Take in what the daemon has sent: a run, the word that an end is recorded, or its own end."""
        while self.stage in (Stage.IDLE, Stage.ENDED):
            try:
                header = self.connection.recv(HEADER.size)
            except BlockingIOError:
                return
            except OSError:
                header = b""
            if not header:
                self.gone()
                return
            self._let_go()
            self.stage = Stage.IDLE
            (size,) = HEADER.unpack(header)
            if size:
                self._begin(json.loads(self.connection.recv(size)))

    def _begin(self, spec: dict[str, Any]) -> None:
        """As the shim does it: lock `live`, make `started` unless it is there, run."""
        run_dir = spec["run_dir"]
        self._live = os.open(f"{run_dir}/live", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._live, fcntl.LOCK_EX)
        try:
            os.link(f"{run_dir}/live", f"{run_dir}/started")
        except FileExistsError:
            self.gone()
            return
        self.spec, self.stage, self._began = spec, Stage.RUNNING, format_instant(self.clock.now())
        self.on_start(spec["env"])

    def end(self, code: int) -> None:
        """The job ends: with this code, or because it was asked to stop."""
        stop = Path(self.spec["run_dir"], "stop")
        outcome = "cancelled" if stop.exists() else "succeeded" if code == 0 else "failed"
        content = {
            "outcome": outcome,
            "exit_code": code,
            "signal": None,
            "reason": stop.read_text() if stop.exists() else "" if code == 0 else f"exit code {code}",
            "started_at": self._began,
            "ended_at": format_instant(self.clock.now()),
            "duration_s": 0.0,
            "output_bytes": 0,
            "truncated": False,
            "escaped": [],
        }
        temporary = Path(self.spec["run_dir"], ".exit.json.tmp")
        temporary.write_text(json.dumps(content))
        temporary.rename(self.spec["run_dir"] + "/exit.json")
        if outcome == "cancelled":
            self.gone()
            return
        self.stage = Stage.ENDED
        try:
            self.connection.send(OFFER.encode())
        except OSError:
            self.gone()

    def gone(self) -> None:
        """The process ends, by itself or by SIGKILL: the kernel closes what it held."""
        self._let_go()
        self.connection.close()
        self.stage = Stage.GONE

    def _let_go(self) -> None:
        if self._live >= 0:
            os.close(self._live)
            self._live = -1


class FakeLauncher:
    """Stands for `octojobs.runners.launcher.Launcher`. `refuses` says why there is no further shim; empty when there is."""

    def __init__(self, clock: Clock, on_start: Callable[[dict[str, str]], None]) -> None:
        self.shims: list[FakeShim] = []
        self.refuses = ""
        self._near: list[Shim] = []
        self._clock = clock
        self._on_start = on_start

    def fork(self, count: int) -> tuple[list[Shim], str]:
        """So many shims, or none with the reason."""
        if self.refuses:
            return [], self.refuses
        made = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)
            process = Process(NO_SUCH_PID + len(self.shims), 1, platform.boot_id())
            self.shims.append(FakeShim(process, theirs, self._clock, self._on_start))
            made.append(Shim(process, ours))
        self._near += made
        return made, ""

    def near_ends_close(self) -> None:
        """The daemon dies, and its ends of all connections with it, in whoever's hands they were."""
        for shim in self._near:
            shim.close()
        self._near = []

    def at(self, stage: Stage) -> list[FakeShim]:
        """The shims that stand there, in the order in which they were forked."""
        return [shim for shim in self.shims if shim.stage is stage]

    def listen(self) -> None:
        """Every shim takes in what was sent to it."""
        for shim in self.shims:
            shim.listen()

    def close(self) -> None:
        """The launcher ends; its shims live on."""
