"""A run as it is handed over, and the daemon's end of the shim that takes it."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octojobs.core.job import Limits
from octojobs.core.run import Process
from octojobs.slotted import dataclass

if TYPE_CHECKING:
    from octojobs.runners.sandbox.order import Order

LISTEN_S = 5.0
"""How long a shim may take to read a run that is larger than its socket's buffer before it counts as gone."""
OFFER = "."
"""What a shim says first that takes another run; what `exit.json` says may follow."""
_MOST_WORDS = 8192
_ENCODER = json.JSONEncoder(separators=(",", ":"))
HEADER = struct.Struct("!I")
"""What precedes a message to a shim: the length of the spec, 0 for "recorded"."""


class NotPreparable(Exception):
    """The run's definition can't be carried out here (a missing secret); the message says why, for the history."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to run: exactly this environment, this folder, these limits.

    `secrets` names the variables whose values are masked in the stored output. The environment stays out of the
    repr, which finds its way into logs. `order` is what a sandboxed run's host is told, to be shown; None for the others.
    """

    run_dir: Path
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    limits: Limits
    secrets: tuple[str, ...] = ()
    order: Order | None = None


@dataclass(slots=True, eq=False)
class Shim:
    """A shim that waits to be given a run; nothing of the user's runs before `start`.

    `connection` becomes readable when the run has ended, whether the shim may be used again or not. It does not block.
    Whoever holds the shim owns it; when it closes, also because the daemon died, an idle shim exits, and a busy one at its run's end.
    """

    process: Process
    connection: socket.socket

    def start(self, launch: Launch) -> bool:
        """Hand over the run: this opens its gate. False when the shim is gone or does not listen, and then has run nothing."""
        data = _ENCODER.encode(_spec(launch)).encode("ascii")
        message = HEADER.pack(len(data)) + data
        try:
            sent = self.connection.send(message)
            if sent < len(message):
                self.connection.settimeout(LISTEN_S)
                self.connection.sendall(memoryview(message)[sent:])
                self.connection.setblocking(False)
        except OSError:
            self.close()  # half a message is none
            return False
        return True

    def recorded(self) -> None:
        """The end that it told of is on disk in the journal: it need not see to that itself."""
        with suppress(OSError):
            self.connection.sendall(HEADER.pack(0))

    def last_words(self) -> str:
        """Of a readable connection: OFFER, and mostly the run's result, when that is there and the shim takes another run.

        Else the shim is gone, and this is why the run could not begin, or "".
        """
        try:
            return self.connection.recv(_MOST_WORDS).decode("utf-8", "backslashreplace")
        except OSError:
            return ""

    def is_there(self) -> bool:
        """Whether an idle shim still listens."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Let go of it; twice is once."""
        self.connection.close()


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
