"""The run itself, inside of its host: signals go through to it, and its end becomes the host's own, to the exit code and the signal.

The host blocks the signals that ask it to end, and takes them one by one with who sent them. What the shim sends goes to all
processes of a run: only what somebody else sends is passed on, so that nothing is asked twice.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from octojobs import platform, process
from octojobs.errors import OctojobsError
from octojobs.runners.sandbox.enclosure import Enclosed
from octojobs.runners.shim.spawn import CANNOT_EXECUTE, COMMAND_NOT_FOUND, DEFAULT_PATH

if TYPE_CHECKING:
    import subprocess  # noqa: TID251 -- the type of what process.py gives, nothing else

ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
BEFORE_KILL = 0.6
"""The part of `kill_grace` after which a container that was asked to end is ended: its client can't do it any more once it is killed."""


class NotStarted(OctojobsError):
    """The command can't be started; `code` is what a shell would have exited with."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what)
        self.code = code


class Inner:
    """The one process that is run. `begin` once, then `wait` once."""

    def __init__(self, enclosed: Enclosed, grace_s: float) -> None:
        """A shielded one keeps the signals blocked; it must see to it that what it starts itself does not."""
        self._enclosed = enclosed
        self._grace_s = grace_s
        self._asked: list[int] = []
        self._last_resort_at: float | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it. Raises NotStarted."""
        argv, cwd, env = self._enclosed.argv, self._enclosed.cwd, self._enclosed.env
        platform.set_subreaper()
        # Blocked from the host's beginning on; what is started inherits the mask, and must not: for that moment they are noted.
        if "/" not in argv[0] and not any(os.path.exists(f"{folder or '.'}/{argv[0]}") for folder in _path(env).split(":")):
            raise NotStarted(f"can't start: there is no {argv[0]} on PATH ({_path(env)})", COMMAND_NOT_FOUND)
        noted = {number: signal.signal(number, lambda number, _frame: self._asked.append(number)) for number in ASKED}
        if not self._enclosed.shielded:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {*ASKED, signal.SIGCHLD})
        try:
            self._child = process.begin(argv, cwd=cwd, env=env, pass_fds=self._enclosed.pass_fds, umask=self._enclosed.umask)
        except (OSError, ValueError) as error:
            raise _not_started(argv[0], error) from None
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {*ASKED, signal.SIGCHLD})
            for number, before in noted.items():
                signal.signal(number, before)

    @property
    def was_asked(self) -> bool:
        """Whether somebody has asked it to end."""
        return bool(self._asked)

    def wait(self) -> int:
        """Its wait status, once it has ended; what it left behind may run on."""
        for number in self._asked:
            self._pass_on(number)
        while (status := self._reap()) is None:
            number, sender = _next_signal(self._patience(time.monotonic()))
            if number in ASKED:
                self._asked.append(number)
                self._last_resort_at = self._last_resort_at or time.monotonic() + self._grace_s * BEFORE_KILL
                if sender != os.getppid():
                    self._pass_on(number)
        return status

    def _patience(self, now: float) -> float | None:
        """How long to wait for the next signal: for ever, unless the run was asked to end and is about to be killed."""
        if self._last_resort_at is None:
            return None
        if now >= self._last_resort_at:
            self._last_resort_at = None
            self._enclosed.end()
            return None
        return self._last_resort_at - now

    def _reap(self) -> int | None:
        """The main process's status, when it has ended just now; others that ended are taken in as well."""
        with suppress(ChildProcessError):
            while True:
                pid, value = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return None
                if self._child is not None and pid == self._child.pid:
                    self._child.returncode = os.waitstatus_to_exitcode(value)  # else it would wait for the number itself
                    return value
        return None

    def _pass_on(self, number: int) -> None:
        """To the main process; in a sandbox to all that is in it, for what is around it does not listen."""
        if self._child is None:
            return
        for pid in platform.descendants(self._child.pid) if self._enclosed.shielded else [self._child.pid]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def block_signals() -> None:
    """From the host's first moment on: nothing ends it before it knows what it has begun."""
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*ASKED, signal.SIGCHLD})


def asked_to_end() -> int:
    """The signal that has come meanwhile and asks to end; 0 for none."""
    return next((number for number in ASKED if number in signal.sigpending()), 0)


def end_as(status: int) -> NoReturn:
    """End this process just as the one with that wait status ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.WIFSIGNALED(status):
        end_by(os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def end_by(number: int) -> NoReturn:
    """End this process by a signal. It leaves no core: the process that had one has left it."""
    sys.stdout.flush()
    sys.stderr.flush()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):  # KILL has no handler to take away
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # a signal whose default is to be ignored


if sys.platform == "darwin":

    def _next_signal(seconds: float | None) -> tuple[int, int]:
        """The next signal and who sent it, which macOS does not tell; (0, 0) after so many seconds."""
        signal.setitimer(signal.ITIMER_REAL, seconds or 0)
        number = signal.sigwait({*ASKED, signal.SIGCHLD, signal.SIGALRM})
        return (0, 0) if number == signal.SIGALRM else (number, os.getppid())

else:

    def _next_signal(seconds: float | None) -> tuple[int, int]:
        """The next signal and who sent it; (0, 0) after so many seconds."""
        waited_for = {*ASKED, signal.SIGCHLD}
        told = signal.sigwaitinfo(waited_for) if seconds is None else signal.sigtimedwait(waited_for, seconds)
        return (told.si_signo, told.si_pid) if told else (0, 0)


def _path(env: Mapping[str, str]) -> str:
    return env.get("PATH", DEFAULT_PATH)


def _not_started(name: str, error: OSError | ValueError) -> NotStarted:
    if isinstance(error, FileNotFoundError):
        return NotStarted(f"can't start: there is no {name}", COMMAND_NOT_FOUND)
    why = error.strerror if isinstance(error, OSError) else str(error)
    return NotStarted(f"can't start {name}: {why}", CANNOT_EXECUTE)
