"""What git says of refs, branches and what changed; what follows from commit ids alone is remembered, the rest asked once a look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from octojobs import commits
from octojobs.commits import Distance, NoSuchCommit, Refs
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.files import modified_at
from octojobs.repository import Worktree
from octojobs.slotted import dataclass

T = TypeVar("T")
SHORT = 12
"""Digits of a commit id that people are shown."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What lies between two commits; `before` is "" where nothing is known to compare with.

    `paths` differ, sorted; None when there is no `before`, or it is no longer in the repository (then `gone`).
    """

    commit: str
    before: str
    paths: tuple[str, ...] | None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Upstream:
    """A branch and the ref that it follows, as that was last fetched; `fetched_at` is None where nothing tells."""

    branch: str
    upstream: str
    distance: Distance
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class Merged:
    """How many commits a branch has that another ref has not, and the commit there that has them all in one ("" for none)."""

    ahead: int
    squashed: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """A linked worktree with commits that another ref has not; `branch` is "" where its HEAD is detached."""

    path: str
    branch: str
    commits: int


def refs(context: FactContext) -> Refs:
    """Every ref, and HEAD."""
    return context.once("refs", lambda: commits.all_refs(context.git))


def worktrees(context: FactContext) -> tuple[Worktree, ...]:
    """Every worktree, the main one first; none outside git."""
    repository = context.repository
    return context.once("worktrees", repository.worktrees) if repository is not None else ()


def short(ref: str) -> str:
    """A ref as people call it: `refs/heads/main` is main.

    >>> short("refs/heads/main"), short("refs/tags/v1"), short("HEAD")
    ('main', 'refs/tags/v1', 'HEAD')
    """
    return ref.removeprefix("refs/heads/")


def commit_of(found: Refs, ref: str) -> str:
    """The commit that a ref stands for; Unreadable where there is no such ref, or git calls it broken."""
    if ref in found.broken:
        raise Unreadable(f"{ref} is broken: git can't read it")
    if ref not in found.commits:
        raise Unreadable(f"there is no {ref}" if ref != "HEAD" else "there is no commit yet")
    return found.commits[ref]


def changes(args: tuple[str, ...], context: FactContext) -> Changes:
    """What changed at a ref since another ref (`since`), or since the commit `before` where that is ""."""
    ref, since, before = args
    found = refs(context)
    commit = commit_of(found, ref)
    before = commit_of(found, since) if since else before
    if not before:
        return Changes(commit, "", None)
    try:
        paths = context.memory.ask(("paths", before, commit), lambda: commits.changed_paths(context.git, before, commit))
        return Changes(commit, before, paths)
    except NoSuchCommit as gone:
        if gone.commit != before:
            raise
        return Changes(commit, before, None, gone=True)


def merged(args: tuple[str, ...], context: FactContext) -> Merged:
    """What of a branch is in the ref that it was to be merged into."""
    branch, into = (commit_of(refs(context), ref) for ref in args)
    ahead = _distance(context, branch, into).ahead
    if not ahead:
        return Merged(0, "")
    squashed = _remembered(context, ("squashed", branch, into), lambda: commits.squashed_as(context.git, branch, into))
    return Merged(ahead, squashed or "")


def upstream(args: tuple[str, ...], context: FactContext) -> Upstream:
    """Of a branch by its full name, or of the one that the main worktree is on ("")."""
    branch = args[0] or context.git.head().ref
    if branch is None:
        raise Unreadable("HEAD is detached: it follows no branch")
    found = refs(context)
    commit = commit_of(found, branch)
    follows = commits.upstream_of(context.git, branch)
    if follows is None:
        raise Unreadable(f"{short(branch)} follows no upstream branch")
    if follows not in found.commits:
        raise Unreadable(f"{follows}, which {short(branch)} follows, was never fetched")
    at = modified_at(context.git.common_dir / "FETCH_HEAD", "FETCH_HEAD")
    fetched_at = datetime.fromtimestamp(at, UTC) if at is not None else None
    return Upstream(short(branch), follows, _distance(context, commit, found.commits[follows]), fetched_at)


def ahead(args: tuple[str, ...], context: FactContext) -> tuple[Ahead, ...]:
    """The linked worktrees that have commits which a ref has not, in git's order."""
    base = commit_of(refs(context), args[0])
    trees = [(tree, tree.commit) for tree in worktrees(context)[1:] if tree.commit is not None]
    found = (Ahead(context.shown(tree.path), short(tree.ref or ""), _distance(context, commit, base).ahead) for tree, commit in trees)
    return tuple(one for one in found if one.commits)


def _distance(context: FactContext, one: str, other: str) -> Distance:
    if one == other:
        return Distance(0, 0)
    return _remembered(context, ("distance", one, other), lambda: commits.distance(context.git, one, other))


def _remembered(context: FactContext, key: tuple[str, ...], answer: Callable[[], T]) -> T:
    """Ancestry follows from the two commits, and from where a shallow clone is cut off."""
    cut = modified_at(context.git.common_dir / "shallow", "shallow")
    found: T = context.memory.ask((*key, cut), answer)
    return found
