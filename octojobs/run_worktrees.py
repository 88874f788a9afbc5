"""Worktrees of octojobs' own: one for a run, locked while it is in use, and what was done in it kept before it goes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from octojobs.core.refnames import is_full_ref
from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import COMMIT_TIMEOUT_S, Repository

_GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Work:
    """What was done in a worktree: the commits since its base, the branch that they are kept on, the patch of what was not committed."""

    commits: int = 0
    branch: str = ""
    patch: Path | None = None


def add(repository: Repository, path: Path, commit: str, reason: str) -> None:
    """Make a detached worktree of `commit` at `path`, locked. Runs no hooks and no filters. Raises GitFailed."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = ["worktree", "add", "--quiet", "--detach", "--lock", "--reason", reason, "--", os.fspath(path), commit]
    ask(repository.main_worktree, command, filters=False, timeout_s=COMMIT_TIMEOUT_S)


def keep(repository: Repository, path: Path, base: str, branch: str, patch: Path) -> Work:
    """Keep what was done: commits become `branch` (a full ref name), a dirty tree the file `patch` (binary, for `git apply`).

    What git ignores is not kept. Raises GitFailed, also for a repository inside, whose commits stand in no patch, and OSError when
    the patch can't be written; nothing is lost then.
    """
    head = repository.head(path).commit
    commits = int(ask(path, ["rev-list", "--count", f"{base}..{head}", "--"]).out) if head and head != base else 0
    if commits:
        if not is_full_ref(branch):
            raise GitFailed(f"{branch} is no name of a branch")
        ask(path, ["update-ref", "-m", "octojobs: kept from a run's worktree", branch, str(head)])
    ask(path, ["add", "--all"], filters=False, timeout_s=COMMIT_TIMEOUT_S)
    diff = ["diff", "--cached", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD", "--"]
    raw = ask(path, ["diff-index", "--cached", "--raw", "-z", "--no-renames", "HEAD", "--"], filters=False, timeout_s=COMMIT_TIMEOUT_S).out
    if inner := _repositories(os.fsdecode(raw).split("\0")):
        raise GitFailed(f"there is a repository in it, {inner[0]}, of which no patch can be made")
    changed = ask(path, diff, filters=False, timeout_s=COMMIT_TIMEOUT_S).out
    if changed:
        descriptor = os.open(patch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(changed)
    return Work(commits, branch if commits else "", patch if changed else None)


def _repositories(records: list[str]) -> list[str]:
    """The paths at which a repository stands that did not stand there so: `:MODE MODE OID OID STATUS`, then the path, by turns."""
    return [path for change, path in zip(records[::2], records[1::2], strict=False) if change.split(" ")[1] == _GITLINK]


def remove(repository: Repository, path: Path) -> None:
    """Remove the worktree, whatever is in it. Raises GitFailed."""
    ask(repository.main_worktree, ["worktree", "unlock", "--", os.fspath(path)], allowed=(0, 128))
    ask(repository.main_worktree, ["worktree", "remove", "--force", "--", os.fspath(path)], timeout_s=COMMIT_TIMEOUT_S)
