"""The daemon's end of the launcher: asks for shims, and gets them back with a connection to each.

The launcher is one small single-threaded process (`launcher_main.py`) that forks shims. The daemon could
fork by itself, but a fork copies its page tables: 45 starts a second with 500 MB resident, against more than 1,000
from a process of 10 MB. It is connected by a socket pair and exits when the daemon's end closes, so there is never an
orphan, and never stale code after an upgrade. Busy shims live on: they are in sessions of their own.

For each shim the daemon keeps one end of a socket pair and sends the other one along. It must be the only holder of its
end: when it dies, the kernel closes the connection, and the shim knows that no (further) run will come.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

from octojobs import platform, process
from octojobs.core.run import Process
from octojobs.runners.base import Shim

BATCH = 64
"""Shims in one message: SCM_RIGHTS carries 253 descriptors at most."""
ANSWER_S = 30.0
"""How long one batch may take before the launcher counts as stuck (stopped, or the machine is thrashing)."""
_MAIN = Path(__file__).with_name("launcher_main.py")


class NoShim(Exception):
    """There is no (further) shim; the message says why."""


class Launcher:
    """Forks shims. Owned by one thread; `close` may be called twice."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._socket: socket.socket | None = None
        self._process: Any = None

    @property
    def pid(self) -> int | None:
        """The launcher's process, None while there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the launcher's process unless it is there; `fork` does it by itself. Raises OSError."""
        if self._socket is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            ours.settimeout(ANSWER_S)
            # -I -S: nothing from the user's environment or site-packages runs in it. Its environment is empty, so that
            # what the daemon was given (tokens, agents' sockets) isn't found in /proc/PID/environ of every shim.
            argv = [self._python, "-I", "-S", "-X", "utf8", str(_MAIN), str(theirs.fileno())]
            self._process = process.spawn(argv, cwd="/", env={}, pass_fds=(theirs.fileno(),))
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._socket = ours

    def fork(self, count: int) -> tuple[list[Shim], str]:
        """So many shims, or fewer with the reason; runs nothing. Never raises OSError.

        A launcher that died is started again once: the connections of what it had forked are closed, so that runs nothing.
        """
        shims: list[Shim] = []
        while len(shims) < count:
            part = min(count - len(shims), BATCH)
            try:
                forked, why = self._attempt(part)
            except (OSError, EOFError, ValueError):
                self.close()
                try:
                    forked, why = self._attempt(part)
                except (OSError, EOFError, ValueError) as error:
                    self.close()
                    forked, why = [], f"the launcher does not answer: {reason(error)}"
            shims += forked
            if len(forked) < part:
                return shims, why
        return shims, ""

    def close(self) -> None:
        """End the launcher; shims with a run live on."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
        ending, self._process = self._process, None
        if ending is not None:
            try:
                ending.wait(1.0)
            except Exception:  # noqa: BLE001 -- TimeoutExpired, whose module only process.py may import: it is stuck
                ending.send_signal(signal.SIGKILL)
                ending.wait()

    def _attempt(self, count: int) -> tuple[list[Shim], str]:
        """As `fork`, for one message."""
        self.start()
        pairs: list[tuple[socket.socket, socket.socket]] = []
        shims: list[Shim] = []
        why = ""
        try:
            try:
                while len(pairs) < count:
                    pairs.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM))
            except OSError as error:
                why = f"can't make its connection: {reason(error)}"
            answers = self._exchange([theirs for _, theirs in pairs])
            for _, theirs in pairs:
                theirs.close()
            for (ours, _), answer in zip(pairs, answers, strict=True):
                try:
                    shims.append(_shim(answer, ours))
                except NoShim as problem:
                    why = str(problem)
        finally:
            kept = {shim.connection for shim in shims}
            for ours, theirs in pairs:
                theirs.close()
                if ours not in kept:
                    ours.close()
        return shims, why

    def _exchange(self, connections: list[socket.socket]) -> list[int]:
        """Have a shim forked for each connection; its pid, or a negative errno."""
        assert self._socket is not None
        if not connections:
            return []
        form = struct.Struct(f"!{len(connections)}i")
        socket.send_fds(self._socket, [bytes([len(connections)])], [one.fileno() for one in connections])
        data = bytearray()
        while len(data) < form.size:
            part = self._socket.recv(form.size - len(data))
            if not part:
                raise EOFError("it has ended")
            data += part
        return list(form.unpack(data))


def reason(error: Exception) -> str:
    """An exception in words: the system's own for an OSError."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _shim(answer: int, connection: socket.socket) -> Shim:
    if answer < 0:
        raise NoShim(f"can't start a shim: {os.strerror(-answer)}")
    try:
        # The pid can't be another process's: the launcher has not reaped it yet, dead or alive.
        ticks = platform.start_ticks(answer) or 0
    except OSError as error:
        raise NoShim(f"can't identify its shim: {reason(error)}") from None
    connection.setblocking(False)
    return Shim(Process(answer, ticks, platform.boot_id()), connection)
