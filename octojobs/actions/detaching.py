"""Starts the daemon in the background, and says whether it came up."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.engine.heartbeat import Heartbeat
from octojobs.errors import OctojobsError, RepositoryBusy
from octojobs.process import spawn
from octojobs.runners import output
from octojobs.slotted import dataclass
from octojobs.store.access import storage_failed
from octojobs.store.paths import FILE_MODE, make_folders

WAIT_S = 15.0
LOG_FILE = "daemon.log"
MOST_LOG = 10_000_000
"""A daemon's log that is longer at its start makes room for a new one; one older is kept."""

PROGRAM = "import sys; from octojobs.cli.main import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Detached:
    """The daemon that was started; `exit_code` is None when it is up, else `log_lines` say why it is not."""

    pid: int
    log: Path
    exit_code: int | None = None
    log_lines: tuple[str, ...] = ()


def detach(workspace: Workspace, options: Sequence[str]) -> Detached:
    """Start `octojobs up` with the workspace's source and these options in a session of its own; returns when it serves.

    Raises NotTrusted and RepositoryBusy before anything is started, OctojobsError when it is neither up nor gone in time.
    """
    trust.require(workspace.repository)
    holder = workspace.holder()
    if holder is not None:
        raise RepositoryBusy(f"this repository is held by {holder}", "`octojobs down` stops it, `octojobs status` shows what it does")
    log = workspace.paths.root / LOG_FILE
    descriptor = _open_log(workspace, log)
    begin = os.fstat(descriptor).st_size
    argv = [sys.executable, "-P", "-c", PROGRAM, "up", "--repo", str(workspace.root), "--source", workspace.source_name, *options]
    try:
        process = spawn(argv, cwd=workspace.root, env=workspace.environ, output=descriptor)
    finally:
        os.close(descriptor)
    deadline, pause = workspace.clock.monotonic() + WAIT_S, threading.Event()
    while workspace.clock.monotonic() < deadline:
        exit_code = process.poll()
        if exit_code is not None:
            return Detached(process.pid, log, exit_code, _lines_from(log, begin))
        vitals, now_held = Heartbeat.read(workspace.paths), workspace.holder()
        if vitals is not None and now_held is not None and vitals.pid == now_held.pid == process.pid:
            return Detached(process.pid, log)
        pause.wait(0.02)
    raise OctojobsError(f"the daemon (pid {process.pid}) is not up after {WAIT_S:.0f} s", f"look at {log}")


def _open_log(workspace: Workspace, log: Path) -> int:
    try:
        make_folders(workspace.paths)
        if log.exists() and log.stat().st_size > MOST_LOG:
            log.replace(log.with_suffix(".log.1"))
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise storage_failed("write", log, error) from None


def _lines_from(log: Path, begin: int) -> tuple[str, ...]:
    return tuple(output.visible(output.read(log)[begin:]).splitlines())
