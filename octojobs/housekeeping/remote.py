"""Removes the branches of a remote that are merged there: as they were fetched last, and only while they are what was fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from octojobs.branches import HEADS, Branch, make_refs, refs_below, remove_refs, tracked
from octojobs.commits import upstream_of
from octojobs.errors import GitFailed, UsageError
from octojobs.housekeeping.ground import chosen, listed
from octojobs.housekeeping.merging import Terms, merged_into
from octojobs.housekeeping.rescued import RESCUE_REMOTES, stamp
from octojobs.remotes import AT_ONCE, STALE, TRANSPORTS, Remote, default_target, push_deletions, remote_of
from octojobs.repository import Repository
from octojobs.runners.context import JobContext
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class RemoteSweep:
    """One sweep of a remote: its branches are judged against `target`, a branch of it by its full name there."""

    repository: Repository
    remote: Remote
    target: str
    terms: Terms
    report: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, repository: Repository, name: str, transports: Sequence[str], into: str, terms: Terms, occupied: Mapping[str, str]
    ) -> RemoteSweep:
        """What is asked for, checked; `occupied` are the local branches that somebody is on, by their full names. Raises UsageError."""
        for one in listed(transports, "transports"):
            chosen(one, "transports", TRANSPORTS)
        remote = remote_of(repository, name, transports)
        target = HEADS + into.removeprefix(remote.prefix).removeprefix(HEADS) if into else default_target(repository, remote)
        if target is None or repository.resolve(_here(remote, target)) is None:
            what = f"{name} has no branch {into}" if into else f"{name} names no default branch, and has no main or master"
            raise UsageError(f"args: into: {what}, as it was fetched last", "name a branch of it: `args: {into: trunk}`")
        busy = {}
        for branch, why in occupied.items():
            ref = upstream_of(repository, branch) or ""
            if ref.startswith(remote.prefix):
                busy[HEADS + ref.removeprefix(remote.prefix)] = f"{branch} follows it here: {why}"
        known = default_target(repository, remote)
        named = {known: f"it is the default branch of {name}"} if known not in (None, target) else {}
        terms = replace(terms, busy={**terms.busy, **named, **busy})
        return cls(repository, remote, target, terms, {"name": name, "into": target, "removed": [], "kept": [], "failed": []})

    def sweep(self, context: JobContext, now: datetime, *, dry_run: bool) -> dict[str, Any]:
        """`name`, `into`, `removed` (`branch`, `commit`, `why`, `rescue`), `kept` and `failed` (`branch`, `why`)."""
        merged = list(self._merged())
        for some in (merged[first : first + AT_ONCE] for first in range(0, len(merged), AT_ONCE)):
            rescues = {branch.name: f"{RESCUE_REMOTES}{stamp(now)}/{self.remote.name}/{branch.short}" for branch, _ in some}
            left = dict.fromkeys(rescues, "") if dry_run else self._remove([branch for branch, _ in some], rescues)
            for branch, why in some:
                self._tell(context, branch, why, rescues[branch.name], left[branch.name], dry_run=dry_run)
        report = self.report
        context.logger.info("%s: %d kept, %d failed", self.remote.name, len(report["kept"]), len(report["failed"]))
        return report

    def _merged(self) -> Iterator[tuple[Branch, str]]:
        """The branches that may go, with why; the others go into the report."""
        for branch in tracked(self.repository, self.remote.prefix):
            try:
                why = self.terms.spare(branch, self.target)
                merged = "" if why else merged_into(self.repository, branch, _here(self.remote, self.target))
            except GitFailed as error:
                self.report["failed"].append({"branch": branch.short, "why": error.what})
                continue
            if merged:
                yield branch, merged
            else:
                self.report["kept"].append({"branch": branch.short, "why": why or f"it has commits that {self.target} has not"})

    def _remove(self, branches: Sequence[Branch], rescues: Mapping[str, str]) -> Mapping[str, str]:
        """Why each is still there, "" for what is gone. The rescue refs come before, and those of what has stayed go after it."""
        tips = {branch.name: branch.commit for branch in branches}
        wanted = {(rescues[name], commit) for name, commit in tips.items()}
        try:
            # A run of this very second may have left some, when the remote did not answer.
            make_refs(self.repository, dict(wanted - refs_below(self.repository, RESCUE_REMOTES).items()))
        except GitFailed as error:
            return dict.fromkeys(tips, error.what)
        try:
            left = push_deletions(self.repository, self.remote, tips)
        except GitFailed as error:
            # Some may be gone: the rescue refs stay.
            return dict.fromkeys(tips, error.what)
        remove_refs(self.repository, {rescues[name]: tips[name] for name, why in left.items() if why})
        remove_refs(self.repository, {_here(self.remote, name): tips[name] for name, why in left.items() if not why})
        return left

    def _tell(self, context: JobContext, branch: Branch, merged: str, rescue: str, left: str, *, dry_run: bool) -> None:
        if left:
            self.report["kept" if left == STALE else "failed"].append({"branch": branch.short, "why": left})
            return
        self.report["removed"].append({"branch": branch.short, "commit": branch.commit, "why": merged, "rescue": rescue})
        context.logger.info("%s %s/%s: %s", "would remove" if dry_run else "removed", self.remote.name, branch.short, merged)


def _here(remote: Remote, name: str) -> str:
    """Where a branch of the remote stands here."""
    return remote.prefix + name.removeprefix(HEADS)
