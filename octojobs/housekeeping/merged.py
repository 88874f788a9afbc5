"""Removes local branches of which everything is in the default branch; a rescue ref keeps what each stood for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from octojobs.branches import HEADS, Branch, branches, default_branch, in_use, remove
from octojobs.commits import distance, squashed_as
from octojobs.core.codec import format_instant
from octojobs.core.durations import parse_duration
from octojobs.errors import GitFailed, UsageError
from octojobs.housekeeping.ground import now_of, paths_of
from octojobs.repository import Repository
from octojobs.runners.context import JobContext
from octojobs.store.leases import Leases

PROTECTED = ("main", "master", "trunk", "develop", "release/*", "releases/*", "production", "staging")
RESCUE = "refs/octojobs/rescue/"
_SHORT = 12


class NotAllRemoved(Exception):
    """Some branches could not be removed, the others were; the message has the reason of each."""


def cleanup_merged_branches(
    context: JobContext, *, into: str = "", protected: Sequence[str] = PROTECTED, grace: str | int = "1d", dry_run: bool = False
) -> dict[str, Any]:
    """Remove each local branch whose commits, or whose whole change as one (a squash merge), are in `into`.

    `into` is a branch or a full ref name, the default branch without. Kept are the branches that match `protected` (shell
    patterns), that somebody is on or holds a lease of, and that moved within `grace`. The result has `into`, `removed` (`branch`,
    `commit`, `why`, `rescue`: the ref that still stands for the commit), `kept` and `failed` (`branch`, `why`). A branch that
    can't be judged is among the failed and stays. Raises NotAllRemoved when there are such, after all the others.
    """
    repository = Repository.discover(context.repository)
    target = target_of(repository, into)
    now = now_of(context)
    since = now - timedelta(seconds=parse_duration(grace))
    busy = {**_held(context, repository), **in_use(repository)}
    report: dict[str, Any] = {"dry_run": dry_run, "into": target, "removed": [], "kept": [], "failed": []}
    for branch in branches(repository):
        try:
            why = busy.get(branch.name) or spared(branch, target, protected)
            if not why and branch.touched_at > since:
                why = f"it moved at {format_instant(branch.touched_at.replace(microsecond=0))}, within {grace}"
            merged = "" if why else merged_into(repository, branch, target)
            if not merged:
                report["kept"].append({"branch": branch.short, "why": why or f"it has commits that {target} has not"})
                continue
            rescue = f"{RESCUE}{now:%Y%m%dT%H%M%SZ}/{branch.short}"
            if not dry_run:
                _remove(repository, branch, rescue)
            report["removed"].append({"branch": branch.short, "commit": branch.commit, "why": merged, "rescue": rescue})
            context.logger.info("%s %s: %s", "would remove" if dry_run else "removed", branch.short, merged)
        except GitFailed as error:
            report["failed"].append({"branch": branch.short, "why": error.what})
    context.logger.info("%d kept, %d failed", len(report["kept"]), len(report["failed"]))
    if report["failed"] and not dry_run:
        raise NotAllRemoved("\n".join(f"{one['branch']}: {one['why']}" for one in report["failed"]))
    return report


def target_of(repository: Repository, into: str) -> str:
    """The full name of the ref that branches are merged into: `into`, else the default branch. Raises UsageError where there is none."""
    target = (into if into.startswith("refs/") else HEADS + into) if into else default_branch(repository)
    if target is None:
        raise UsageError(
            "no branch is the default one: origin names none, and there is no main or master", "name it: `args: {into: trunk}`"
        )
    if repository.resolve(target) is None:
        raise UsageError(f"args: into: there is no {target} here", "name a branch, or a ref by its full name")
    return target


def _held(context: JobContext, repository: Repository) -> Mapping[str, str]:
    """Branches that somebody has a lease of, or may have: what can't be told holds."""
    leases = Leases(paths_of(context), repository.main_worktree).all(now_of(context))
    return {
        kept.lease.branch: f"it is held by {kept.words}" for kept in leases if kept.lease and kept.lease.branch and kept.holds is not False
    }


def spared(branch: Branch, target: str, protected: Sequence[str]) -> str:
    """Why the branch is none that comes and goes; empty when it is one."""
    if branch.name == target:
        return "it is what the others are merged into"
    pattern = next((one for one in protected if fnmatchcase(branch.short, one)), None)
    return f"{pattern} is protected" if pattern else ""


def merged_into(repository: Repository, branch: Branch, target: str) -> str:
    """Why the branch counts as merged; empty when it does not. Raises GitFailed when that can't be told."""
    commit = repository.resolve(target)
    if commit is None:
        raise GitFailed(f"{target} is gone")
    if not distance(repository, branch.commit, commit).ahead:
        return f"all of it is in {target}"
    squashed = squashed_as(repository, branch.commit, commit)
    return f"it was squashed into {squashed[:_SHORT]} of {target}" if squashed else ""


def _remove(repository: Repository, branch: Branch, rescue: str) -> None:
    """As late as can be: whoever has gone there meanwhile keeps it."""
    if why := in_use(repository).get(branch.name):
        raise GitFailed(why)
    remove(repository, branch, rescue)
