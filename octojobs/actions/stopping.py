"""Stops the daemon; running jobs carry on, or are ended first."""

from __future__ import annotations

import signal
import threading

from octojobs import platform
from octojobs.actions.asking import who
from octojobs.actions.operating import cancel, ended_soon
from octojobs.actions.workspace import Workspace
from octojobs.core.run import Run
from octojobs.errors import OctojobsError, RepositoryBusy
from octojobs.slotted import dataclass
from octojobs.store.lock import Holder
from octojobs.store.requests import Request

WAIT_S = 10.0
"""A daemon ends between two ticks: a slow disk or a guard's command may take it some seconds."""
DAEMON = "up"


@dataclass(frozen=True, slots=True)
class Stopped:
    """Who was stopped, and the runs that were running then."""

    holder: Holder
    runs: tuple[Run, ...]


def daemon(workspace: Workspace) -> Holder | None:
    """The daemon that serves the repository; RepositoryBusy when something else of octojobs holds it, which ends by itself.

    Nobody knows what a holder is that found no room on the disk to say who it is.
    """
    holder = workspace.holder()
    if holder is not None and not holder.role:
        lock = workspace.paths.daemon_lock
        fix = f"if its disk is full, make room: it says who it is then; `fuser {lock}` tells the process"
        raise RepositoryBusy(f"{holder} holds this repository, and could not say who it is", fix)
    if holder is not None and holder.role != DAEMON:
        raise RepositoryBusy(f"no daemon, but {holder} holds this repository", "it ends by itself")
    return holder


def running(workspace: Workspace) -> tuple[Run, ...]:
    """The runs that have a process."""
    return tuple(run for run in workspace.ledger().runs.values() if run.holds_slot)


def down(workspace: Workspace, *, kill: bool = False) -> Stopped | None:
    """Tell the daemon to end and wait for it; `kill` cancels what runs first. None when there is no daemon.

    Raises OctojobsError when it does not end in time.
    """
    holder = daemon(workspace)
    if holder is None:
        return None
    runs = running(workspace)
    if kill:
        now = workspace.clock.now()
        cancel(workspace, [(run, Request("cancel", now, job=run.job, run=run.id, by=who())) for run in runs])
        for run in runs:
            ended_soon(workspace, run.id)
    if holder.process is None or not platform.send_signal(holder.process, signal.SIGTERM):
        raise OctojobsError(f"{holder} can't be told to end", "end it by hand: its process id is in daemon.lock")
    # A daemon that was stopped (SIGSTOP) hears the TERM when it goes on.
    platform.send_signal(holder.process, signal.SIGCONT)
    deadline, pause = workspace.clock.monotonic() + WAIT_S, threading.Event()
    while platform.is_alive(holder.process) and workspace.holder() is not None:
        if workspace.clock.monotonic() >= deadline:
            raise OctojobsError(f"{holder} has not ended in {WAIT_S:.0f} s", f"`kill -KILL {holder.pid}` ends it; its running jobs go on")
        pause.wait(0.02)
    return Stopped(holder, runs)
