"""What a daemon tells the service manager that started it (sd_notify(3)): ready, alive, reloading, stopping, and how it stands."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

from octojobs.engine.clock import Clock

log = logging.getLogger("octojobs.service")


class Supervisor:
    """One datagram for each word to `$NOTIFY_SOCKET`; without that variable it says nothing. Owned by the engine's thread.

    `turn` is called by each turn of the loop, and by nobody else: a loop that is stuck in a tick says that it is alive no more,
    and is started anew after `$WATCHDOG_USEC`.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._pause_s = _watchdog_s(environ) / 2
        self._alive_at = float("-inf")
        self._ready = False
        self._status = ""
        self._problem = ""

    def turn(self, status: str) -> None:
        """All that there was to do is done; `status` is one line. What it says is said when it is news, and "alive" in time."""
        if not self._address:
            return
        now = self._clock.monotonic()
        alive = bool(self._pause_s) and now - self._alive_at >= self._pause_s
        news = {"READY=1": not self._ready, f"STATUS={status}": status != self._status, "WATCHDOG=1": alive}
        words = [word for word, is_news in news.items() if is_news]
        if not words or not self._tell(*words):
            return  # what was not heard is said again by the next turn: a daemon that is never ready is ended
        self._ready, self._status = True, status
        if alive:
            self._alive_at = now

    def reloading(self) -> None:
        """Other definitions are taken in by the next turn, which says that this one is over."""
        self._ready = False
        self._tell("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1_000_000)}")

    def stopping(self, why: str) -> None:
        """The loop has come to its end."""
        self._tell("STOPPING=1", f"STATUS=stopped by {why}")

    def _tell(self, *words: str) -> bool:
        """Whether the manager has it; why not is told once."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(words).encode(), self._address)
        except OSError as error:
            # A manager that is started anew, or slow: it hears the next word.
            problem = os.strerror(error.errno or 0)
            if problem != self._problem:
                log.warning("the service manager can't be told %s: %s", words[0], problem)
            self._problem = problem
            return False
        self._problem = ""
        return True


def _address(named: str) -> str:
    """The address of the socket; `@` stands for the first byte of an abstract one."""
    if named.startswith(("/", "@")):
        return f"\0{named[1:]}" if named.startswith("@") else named
    if named:
        log.warning("the service manager is told nothing: NOTIFY_SOCKET is %s, and not a path", named)
    return ""


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """How long it may be silent, 0 for as long as it likes, or when another process is meant."""
    pid, microseconds = environ.get("WATCHDOG_PID", ""), environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1_000_000 if microseconds.isdecimal() and pid in ("", str(os.getpid())) else 0.0
