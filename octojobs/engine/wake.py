"""What wakes the loop from outside its thread: signals, the file watcher, another process."""

from __future__ import annotations

import os
import signal
from types import FrameType

WAKE_SIGNALS = (signal.SIGUSR1, signal.SIGHUP)
"""SIGUSR1 is what the command line sends after it left a request; SIGHUP is what people send to have files read again."""


class Wake:
    """A pipe that is readable when something asked for attention. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _pipe()
        self.stopping = ""
        self._previous: dict[int, object] = {}

    def fileno(self) -> int:
        """The end to wait on."""
        return self._read

    def ring(self) -> None:
        """Wake the loop."""
        try:
            os.write(self._write, b"!")
        except OSError:
            # The pipe is full of rings, and one more says nothing new; or it is closed, and nobody listens any more.
            return

    def drain(self) -> bool:
        """Forget the rings so far; whether there were any."""
        try:
            return bool(os.read(self._read, 65536))
        except BlockingIOError:
            return False

    def stop(self, why: str) -> None:
        """Ask the loop to end; the first reason is kept."""
        self.stopping = self.stopping or why
        self.ring()

    def listen(self) -> None:
        """Let TERM and INT stop the loop, and WAKE_SIGNALS wake it; main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._on_stop)
        for number in WAKE_SIGNALS:
            self._previous[number] = signal.signal(number, self._on_wake)

    def deafen(self) -> None:
        """Give the signals back; `listen` may be called again."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned, it takes back
        self._previous = {}

    def close(self) -> None:
        """Give the signals back, and the descriptors."""
        self.deafen()
        read, write = self._read, self._write
        # A guard that answers late rings all the same: its ring must not land in whatever gets these numbers next.
        self._read = self._write = -1
        os.close(read)
        os.close(write)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        self.stop(signal.Signals(number).name)

    def _on_wake(self, _number: int, _frame: FrameType | None) -> None:
        self.ring()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    return read, write
