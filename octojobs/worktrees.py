"""One linked worktree: what in it stands nowhere else, and its removal while nobody can commit there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from octojobs.errors import GitFailed
from octojobs.git_command import ask
from octojobs.repository import COMMIT_TIMEOUT_S, Repository, Worktree
from octojobs.slotted import dataclass

_LOCK = "index.lock"
_UNDER_WAY = {
    _LOCK: "a git command",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "sequencer": "a sequence of picks",
    "BISECT_LOG": "a bisection",
}
_GITLINK = "160000"
_SKIPPED = "S"


@dataclass(frozen=True, slots=True)
class Linked:
    """A linked worktree that is there: its record, the folder `git_dir` in which git keeps what it knows of it, and the commit of HEAD."""

    tree: Worktree
    git_dir: Path
    commit: str

    @property
    def path(self) -> Path:
        """Its top folder."""
        return self.tree.path

    @property
    def name(self) -> str:
        """What git calls it: unique in the repository, and fit for the name of a ref."""
        return self.git_dir.name


def linked(repository: Repository, tree: Worktree) -> Linked:
    """The worktree as it stands now. Raises GitFailed when what lies at its path is something else, or has no commit."""
    git_dir = Path(os.fsdecode(ask(tree.path, ["rev-parse", "--absolute-git-dir"]).out).rstrip("\n")).resolve()
    if git_dir.parent != repository.common_dir / "worktrees":
        raise GitFailed(f"{tree.path} is no linked worktree of this repository")
    commit = repository.head(tree.path).commit
    if commit is None:
        raise GitFailed(f"{tree.path} has no commit")
    return Linked(tree, git_dir, commit)


def precious(repository: Repository, one: Linked, *, is_frozen: bool = False) -> str:
    """What would be lost with the worktree, or why git would not remove it; empty when all of it stands on a remote branch, too.

    What git ignores is not looked into, but for repositories. With `is_frozen` the lock of the index is the caller's. Raises GitFailed.
    """
    for name, what in _UNDER_WAY.items():
        if os.path.lexists(one.git_dir / name) and not (is_frozen and name == _LOCK):
            return f"{what} is under way there ({name})"
    return _changed(repository, one) or _unpushed(one)


@contextmanager
def frozen(one: Linked) -> Iterator[None]:
    """Nobody stages, commits or switches there meanwhile: git's own lock of the index is ours. Raises GitFailed when another has it.

    Who is killed inside leaves the lock; it is told as a git command that is under way, until a person removes it.
    """
    lock = one.git_dir / _LOCK
    try:
        os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise GitFailed(f"{lock} can't be made: {(error.strerror or '').lower()}") from None
    try:
        yield
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):  # gone with the worktree
            lock.unlink()


def remove(repository: Repository, one: Linked, rescue: str) -> None:
    """Remove the worktree, `rescue` (a full ref name) standing for its commit from then on. Raises GitFailed.

    git looks once more, and refuses what is changed or locked. What it ignores goes; the branch stays.
    """
    ask(repository.main_worktree, ["update-ref", rescue, one.commit, "0" * len(one.commit)])
    try:
        ask(repository.main_worktree, ["worktree", "remove", "--", os.fspath(one.path)], filters=False, timeout_s=COMMIT_TIMEOUT_S)
    except GitFailed:
        if (one.path / ".git").exists():
            ask(repository.main_worktree, ["update-ref", "-d", rescue, one.commit])
        raise


def ignored_files(one: Linked) -> tuple[str, ...]:
    """The paths that git ignores there; a repository is one of them, and ends in `/`."""
    out = ask(one.path, ["ls-files", "-z", "--others", "--ignored", "--exclude-standard"]).out
    return tuple(os.fsdecode(out).split("\0")[:-1])


def _changed(repository: Repository, one: Linked) -> str:
    """What the worktree has that no commit has, or that keeps git from telling."""
    if changed := repository.changed_files(one.path):
        return f"it has changes that are not committed: {_first(changed)}"
    records = [record.partition("\t") for record in os.fsdecode(ask(one.path, ["ls-files", "-z", "-v", "--stage"]).out).split("\0")[:-1]]
    entries = [(*head.split(" ")[:2], path) for head, _, path in records]
    if modules := [path for _, mode, path in entries if mode == _GITLINK]:
        return f"it has submodules: {_first(modules)}"
    hidden = [path for tag, _, path in entries if tag.islower() or (tag == _SKIPPED and os.path.lexists(one.path / path))]
    if hidden:
        return f"git was told not to look for changes in {_first(hidden)}"
    if inner := [path for path in ignored_files(one) if path.endswith("/")]:
        return f"there is a repository in it that git ignores: {_first(inner)}"
    return ""


def _unpushed(one: Linked) -> str:
    """Why its commits are not safe elsewhere: on no remote branch, or on refs that go with the worktree."""
    ahead = int(ask(one.path, ["rev-list", "--count", one.commit, "--not", "--remotes", "--"]).out)
    if ahead:
        return f"{ahead} commit{'s are' if ahead > 1 else ' is'} on no remote branch"
    own = os.fsdecode(ask(one.path, ["for-each-ref", "--format=%(refname)", "refs/worktree", "refs/bisect", "refs/rewritten"]).out).split(
        "\n"
    )
    return f"it has refs of its own: {_first(own[:-1])}" if own[:-1] else ""


def _first(names: tuple[str, ...] | list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
