"""Removes agents' worktrees that nobody needs any more: never one with something in it that stands nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.core.codec import format_instant
from octojobs.core.durations import parse_duration
from octojobs.core.flow import TaskPhase
from octojobs.core.hold import LeaseName
from octojobs.core.lease import Lease
from octojobs.errors import GitFailed, OctojobsError
from octojobs.facts import octopoid
from octojobs.facts import worktrees as agents
from octojobs.facts.fact import Unreadable
from octojobs.facts.files import exists, folders
from octojobs.facts.idle import last_touch
from octojobs.housekeeping.archive import TooMuch, drop_logs, keep_logs, logs_of
from octojobs.housekeeping.ground import agent_worktrees_of, listed, look_of, now_of, paths_of, place_of
from octojobs.housekeeping.left import Left, left_by
from octojobs.housekeeping.rescued import RESCUE_WORKTREES, stamp
from octojobs.repository import Repository, Worktree
from octojobs.runners.context import JobContext
from octojobs.slotted import dataclass
from octojobs.store.leases import LeaseHeld, Leases
from octojobs.worktrees import Linked, frozen, linked, precious, remove

TERM = timedelta(minutes=10)
"""How long the lease of a worktree lasts that is being removed: should we be killed, it ends by itself."""


class NotAllRemoved(Exception):
    """Some worktrees could not be judged or removed, the others were handled; the message has the reason of each."""


class Kept(Exception):
    """The worktree stays; the message says why."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep: what it goes by, and whose the worktrees were."""

    context: JobContext
    repository: Repository
    now: datetime
    agents: frozenset[Path]
    graces: Mapping[str, str | int]
    left: Mapping[Path, Left]
    leases: Leases
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """The instant as a part of a path and of a ref."""
        return stamp(self.now)


def sweep_stale_worktrees(
    context: JobContext,
    *,
    worktrees: Sequence[str] | None = None,
    grace_done: str | int = "1d",
    grace_failed: str | int = "7d",
    grace_unknown: str | int = "7d",
    dry_run: bool = False,
) -> dict[str, Any]:
    """Remove each linked worktree that matches `worktrees` and that nobody has touched for its grace.

    `worktrees` are globs; without them those of `agent_worktrees` in the settings that the run was started with.
    The grace is that of the task it was made for: `grace_done`, `grace_failed` (failed, quarantined, cancelled), or
    `grace_unknown` where no task is known. Kept is what is dirty, on no remote branch, locked, or in use, or whose task is not over.
    The result has `removed` (`worktree`, `branch`, `commit`, `why`, `rescue`, `logs`), `kept` and `failed` (`worktree`, `why`).
    Raises NotAllRemoved when some could not be told or removed, after all the others.
    """
    repository, now = Repository.discover(context.repository), now_of(context)
    trees, patterns = repository.worktrees()[1:], agent_worktrees_of(context) if worktrees is None else listed(worktrees, "worktrees")
    sweep = Sweep(
        context,
        repository,
        now,
        frozenset(_real(place) for pattern in patterns for place in folders(repository.main_worktree, pattern)),
        {name: _checked(grace) for name, grace in (("done", grace_done), ("failed", grace_failed), ("unknown", grace_unknown))},
        left_by(place_of(context), trees, now),
        Leases(paths_of(context), repository.main_worktree),
        {"dry_run": dry_run, "removed": [], "kept": [], "failed": []},
    )
    for tree in trees:
        _handle(sweep, tree, dry_run=dry_run)
    report = sweep.report
    context.logger.info("%d kept, %d failed", len(report["kept"]), len(report["failed"]))
    if report["failed"] and not dry_run:
        raise NotAllRemoved("\n".join(f"{one['worktree']}: {one['why']}" for one in report["failed"]))
    return report


def _handle(sweep: Sweep, tree: Worktree, *, dry_run: bool) -> None:
    """One worktree into the report: what goes wrong with it is no reason to leave out the others."""
    shown = str(tree.path)
    try:
        one, why = _judge(sweep, tree)
        row = {"worktree": shown, "branch": (tree.ref or "").removeprefix("refs/heads/"), "commit": one.commit, "why": why}
        row |= {
            "rescue": f"{RESCUE_WORKTREES}{sweep.stamp}/{one.name}",
            "logs": str(paths_of(sweep.context).swept / sweep.stamp / one.name),
        }
        with _leased(sweep, tree, dry_run=dry_run):
            if not dry_run:
                row["commit"] = _remove(sweep, one, row["rescue"], Path(row["logs"]))
        sweep.report["removed"].append(row)
        sweep.context.logger.info("%s %s: %s", "would remove" if dry_run else "removed", shown, why)
    except Kept as kept:
        sweep.report["kept"].append({"worktree": shown, "why": str(kept)})
    except OctojobsError as error:
        sweep.report["failed"].append({"worktree": shown, "why": error.what})
    except (Unreadable, OSError) as error:
        sweep.report["failed"].append({"worktree": shown, "why": str(error)})


def _judge(sweep: Sweep, tree: Worktree) -> tuple[Linked, str]:
    """The worktree and why it may go; raises Kept, and what says that this can't be told."""
    if not exists(tree.path, str(tree.path)):
        raise Kept("its folder is not there: `git worktree prune` forgets it")
    if _real(tree.path) not in sweep.agents:
        raise Kept("it is not an agent's: no pattern of agents' worktrees matches")
    if tree.locked is not None:
        raise Kept("git holds it locked" + (f": {tree.locked}" if tree.locked else ""))
    left = sweep.left.get(tree.path)
    if left is not None and not left.phase.is_final:
        raise Kept(f"its task {left.task} is {left.state}")
    _require_unused(sweep, tree)
    one = linked(sweep.repository, tree)
    if why := precious(sweep.repository, one):
        raise Kept(why)
    return one, _require_old(sweep, tree, left)


def _require_unused(sweep: Sweep, tree: Worktree) -> None:
    """Raise Kept for who is at work there, and Unreadable when nobody can tell."""
    context = look_of(sweep.context)
    place = _real(tree.path)
    found = agents.look_into([place], context)
    listed = octopoid.look_at_pids(context)
    if unreadable := [*found.unreadable, *listed.unreadable]:
        raise Unreadable("; ".join(unreadable))
    names = {*place.parts, *(tree.ref or "").split("/")}
    for agent in [*found.running, *(one for one in (*listed.running, *listed.unhandled) if one.task and one.task in names)]:
        raise Kept(f"it is in use: {agent.name}")
    if exists(place / agents.SENTINEL, str(place / agents.SENTINEL)):
        raise Kept(f"{agents.SENTINEL} says that it is in use")


def _require_old(sweep: Sweep, tree: Worktree, left: Left | None) -> str:
    """Why it is old enough; raises Kept when it is not."""
    kind = "unknown" if left is None else "done" if left.phase is TaskPhase.DONE else "failed"
    whose = "no task of it is known" if left is None else f"its task {left.task} is {left.state}"
    touched = last_touch(tree, look_of(sweep.context)).at
    last = max(touched, left.since) if left is not None else touched
    grace = sweep.graces[kind]
    when = format_instant(last.replace(microsecond=0))
    if last > sweep.now - timedelta(seconds=parse_duration(grace)):
        raise Kept(f"{whose}, and something happened at {when}, within {grace}")
    return f"{whose}, and nothing has happened since {when}"


def _remove(sweep: Sweep, one: Linked, rescue: str, folder: Path) -> str:
    """Look at everything once more while nobody can commit there, then remove it; the commit that it stood at."""
    with frozen(one):
        tree = next((tree for tree in sweep.repository.worktrees() if tree.path == one.path), None)
        if tree is None:
            raise Kept("somebody else has removed it meanwhile")
        if tree.locked is not None:
            raise Kept("somebody has locked it meanwhile")
        _require_unused(sweep, tree)
        now = linked(sweep.repository, tree)
        if why := precious(sweep.repository, now, is_frozen=True):
            raise Kept(why)
        try:
            logs = logs_of(now)
        except TooMuch as error:
            raise Kept(str(error)) from None
        keep_logs(logs, folder)
        try:
            remove(sweep.repository, now, rescue)
        except GitFailed:
            if exists(one.path / ".git", str(one.path)):
                drop_logs(folder)
            raise
    return now.commit


@contextmanager
def _leased(sweep: Sweep, tree: Worktree, *, dry_run: bool) -> Iterator[None]:
    """Nobody takes the worktree, its branch or its task meanwhile; raises Kept when somebody has it, or may have."""
    now = now_of(sweep.context)
    left = sweep.left.get(tree.path)
    task = left.task if left is not None else ""
    lease = Lease(sweep.context.run.id, task=task, worktree=str(tree.path), branch=tree.ref or "", until=now + TERM)
    try:
        taken = sweep.leases.take(lease, now, dry_run=dry_run)
    except LeaseHeld as held:
        raise Kept(held.what) from None
    try:
        yield
    finally:
        if not dry_run:
            sweep.leases.give_back(LeaseName(taken.name), now)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _checked(grace: str | int) -> str | int:
    parse_duration(grace)
    return grace
