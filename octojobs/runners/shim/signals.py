"""How a shim waits: the signals it listens to stay blocked and are taken one by one, so that none gets lost in between."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

WAITED_FOR = (signal.SIGCHLD, signal.SIGTERM)
_IGNORED = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def prepare() -> None:
    """In the launcher, once: its shims inherit it all, and a fork has nothing left to do.

    SIGCHLD has a handler that is never called: macOS drops a blocked signal whose default is to be ignored.
    """
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _never_called)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*WAITED_FOR, signal.SIGALRM})


@contextmanager
def term_kills() -> Iterator[None]:
    """While this lasts, SIGTERM ends the process, also one that came before."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


class Signals:
    """The shim's ear; `stop_asked` is set once someone has sent SIGTERM."""

    def __init__(self) -> None:
        self.stop_asked = False

    def wait(self, seconds: float) -> None:
        """Return at the next signal, at the latest after so many seconds."""
        if _take(max(seconds, 0.0)) == signal.SIGTERM:
            self.stop_asked = True


if sys.platform == "darwin":

    def _take(seconds: float) -> int | None:
        """The next signal, None after so many seconds: macOS has no sigtimedwait, so the timer is a signal as well."""
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        number = signal.sigwait({*WAITED_FOR, signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, 0)
        return None if number == signal.SIGALRM else number

else:

    def _take(seconds: float) -> int | None:
        """The next signal, None after so many seconds."""
        taken = signal.sigtimedwait(WAITED_FOR, seconds)
        return None if taken is None else taken.si_signo


def _never_called(*_: object) -> None:
    """The signal is blocked here, and the jobs get the default back."""
