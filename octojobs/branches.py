"""Branches of this repository: which there are, since when, who is on them; and the removal of one, as it was seen or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from octojobs.commits import require_commits
from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import Repository
from octojobs.slotted import dataclass

HEADS = "refs/heads/"
_UNDER_WAY = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")
"""Where git keeps the branch that a rebase or a bisection began on: HEAD is detached meanwhile."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it stands: `name` in full, its commit's author and date, when it last `moved` (None when git keeps no log of it)."""

    name: str
    commit: str
    author: str
    committed_at: datetime
    moved_at: datetime | None

    @property
    def short(self) -> str:
        """The name without `refs/heads/`."""
        return self.name.removeprefix(HEADS)

    @property
    def touched_at(self) -> datetime:
        """When somebody last did something with it: a branch that was made of an old commit is new."""
        return max(self.committed_at, self.moved_at or self.committed_at)


def branches(repository: Repository) -> list[Branch]:
    """All local branches by name, symbolic ones left out: they are another branch's."""
    return _listed(repository, HEADS)


def tracked(repository: Repository, prefix: str) -> list[Branch]:
    """The branches of a remote as they were fetched last, under their names there; `prefix` is where they stand, `refs/remotes/NAME/`."""
    return [replace(branch, name=HEADS + branch.name.removeprefix(prefix)) for branch in _listed(repository, prefix)]


def _listed(repository: Repository, prefix: str) -> list[Branch]:
    fields = "%(refname)%00%(objectname)%00%(authorname)%00%(committerdate:unix)%00%(symref)"
    out = ask(repository.main_worktree, ["for-each-ref", f"--format={fields}", prefix]).out
    records = [line.split("\0") for line in os.fsdecode(out).split("\n")[:-1]]
    return [
        Branch(name, commit, author, datetime.fromtimestamp(int(at), UTC), _moved_at(repository.common_dir / "logs" / name))
        for name, commit, author, at, target in records
        if not target
    ]


def default_branch(repository: Repository) -> str | None:
    """The full name of the branch that others are merged into: the one that origin names, else `main` or `master`; None for none."""
    named = ask(repository.main_worktree, ["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"], allowed=(0, 1)).out
    wanted = [os.fsdecode(named).strip()] if named else []
    wanted += [f"{HEADS}main", f"{HEADS}master"]
    there = set(os.fsdecode(ask(repository.main_worktree, ["for-each-ref", "--format=%(refname)", *wanted]).out).split())
    return next((name for name in wanted if name in there), None)


def in_use(repository: Repository) -> dict[str, str]:
    """Full names of the branches that somebody is on, with where: checked out in a worktree, being rebased or bisected there."""
    found = {tree.ref: f"it is checked out in {tree.path}" for tree in repository.worktrees() if tree.ref}
    linked = repository.common_dir / "worktrees"
    for folder in [repository.common_dir, *(sorted(linked.iterdir()) if linked.is_dir() else ())]:
        for name in _UNDER_WAY:
            if (text := _text(folder / name)) is not None:
                full = text if text.startswith("refs/") else HEADS + text
                found.setdefault(full, "a rebase or a bisection of it is under way")
    return found


def remove(repository: Repository, branch: Branch, rescue: str) -> None:
    """Remove the branch in one step in which `rescue` (a full ref name) comes to stand for its commit, and forget its settings.

    Raises GitFailed, nothing being changed then: also when the branch has moved since it was seen.
    """
    require_commits(repository, branch.commit)
    steps = f"start\nupdate {rescue} {branch.commit}\ndelete {branch.name} {branch.commit}\nprepare\ncommit\n"
    ask(repository.main_worktree, ["update-ref", "--stdin"], stdin=os.fsencode(steps))
    ask(repository.main_worktree, ["config", "--remove-section", f"branch.{branch.short}"], allowed=(0, 1, 128))


def refs_below(repository: Repository, prefix: str) -> dict[str, str]:
    """The refs whose full names begin with `prefix`, which ends in `/`, with what each stands for; symbolic ones left out."""
    out = ask(repository.main_worktree, ["for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)", prefix]).out
    records = [line.split("\0") for line in os.fsdecode(out).split("\n")[:-1]]
    return {name: oid for name, oid, target in records if not target}


def make_refs(repository: Repository, refs: Mapping[str, str]) -> None:
    """Make refs (full names) that are not there stand for commits, all of them or none. Raises GitFailed."""
    _update(repository, [f"create {ref} {commit}" for ref, commit in refs.items()])


def remove_refs(repository: Repository, refs: Mapping[str, str]) -> list[str]:
    """Remove the refs that stand for these objects; what git says of those that it left."""
    try:
        _update(repository, [f"delete {ref} {oid}" for ref, oid in refs.items()])
    except GitFailed:
        # One is in the way of all: each by itself, then.
        return [problem for ref, oid in refs.items() if (problem := _removed(repository, ref, oid))]
    return []


def _removed(repository: Repository, ref: str, oid: str) -> str:
    try:
        _update(repository, [f"delete {ref} {oid}"])
    except GitFailed as error:
        return error.what
    return ""


def _update(repository: Repository, steps: Sequence[str]) -> None:
    """In one transaction; what a symbolic ref leads to is left alone."""
    if steps:
        stdin = os.fsencode("".join(f"{step}\n" for step in steps))
        ask(repository.main_worktree, ["update-ref", "--no-deref", "--stdin"], stdin=stdin)


def _moved_at(log: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(log.stat().st_mtime, UTC)
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        return os.fsdecode(path.read_bytes()).strip()
    except FileNotFoundError:
        return None
