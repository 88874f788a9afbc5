"""One run, from the gate to `exit.json` (the start protocol of `runs.md`).

Failure modes, and what each leaves behind:

- the daemon dies before the gate opens: end of file at the gate, nothing ran, no `started`;
- the daemon dies afterwards: nobody tells the shim and it does not care; the next daemon finds `live` locked;
- another daemon has fenced this run (it found no `started` and made it): O_EXCL fails here, nothing ran;
- the shim is killed: `live` is free, `started` is there, `exit.json` is not: the run is lost, its processes may live on;
- the machine loses power: as before, except that `started` may be gone too; the journal knows;
- the disk is full: `exit.json` is tried until there is room, with `live` held, so that the result is not lost.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from typing import Any, TypedDict

from octojobs import platform
from octojobs.runners.shim import result
from octojobs.runners.shim.output import Output
from octojobs.runners.shim.spawn import CannotStart, spawn
from octojobs.runners.shim.supervise import Ending, Supervisor

STOP_FILE = "stop"


class Spec(TypedDict):
    """A launch as it comes over the socket; seconds and bytes, None for no bound. `secrets` names variables of `env`."""

    run_dir: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    timeout_s: float | None
    idle_timeout_s: float | None
    kill_grace_s: float
    max_output: int
    secrets: list[str]


class Signals:
    """What the shim waits on: a pipe that Python writes to at each signal, and whether someone asked it to stop."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._pipe, write_end = os.pipe()
        os.set_blocking(self._pipe, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _heard)
        signal.signal(signal.SIGTERM, self._stop)
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(ignored, signal.SIG_IGN)
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Return at the next signal, at the latest after so many seconds."""
        if self._poll.poll(max(seconds, 0) * 1000):
            try:
                os.read(self._pipe, 4096)
            except BlockingIOError:  # taken by nobody else; a spurious wake-up
                return

    def _stop(self, *_: object) -> None:
        self.stop_asked = True


def run(spec: Spec, gate: int) -> None:
    """Carry out the spec in this freshly forked process; returns when `exit.json` is written, or when nothing ran."""
    os.setsid()
    os.closerange(3, gate)
    os.closerange(gate + 1, os.sysconf("SC_OPEN_MAX"))
    platform.set_subreaper()
    signals = Signals()
    run_dir = spec["run_dir"]
    live = os.open(f"{run_dir}/live", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(live, fcntl.LOCK_EX)
    if os.read(gate, 1) == b"":
        return
    os.close(gate)
    if not _start_once(run_dir):
        return
    began = time.time(), time.monotonic()
    ending, output = _carry_out(spec, signals)
    result.write(run_dir, result.document(ending, output, began), signals)


def _start_once(run_dir: str) -> bool:
    """Make `started`, durable; False when it is there already, which means that this run was fenced."""
    try:
        os.close(os.open(f"{run_dir}/started", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    result.sync_folder(run_dir)
    return True


def _carry_out(spec: Spec, signals: Signals) -> tuple[Ending, Output | None]:
    run_dir = spec["run_dir"]
    try:
        secrets = [spec["env"][name].encode("utf-8", "surrogateescape") for name in spec["secrets"]]
        output = Output(f"{run_dir}/output.log", spec["max_output"], secrets)
    except OSError as error:
        return Ending("failed", 126, None, f"can't start: the output can't be stored: {error.strerror}"), None
    if signals.stop_asked:
        return Ending("cancelled", None, None, result.stop_reason(run_dir)), output
    try:
        pid = spawn(spec["argv"], spec["env"], spec["cwd"])
    except CannotStart as problem:
        output.note(str(problem))
        return Ending("failed", problem.exit_code, None, str(problem)), output
    ending = Supervisor(pid, spec, output, signals).wait()
    output.finish()
    return ending, output


def _heard(*_: Any) -> None:
    """SIGCHLD needs a handler: without one it would not reach the wake-up pipe."""
