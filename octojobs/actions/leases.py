"""Leases for people and orchestrators: looked at, taken and given back, whether a daemon runs or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from octojobs.actions.drafting import whoever
from octojobs.actions.tasks import process_of
from octojobs.actions.workspace import Workspace
from octojobs.core.hold import InvalidHold, LeaseName, branch_of, pattern_of, run_of
from octojobs.core.lease import Lease
from octojobs.core.task import InvalidTaskId, TaskId, line
from octojobs.errors import OctojobsError, UsageError
from octojobs.slotted import dataclass
from octojobs.store.activity import touch_activity
from octojobs.store.leases import Kept, LeaseHeld, Leases
from octojobs.views.leases import lease_view
from octojobs.views.values import View

MOST_PATHS = 100
"""Patterns in one lease: each is compared with each of all others, at every look."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What is wanted, by whom ("": whoever asks), and how long: a term, or as long as the process lives."""

    task: str = ""
    name: str = ""
    branch: str = ""
    worktree: str = ""
    paths: tuple[str, ...] = ()
    holder: str = ""
    lasts: timedelta | None = None
    pid: int | None = None
    renew: bool = False
    dry_run: bool = False


def list_leases(workspace: Workspace) -> list[View]:
    """Every lease that is there, by name: also what no longer holds, and what can't be understood."""
    return [lease_view(kept) for kept in _leases(workspace).all(workspace.clock.now())]


def take(workspace: Workspace, asked: Taking) -> tuple[View | None, LeaseHeld | None]:
    """The lease, or what is in its way. Raises UsageError for what can't be held, and StorageFailed."""
    if (asked.lasts is None) == (asked.pid is None):
        raise UsageError("how long is it held?", "say --for DURATION, or --pid PID for as long as that process lives")
    now = workspace.clock.now()
    until = now + asked.lasts if asked.lasts is not None else None
    holder = line(asked.holder) or whoever(workspace.environ)
    wanted = replace(_what(asked), holder=holder, process=process_of(asked.pid), until=until)
    if not wanted.what:
        raise UsageError("what is to be held?", "say --task, --name, --branch, --worktree or --path")
    try:
        kept = _leases(workspace).take(wanted, now, renew=asked.renew, dry_run=asked.dry_run)
    except LeaseHeld as held:
        return None, held
    if not asked.dry_run:
        touch_activity(workspace.paths)
    return lease_view(kept), None


def release(workspace: Workspace, name: str, *, dry_run: bool = False) -> View:
    """The lease that was given back. Raises UsageError when there is none of that name; a run's, or a task's, has another end."""
    try:
        lease_name = LeaseName(name)
    except InvalidHold as invalid:
        raise UsageError(invalid.what, "`octojobs lease list` shows the names") from None
    leases, now = _leases(workspace), workspace.clock.now()
    there = {kept.name: kept for kept in leases.all(now)}
    kept = there.get(lease_name)
    if kept is not None and kept.holds is not False:
        _require_no_other_end(kept)
    kept = leases.give_back(lease_name, now, dry_run=dry_run) if kept is not None else None
    if kept is None:
        raise UsageError(f"there is no lease {lease_name}", "`octojobs lease list` shows them")
    return lease_view(kept)


def _leases(workspace: Workspace) -> Leases:
    return Leases(workspace.paths, workspace.root)


def _require_no_other_end(kept: Kept) -> None:
    if run := run_of(kept.name):
        raise OctojobsError(f"{kept.name} is held by a run", f"`octojobs cancel {run}` ends the run, and its lease with it")
    task = kept.lease.task if kept.lease is not None else ""
    if task and kept.name == f"task-{task}":
        raise OctojobsError(f"{kept.name} is the lease of a claimed task", f"`octojobs task requeue {task}` takes the task back")


def _what(asked: Taking) -> Lease:
    try:
        return Lease(
            "",
            task=TaskId(asked.task) if asked.task else "",
            name=LeaseName(asked.name) if asked.name else "",
            branch=branch_of(asked.branch) if asked.branch else "",
            worktree=_one_line(asked.worktree),
            paths=_paths(asked),
        )
    except InvalidHold as invalid:
        raise UsageError(invalid.what, invalid.fix) from None
    except InvalidTaskId as invalid:
        raise UsageError(str(invalid)) from None


def _paths(asked: Taking) -> tuple[str, ...]:
    if len(asked.paths) > MOST_PATHS:
        raise UsageError(f"{len(asked.paths)} paths in one lease", f"name {MOST_PATHS} at most: a folder means all that is in it")
    return tuple(pattern_of(path) for path in asked.paths)


def _one_line(path: str) -> str:
    if not path.isprintable():
        raise UsageError(f"{path[:80]!r} is not a worktree", "write its path on one line")
    return path
