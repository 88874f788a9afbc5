"""Watches a job's process to its end: time limits, being asked to stop, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from octojobs import platform
from octojobs.runners.shim import result

if TYPE_CHECKING:
    from octojobs.runners.shim.output import Output
    from octojobs.runners.shim.run import Spec
    from octojobs.runners.shim.signals import Signals

LINGER_S = 5.0
"""How long descendants may outlive the main process before the run ends without them (a grandchild may be a daemon)."""
AFTER_KILL_S = 5.0
"""How long killed processes may take to go (one in an uninterruptible sleep doesn't): then they have escaped."""
_KILL_AGAIN_S = 0.02


class Ending(NamedTuple):
    """How a run ended: its outcome as `formats.md` spells it, the main process's status, and what lives on."""

    outcome: str
    exit_code: int | None
    signal: int | None
    reason: str
    escaped: tuple[int, ...] = ()


class Supervisor:
    """Waits for one job. `wait` is called once."""

    def __init__(self, pid: int, spec: Spec, output: Output, signals: Signals, *, subreaper: bool) -> None:
        self._pid = pid
        self._subreaper = subreaper
        self._spec = spec
        self._output = output
        self._signals = signals
        self._status: int | None = None  # of the main process, as waitpid gives it
        self._childless = False
        self._cause: tuple[str, str] | None = None  # (outcome, reason) when the run was ended by force
        self._give_up_at = 0.0

    def wait(self) -> Ending:
        """Return when nothing of the run is left, or what is left has had its time."""
        self._follow()
        if (self._cause is not None or self._signals.stop_asked) and not self._is_over():
            self._end_by_force()
        return self._ending()

    def _follow(self) -> None:
        """Until the run has ended by itself (with its stragglers), or a limit or a request ends it (`_cause`)."""
        began = time.monotonic()
        synced = False
        timeout_s, idle_s = self._spec["timeout_s"], self._spec["idle_timeout_s"]
        while not self._signals.stop_asked:
            self._reap()
            now = time.monotonic()
            if self._status is not None:
                self._give_up_at = self._give_up_at or now + LINGER_S
                if self._childless or now >= self._give_up_at:
                    return
                self._signals.wait(min(self._give_up_at - now, self._output.look(now)))
                continue
            wait_s = self._output.look(now)
            if timeout_s is not None:
                if now >= began + timeout_s:
                    self._cause = ("timed_out", f"timeout: still running after {timeout_s:g} s")
                    return
                wait_s = min(wait_s, began + timeout_s - now)
            if idle_s is not None:
                idle_at = max(self._output.grown_at, began) + idle_s
                if now >= idle_at:
                    self._cause = ("timed_out", f"idle_timeout: no output for {idle_s:g} s")
                    return
                wait_s = min(wait_s, idle_at - now, max(idle_s / 4, 0.01))
            self._signals.wait(wait_s)
            if not synced and time.monotonic() - now >= wait_s:
                synced = True
                result.sync_folder_if_possible(self._spec["run_dir"])

    def _end_by_force(self) -> None:
        """TERM to everything of the run, `kill_grace`, then KILL until nothing is left or nothing helps."""
        if self._cause is None and self._status is None:
            self._cause = ("cancelled", result.stop_reason(self._spec["run_dir"]))
        self._signal_all(signal.SIGTERM)
        self._signal_all(signal.SIGCONT)  # a stopped process hears TERM only when it goes on
        if self._wait_gone(time.monotonic() + self._spec["kill_grace_s"]):
            return
        give_up_at = time.monotonic() + AFTER_KILL_S
        while time.monotonic() < give_up_at:
            self._signal_all(signal.SIGKILL)  # again and again: what forks meanwhile is found in the next round
            if self._wait_gone(min(time.monotonic() + _KILL_AGAIN_S, give_up_at)):
                return

    def _is_over(self) -> bool:
        """Whether the main process was reaped, and nothing of the run is left."""
        return self._status is not None and self._childless

    def _wait_gone(self, deadline: float) -> bool:
        while True:
            self._reap()
            now = time.monotonic()
            if self._is_over():
                return True
            if now >= deadline:
                return False
            self._signals.wait(min(deadline - now, self._output.look(now)))

    def _reap(self) -> None:
        """Take in every child that has ended, adopted ones too."""
        self._childless = False
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._status = status
        except ChildProcessError:
            # A subreaper without children has no descendants. Where that can't be, the group is all that can be asked.
            self._childless = not self._group_lives()

    def _group_lives(self) -> bool:
        try:
            os.killpg(self._pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _signal_all(self, number: int) -> None:
        # The group's id is the main process's pid, which may be another's once that was reaped. A subreaper has all of
        # the group's other members among its descendants anyway.
        by_group = self._status is None or not self._subreaper
        if by_group:
            with suppress(ProcessLookupError, PermissionError):  # gone, or a member is another user's: the others got it
                os.killpg(self._pid, number)
        for pid in platform.descendants(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                if not by_group or os.getpgid(pid) != self._pid:
                    os.kill(pid, number)

    def _ending(self) -> Ending:
        escaped = () if self._childless else tuple(platform.descendants(os.getpid()))
        exit_code, number = _decode(self._status)
        if self._cause is not None:
            outcome, reason = self._cause
            self._output.note(reason)
        elif number is not None:
            outcome, reason = "failed", f"killed by {_name(number)}"
        else:
            outcome, reason = ("succeeded", "") if exit_code == 0 else ("failed", f"exit code {exit_code}")
        return Ending(outcome, exit_code, number, reason, escaped)


def _decode(status: int | None) -> tuple[int | None, int | None]:
    """(exit code, signal) of a wait status; (None, None) for a main process that could not be killed."""
    if status is None:
        return None, None
    if os.WIFSIGNALED(status):
        return None, os.WTERMSIG(status)
    return os.WEXITSTATUS(status), None


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
