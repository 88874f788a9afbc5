"""Which branches are merged, and which are left alone whatever they are: for the jobs that remove some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from octojobs.branches import HEADS, Branch, default_branch
from octojobs.commits import distance, squashed_as
from octojobs.core.codec import format_instant
from octojobs.errors import GitFailed, UsageError
from octojobs.repository import Repository
from octojobs.slotted import dataclass

PROTECTED = ("main", "master", "trunk", "develop", "release/*", "releases/*", "production", "staging")
_SHORT = 12


@dataclass(frozen=True, slots=True)
class Terms:
    """What is left alone: branches that match `protected`, that are `busy` (full names, with why), or that moved within `grace`."""

    protected: Sequence[str]
    busy: Mapping[str, str]
    grace: str | int
    since: datetime

    def spare(self, branch: Branch, target: str) -> str:
        """Why the branch stays whatever is in it; empty when it may go. `target` is what the others are merged into, by its own name."""
        why = self.busy.get(branch.name) or spared(branch, target, self.protected)
        if not why and branch.touched_at > self.since:
            why = f"it moved at {format_instant(branch.touched_at.replace(microsecond=0))}, within {self.grace}"
        return why


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
