"""Removes branches of which everything is in the default branch, local and on a remote; a rescue ref keeps what each stood for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from octojobs.branches import Branch, branches, in_use, remove
from octojobs.core.durations import parse_duration
from octojobs.errors import GitFailed
from octojobs.housekeeping.ground import listed, now_of, paths_of
from octojobs.housekeeping.merging import PROTECTED, Terms, merged_into, target_of
from octojobs.housekeeping.remote import RemoteSweep
from octojobs.housekeeping.rescued import RESCUE, stamp
from octojobs.repository import Repository
from octojobs.runners.context import JobContext
from octojobs.store.leases import Leases


class NotAllRemoved(Exception):
    """Some branches could not be removed, the others were; the message has the reason of each."""


def cleanup_merged_branches(
    context: JobContext,
    *,
    into: str = "",
    protected: Sequence[str] = PROTECTED,
    grace: str | int = "1d",
    remote: str = "",
    transports: Sequence[str] = ("https", "ssh"),
    dry_run: bool = False,
) -> dict[str, Any]:
    """Remove each local branch whose commits, or whose whole change as one (a squash merge), are in `into`.

    `into` is a branch or a full ref name, the default branch without. Kept are the branches that match `protected` (shell
    patterns), that somebody is on or holds a lease of, and that moved within `grace`. The result has `into`, `removed` (`branch`,
    `commit`, `why`, `rescue`: the ref that still stands for the commit), `kept` and `failed` (`branch`, `why`). A branch that
    can't be judged is among the failed and stays. Raises NotAllRemoved when there are such, after all the others.

    With `remote` the branches of that remote go as well, as they were fetched last and by these `transports` alone; they are
    judged against its own branch, and the result has the same of them in `remote`.
    """
    repository, now = Repository.discover(context.repository), now_of(context)
    target = target_of(repository, into)
    occupied = in_use(repository)
    terms = Terms(
        listed(protected, "protected"), {**_held(context, repository), **occupied}, grace, now - timedelta(seconds=parse_duration(grace))
    )
    far = RemoteSweep.of(repository, remote, transports, into, terms, occupied) if remote else None
    report: dict[str, Any] = {"dry_run": dry_run, "into": target, "removed": [], "kept": [], "failed": []}
    for branch in branches(repository):
        try:
            why = terms.spare(branch, target)
            merged = "" if why else merged_into(repository, branch, target)
            if not merged:
                report["kept"].append({"branch": branch.short, "why": why or f"it has commits that {target} has not"})
                continue
            rescue = f"{RESCUE}{stamp(now)}/{branch.short}"
            if not dry_run:
                _remove(repository, branch, rescue)
            report["removed"].append({"branch": branch.short, "commit": branch.commit, "why": merged, "rescue": rescue})
            context.logger.info("%s %s: %s", "would remove" if dry_run else "removed", branch.short, merged)
        except GitFailed as error:
            report["failed"].append({"branch": branch.short, "why": error.what})
    context.logger.info("%d kept, %d failed", len(report["kept"]), len(report["failed"]))
    failures = report["failed"]
    if far is not None:
        report["remote"] = far.sweep(context, now, dry_run=dry_run)
        failures = [*failures, *({**one, "branch": f"{remote}/{one['branch']}"} for one in report["remote"]["failed"])]
    if failures and not dry_run:
        raise NotAllRemoved("\n".join(f"{one['branch']}: {one['why']}" for one in failures))
    return report


def _held(context: JobContext, repository: Repository) -> Mapping[str, str]:
    """Branches that somebody has a lease of, or may have: what can't be told holds."""
    leases = Leases(paths_of(context), repository.main_worktree).all(now_of(context))
    return {
        kept.lease.branch: f"it is held by {kept.words}" for kept in leases if kept.lease and kept.lease.branch and kept.holds is not False
    }


def _remove(repository: Repository, branch: Branch, rescue: str) -> None:
    """As late as can be: whoever has gone there meanwhile keeps it."""
    if why := in_use(repository).get(branch.name):
        raise GitFailed(why)
    remove(repository, branch, rescue)
