"""The machine: Python, git, the clock, time zone data, the file system, locks, what holds processes."""

from __future__ import annotations

import fcntl
import os
import platform as python_platform
import re
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from octojobs import file_systems, platform
from octojobs.actions.asking import who
from octojobs.actions.checkup.finding import Finding, ok, weak, wrong
from octojobs.actions.service_unit import installed_unit
from octojobs.actions.workspace import Workspace
from octojobs.engine import zonedata
from octojobs.errors import OctojobsError
from octojobs.repository import git_version

OLDEST_GIT = (2, 36)
"""`worktree list -z` and the other plumbing that is asked for."""
LINGERING = Path("/var/lib/systemd/linger")
"""Has a file for each user who lingers: logind's own record."""
STEPPED = timedelta(hours=3)


def machine(workspace: Workspace) -> Iterator[Finding]:
    """All of the machine's findings."""
    yield ok("python", f"{python_platform.python_version()} on {python_platform.system()}")
    yield _git()
    yield _clock(workspace)
    yield _zones()
    yield _file_system(workspace)
    yield _locks(workspace)
    yield _processes()
    yield from _service(workspace)


def _git() -> Finding:
    try:
        version = git_version()
    except OctojobsError as error:
        return wrong("git", error.what, error.fix)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_GIT:
        return wrong("git", f"{version} is too old", "install git 2.36 or later")
    return ok("git", version)


def _clock(workspace: Workspace) -> Finding:
    """A cursor in the future was written when the clock was ahead: jobs up to there are settled, so the clock was wrong then or is now."""
    now = workspace.clock.now()
    try:
        cursors = [(state.cursor, name) for name, state in workspace.ledger().jobs.items()]
    except OctojobsError:
        cursors = []
    ahead = max(cursors, default=None)
    if ahead is not None and ahead[0] - now > STEPPED:
        what = f"it says {now:%Y-%m-%dT%H:%M:%SZ}, and {ahead[1]} was settled up to {ahead[0]:%Y-%m-%dT%H:%M:%SZ} before"
        return weak("clock", what, "set the clock; the next tick corrects the job, and records it")
    match platform.clock_is_synchronized():
        case True:
            return ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}, synchronised")
        case False:
            what = f"{now:%Y-%m-%dT%H:%M:%SZ}, and nothing keeps it right"
            return weak("clock", what, "`timedatectl set-ntp true`, or run chrony (on the host, in a container)")
        case _:
            return ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}; whether it is synchronised is not known here")


def _zones() -> Finding:
    """The newer of the system's data and the Python package's is read (`engine/zonedata.py`)."""
    data = zonedata.use_newest()
    others = f"the system has {data.system or 'none'}, the Python package {data.package}"
    return ok("time zones", f"{data.used}, of the {'system' if data.from_system else 'Python package'}; {others}")


def _file_system(workspace: Workspace) -> Finding:
    place = workspace.paths.root if workspace.paths.root.exists() else workspace.repository.common_dir
    kind = file_systems.filesystem_of(place)
    if file_systems.is_network_or_memory(kind):
        what = f"the state lies on {kind}: locks and durability are not what they are on a local disk"
        return wrong("file system", what, "choose a local folder with --state-dir, or accept that with --allow-network-fs")
    return ok("file system", f"{kind or 'unknown'}, {workspace.paths.root}")


def _locks(workspace: Workspace) -> Finding:
    """Two descriptors of one file must exclude each other: some file systems grant every lock."""
    place = workspace.paths.root if workspace.paths.root.exists() else Path(tempfile.gettempdir())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".doctor-") as first, open(first.name, "rb") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return ok("locks", "they exclude each other")
    except OSError as error:
        return wrong(
            "locks", f"no file can be locked in {place}: {os.strerror(error.errno or 0).lower()}", "free the disk, or use --state-dir"
        )
    return wrong("locks", f"two processes can hold one lock in {place}", "keep the state on another file system, with --state-dir")


def _processes() -> Finding:
    """What a run's end and its escaped processes are known by."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return weak("processes", "there are no pidfds here: the end of a run is polled for", "use Linux 5.3 or later")
    if not platform.has_subreapers():
        return weak("processes", "a process that leaves its group can't be followed here", "expect some to outlive their runs")
    return ok("processes", "pidfds, subreaper")


def _service(workspace: Workspace) -> Iterator[Finding]:
    """A user's services end with the last session of the user, unless that user lingers."""
    unit = installed_unit(workspace)
    if unit is None:
        return
    if (LINGERING / who(workspace.environ)).exists():
        yield ok("service", f"{unit.name}, while nobody is logged in, too")
    else:
        yield weak("service", f"{unit.name} runs only while somebody is logged in", "`loginctl enable-linger`")
