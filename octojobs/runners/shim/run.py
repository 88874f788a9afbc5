"""The shim's life: it is given a run, carries it out as the start protocol of `runs.md` says, and offers itself for another.

Failure modes, and what each leaves behind:

- the daemon dies before it handed over a run: end of file, nothing ran, no `started`;
- the daemon dies afterwards: the shim goes on, makes the result durable itself, exits; the next daemon finds `live` locked;
- another daemon has fenced this run (it found no `started` and made it): O_EXCL fails here, nothing ran;
- the shim is killed: `live` is free, `started` is there, `exit.json` is not: the run is lost, its processes may live on;
- the machine loses power: as before, except that `started` may be gone too; the journal knows. A result that neither the
  journal nor the shim made durable yet, some milliseconds after the end, is lost with its run;
- the disk is full: `exit.json` is tried until there is room, with `live` held, so that the result is not lost.

A shim carries out one run at a time, and the next one only if nothing of the last is left: no process, no secret, nothing
that was asked to stop. It costs a fork and some hundred copied pages less than a shim for each run (decision 20).
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import TypedDict

from octojobs import platform
from octojobs.runners.shim import result
from octojobs.runners.shim.link import Link
from octojobs.runners.shim.mask import Mask
from octojobs.runners.shim.output import Output
from octojobs.runners.shim.signals import Signals
from octojobs.runners.shim.spawn import CannotStart, spawn
from octojobs.runners.shim.supervise import Ending, Supervisor

MOST_RUNS = 1000
"""A bound on what a process may gather that lives as long as its daemon."""


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


def serve(link: int) -> None:
    """Carry out runs, one after the other, in this freshly forked process, until there are no more or this one is used up."""
    os.setsid()
    subreaper = platform.set_subreaper()
    daemon = Link(link)
    for _ in range(MOST_RUNS):
        spec = daemon.receive()
        if spec is None or not _run(spec, daemon, subreaper=subreaper):
            return


def _run(spec: Spec, daemon: Link, *, subreaper: bool) -> bool:
    """One run, until its result is there and safe; whether this process may take another."""
    run_dir = spec["run_dir"]
    signals = Signals()
    try:
        live = os.open(f"{run_dir}/live", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(live, fcntl.LOCK_EX)
        if not _start_once(run_dir):
            return False
    except OSError as error:
        daemon.complain(f"{run_dir} can't be written: {error.strerror}")
        return False
    began = time.time(), time.monotonic()
    ending, output = _carry_out(spec, signals, subreaper=subreaper)
    again = ending.outcome in ("succeeded", "failed") and not (ending.escaped or signals.stop_asked or spec["secrets"])
    result.write(run_dir, live, result.document(ending, output, began), signals, daemon.announce if again else None)
    os.close(live)
    return again


def _start_once(run_dir: str) -> bool:
    """Make `started`; False when it is there already, which means that this run was fenced.

    A second name of `live` is as exclusive as O_EXCL, and spares ext4 the search for an inode, a tenth of a run of `true`.
    It need not be durable before the job runs: on this boot the name is seen by everybody, synced or not, and after
    another boot the journal decides alone. It is synced at the first look, if the job still runs by then.
    """
    try:
        os.link(f"{run_dir}/live", f"{run_dir}/started")
    except FileExistsError:
        return False
    except OSError:  # no hard links on this file system, or somebody has removed `live`
        return _make_once(f"{run_dir}/started")
    return True


def _make_once(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return False
    return True


def _carry_out(spec: Spec, signals: Signals, *, subreaper: bool) -> tuple[Ending, Output | None]:
    run_dir = spec["run_dir"]
    try:
        mask = Mask([spec["env"][name] for name in spec["secrets"] if name in spec["env"]])
        output = Output(f"{run_dir}/output.log", spec["max_output"], mask)
    except OSError as error:
        return Ending("failed", 126, None, f"can't start: the output can't be stored: {error.strerror}"), None
    if signals.stop_asked:
        return Ending("cancelled", None, None, result.stop_reason(run_dir)), output
    try:
        pid = spawn(spec["argv"], spec["env"], spec["cwd"])
    except CannotStart as problem:
        output.note(str(problem))
        return Ending("failed", problem.exit_code, None, str(problem)), output
    ending = Supervisor(pid, spec, output, signals, subreaper=subreaper).wait()
    output.finish()
    if mask:
        mask.file(f"{run_dir}/result.json")
    return ending, output
