"""The daemon's end of the launcher: hands over batches of launches and gets back shims that wait at their gates.

The launcher is one small single-threaded process (`launcher_main.py`) that forks a shim per run. The daemon could
fork by itself, but a fork copies its page tables: 45 starts a second with 500 MB resident, against more than 1,000
from a process of 10 MB. It is connected by a socket pair and exits when the daemon's end closes, so there is never an
orphan, and never stale code after an upgrade. The shims live on: they are in sessions of their own.

For each run the daemon keeps the write end of a pipe, its gate, and sends the read end along. It must be the only
holder of the write end: when it dies, the kernel closes the gate, and the shim knows that it was not opened.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from octojobs import platform, process
from octojobs.core.run import Process
from octojobs.runners.base import Launch, Launched, LaunchFailed

BATCH = 64
"""Launches in one message: SCM_RIGHTS carries 253 descriptors at most, and the first shim waits for the last one."""
ANSWER_S = 30.0
"""How long one batch may take before the launcher counts as stuck (stopped, or the machine is thrashing)."""
_HEADER = struct.Struct("!I")
_MAIN = Path(__file__).with_name("launcher_main.py")


class Launcher:
    """Forks a shim for each launch. Owned by one thread; `close` may be called twice."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._socket: socket.socket | None = None
        self._process: Any = None

    @property
    def pid(self) -> int | None:
        """The launcher's process, None while there is none."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the launcher's process unless it is there; `launch` does it by itself. Raises OSError."""
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

    def launch(self, batch: Sequence[Launch]) -> list[Launched | LaunchFailed]:
        """A shim at its gate, or a failure, for each launch, in order; runs nothing. Never raises OSError.

        A launcher that died is started again once: the gates of the batch it was given close unopened, so whatever
        it had forked runs nothing.
        """
        results: list[Launched | LaunchFailed] = []
        for start in range(0, len(batch), BATCH):
            part = batch[start : start + BATCH]
            try:
                results += self._attempt(part)
            except (OSError, EOFError, ValueError):
                self.close()
                try:
                    results += self._attempt(part)
                except (OSError, EOFError, ValueError) as error:
                    self.close()
                    results += [LaunchFailed(launch, f"the launcher does not answer: {reason(error)}") for launch in part]
        return results

    def close(self) -> None:
        """End the launcher; running shims live on, those at a closed gate exit."""
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

    def _attempt(self, part: Sequence[Launch]) -> list[Launched | LaunchFailed]:
        self.start()
        gates: list[tuple[int, int] | str] = [_gate() for _ in part]
        try:
            ready = [(launch, gate) for launch, gate in zip(part, gates, strict=True) if not isinstance(gate, str)]
            answers = iter(self._exchange([launch for launch, _ in ready], [gate[0] for _, gate in ready]) if ready else [])
            return [_result(launch, gate, answers) for launch, gate in zip(part, gates, strict=True)]
        except BaseException:
            for gate in gates:
                if not isinstance(gate, str):
                    with suppress(OSError):
                        os.close(gate[1])
            raise
        finally:
            for gate in gates:
                if not isinstance(gate, str):
                    os.close(gate[0])

    def _exchange(self, launches: Sequence[Launch], gates: Sequence[int]) -> list[Any]:
        assert self._socket is not None
        data = json.dumps([_spec(launch) for launch in launches], separators=(",", ":")).encode("ascii")
        socket.send_fds(self._socket, [_HEADER.pack(len(data))], list(gates))
        self._socket.sendall(data)
        (size,) = _HEADER.unpack(self._receive(_HEADER.size))
        answers = json.loads(self._receive(size))
        if len(answers) != len(launches):
            raise ValueError(f"{len(answers)} answers to {len(launches)} launches")
        return list(answers)

    def _receive(self, size: int) -> bytes:
        assert self._socket is not None
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError("it has ended")
            data += part
        return bytes(data)


def reason(error: Exception) -> str:
    """An exception in words: the system's own for an OSError."""
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _gate() -> tuple[int, int] | str:
    """(read end, write end), both close-on-exec, or the reason why there is no pipe."""
    try:
        return os.pipe()
    except OSError as error:
        return f"can't make its gate: {reason(error)}"


def _result(launch: Launch, gate: tuple[int, int] | str, answers: Iterator[Any]) -> Launched | LaunchFailed:
    if isinstance(gate, str):
        return LaunchFailed(launch, gate)
    answer = next(answers)
    if isinstance(answer, str):
        os.close(gate[1])
        return LaunchFailed(launch, answer)
    try:
        # The pid can't be another process's: the launcher has not reaped it yet, dead or alive.
        shim = Process(answer, platform.start_ticks(answer) or 0, platform.boot_id())
        pidfd = platform.open_pidfd(shim)
    except OSError as error:
        os.close(gate[1])
        return LaunchFailed(launch, f"can't identify its shim: {reason(error)}")
    return Launched(launch, shim, pidfd, gate[1])


def _spec(launch: Launch) -> dict[str, Any]:
    """The launch as the shim reads it: the words of `Limits`, plain values only."""
    limits = launch.limits
    return {
        "run_dir": os.fspath(launch.run_dir),
        "argv": launch.argv,
        "env": dict(launch.env),
        "cwd": os.fspath(launch.cwd),
        "timeout_s": limits.timeout_s,
        "idle_timeout_s": limits.idle_timeout_s,
        "kill_grace_s": limits.kill_grace_s,
        "max_output": limits.max_output,
        "secrets": launch.secrets,
    }
