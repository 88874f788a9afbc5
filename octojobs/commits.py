"""Questions to git about refs and commits: what there is, what came after what, and which paths changed on the way."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import Repository
from octojobs.slotted import dataclass

_BROKEN = re.compile(r"^warning: ignoring (?:broken ref|dangling symref) (\S+)", re.MULTILINE)
_PATCH = ("diff-tree", "-p", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--unified=3")
_MOST_PATHS = 200
_MOST_COMMITS = 300
_COMMIT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Refs:
    """Every ref by its full name, and HEAD, with the commit that it stands for (an annotated tag's is the one it points to).

    `broken` are refs that are there and can't be read: an empty file after a power cut, a symbolic ref that leads nowhere.
    """

    commits: Mapping[str, str]
    broken: frozenset[str] = field(default=frozenset())


class Tips(NamedTuple):
    """Refs by their full names with the commits that they stand for, and the refs that symbolic ones among them stand for."""

    commits: Mapping[str, str]
    targets: tuple[str, ...]


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
    for line in os.fsdecode(answer.out).split("\n")[:-1]:  # a name may hold what splitlines() takes for an end of line
        name, oid, peeled = line.split("\0")
        commits[name] = peeled or oid
    head = repository.head().commit
    return Refs({**commits, "HEAD": head} if head else commits, frozenset(_BROKEN.findall(answer.error)))


def tips(repository: Repository, patterns: Sequence[str]) -> Tips:
    """The refs that the patterns (full names, with `*` for a part of one) mean, the oldest first; one question."""
    if not patterns:
        return Tips({}, ())
    fields = "%(refname)%00%(objectname)%00%(*objectname)%00%(symref)"
    answer = ask(repository.main_worktree, ["for-each-ref", f"--format={fields}", "--sort=refname", "--sort=creatordate", *patterns])
    records = [line.split("\0") for line in os.fsdecode(answer.out).split("\n")[:-1]]
    return Tips({name: peeled or oid for name, oid, peeled, _ in records}, tuple(target for *_, target in records if target))


def commits_between(repository: Repository, before: str, after: str) -> int:
    """How many commits a ref could have stood for on its way from one to another: first parents alone. Raises NoSuchCommit."""
    require_commits(repository, before, after)
    out = ask(repository.main_worktree, ["rev-list", "--count", "--first-parent", f"{before}..{after}", "--"]).out
    return int(out)


def commits_since(repository: Repository, before: str, after: str, limit: int) -> tuple[str, ...]:
    """The ids of the commits that `after` has and `before` has not, the newest first, at most `limit`."""
    out = ask(repository.main_worktree, ["rev-list", f"--max-count={limit}", f"{before}..{after}", "--"]).out
    return tuple(os.fsdecode(out).split())


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


def squashed_as(repository: Repository, tip: str, into: str) -> str | None:
    """The commit of `into` that makes, in the files that a branch changed, the very change of the whole branch; None for none.

    That is what "squash and merge" leaves; compared are patch ids, so it may stand on other commits than the branch did. Not
    recognised, and None: a change of binary files or of more than 200 files, and a commit before the last 300 that touched them.
    Raises NoSuchCommit.
    """
    require_commits(repository, tip, into)
    base = os.fsdecode(ask(repository.main_worktree, ["merge-base", tip, into], allowed=(0, 1)).out).strip()
    paths = changed_paths(repository, base, tip) if base else ()
    if not paths or len(paths) > _MOST_PATHS or _has_binaries(repository, base, tip):
        return None
    wanted = _patch_ids(repository, ask(repository.main_worktree, [*_PATCH, base, tip, "--", *paths]).out)
    command = ["rev-list", "--no-merges", f"--max-count={_MOST_COMMITS}", f"{base}..{into}", "--", *paths]
    candidates = ask(repository.main_worktree, command).out
    if not wanted or not candidates:
        return None
    found = _patch_ids(repository, ask(repository.main_worktree, [*_PATCH, "--stdin", "--", *paths], stdin=candidates).out)
    return next((commit for patch, commit in found.items() if patch in wanted), None)


def _has_binaries(repository: Repository, before: str, after: str) -> bool:
    """Whether two commits differ in a file whose changes git shows no lines of: a patch id says little of it."""
    out = ask(repository.main_worktree, ["diff-tree", "-r", "-z", "--numstat", "--no-renames", before, after, "--"]).out
    return any(record.startswith(b"-\t-\t") for record in out.split(b"\0"))


def _patch_ids(repository: Repository, patches: bytes) -> dict[str, str]:
    """Patch id to commit, as git-patch-id(1) reads them; the commit is all zeros where a patch names none."""
    lines = os.fsdecode(ask(repository.main_worktree, ["patch-id", "--stable"], stdin=patches).out).splitlines()
    return dict(line.split() for line in lines)


def require_commits(repository: Repository, *commits: str) -> None:
    """Raise NoSuchCommit unless all are ids of commits that are here: what git says of the missing differs by command."""
    if wrong := [commit for commit in commits if not _COMMIT_ID.fullmatch(commit)]:
        raise NoSuchCommit(wrong[0])
    stdin = "".join(f"{commit}^{{commit}}\n" for commit in commits).encode("ascii")
    lines = ask(repository.main_worktree, ["cat-file", "--batch-check=%(objecttype)"], stdin=stdin).out.splitlines()
    for commit, line in zip(commits, lines, strict=True):
        if line != b"commit":
            raise NoSuchCommit(commit)
