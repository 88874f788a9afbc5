"""Questions to git about refs and commits: what there is, what came after what, and which paths changed on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import Repository

_BROKEN = re.compile(r"^warning: ignoring (?:broken ref|dangling symref) (\S+)", re.MULTILINE)
_NOT_HERE = 128
_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Refs:
    """Every ref by its full name, and HEAD, with the commit that it stands for (an annotated tag's is the one it points to).

    `broken` are refs that are there and can't be read: an empty file after a power cut, a symbolic ref that leads nowhere.
    """

    commits: Mapping[str, str]
    broken: frozenset[str] = field(default=frozenset())


class Distance(NamedTuple):
    """How many commits each of two has that the other has not."""

    ahead: int
    behind: int


class NoSuchCommit(GitFailed):
    """A commit is not in this repository: history was rewritten and tidied up, or it was never fetched."""

    def __init__(self, commit: str) -> None:
        super().__init__(f"commit {commit[:12]} is not in this repository")
        self.commit = commit


def all_refs(repository: Repository) -> Refs:
    """One question, whatever their number. HEAD is missing before the first commit."""
    fields = "%(refname)%00%(objectname)%00%(*objectname)"
    answer = ask(repository.main_worktree, ["for-each-ref", f"--format={fields}"])
    commits = {}
    for line in os.fsdecode(answer.out).splitlines():
        name, oid, peeled = line.split("\0")
        commits[name] = peeled or oid
    head = repository.head().commit
    return Refs({**commits, "HEAD": head} if head else commits, frozenset(_BROKEN.findall(answer.error)))


def upstream_of(repository: Repository, branch: str) -> str | None:
    """The full name of the ref that a branch (full name) follows; None when it follows none."""
    out = ask(repository.main_worktree, ["for-each-ref", "--format=%(upstream)", branch]).out
    return os.fsdecode(out).strip() or None


def distance(repository: Repository, one: str, other: str) -> Distance:
    """How far `one` (a commit id) is ahead of and behind `other`. Raises NoSuchCommit."""
    require_commits(repository, one, other)
    out = ask(repository.main_worktree, ["rev-list", "--count", "--left-right", f"{one}...{other}", "--"]).out
    ahead, behind = out.split()
    return Distance(int(ahead), int(behind))


def changed_paths(repository: Repository, before: str, after: str) -> tuple[str, ...]:
    """The paths in which two commits differ, sorted; a renamed file is two of them. Raises NoSuchCommit."""
    require_commits(repository, before, after)
    command = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", before, after, "--"]
    return tuple(os.fsdecode(ask(repository.main_worktree, command).out).split("\0")[:-1])


def require_commits(repository: Repository, *commits: str) -> None:
    """Raise NoSuchCommit unless all are ids of commits that are here: what git says of the missing differs by command."""
    if wrong := [commit for commit in commits if not _COMMIT_ID.fullmatch(commit)]:
        raise NoSuchCommit(wrong[0])
    stdin = "".join(f"{commit}^{{commit}}\n" for commit in commits).encode("ascii")
    lines = ask(repository.main_worktree, ["cat-file", "--batch-check=%(objecttype)"], stdin=stdin).out.splitlines()
    for commit, line in zip(commits, lines, strict=True):
        if line != b"commit":
            raise NoSuchCommit(commit)
