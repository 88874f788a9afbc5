"""on_branch and worktree_clean read the main worktree's git state."""

from __future__ import annotations

from pathlib import Path

from octojobs.core.guards import Status
from tests.facts.world import context_of, context_of_folder, expect
from tests.helpers import git, write


def test_on_branch_names_the_branch(repo: Path) -> None:
    """Passed and failed both say where the worktree is."""
    expect(context_of(repo), "on_branch", Status.PASSED, "on main", branches=["dev", "main"])
    expect(context_of(repo), "on_branch", Status.FAILED, "on main, not on dev, release/*", branches=("dev", "release/*"))


def test_on_branch_takes_globs(repo: Path) -> None:
    """A star matches slashes too; case counts."""
    git(repo, "switch", "--quiet", "--create", "release/1/fix")
    expect(context_of(repo), "on_branch", Status.PASSED, "on release/1/fix", branches=["release/*"])
    expect(context_of(repo), "on_branch", Status.FAILED, "on release/1/fix, not on Release/*", branches=["Release/*"])


def test_a_detached_head_is_on_no_branch(repo: Path) -> None:
    """Not even on one that matches everything."""
    commit = git(repo, "rev-parse", "HEAD")
    git(repo, "switch", "--quiet", "--detach")
    expect(context_of(repo), "on_branch", Status.FAILED, f"HEAD is detached at {commit[:12]}, not on *", branches=["*"])


def test_a_linked_worktree_does_not_change_the_answer(repo: Path) -> None:
    """The daemon serves the main worktree."""
    git(repo, "worktree", "add", "--quiet", "-b", "side", "../side")
    write(repo.parent / "side/new.txt", "x")
    context = context_of(repo)
    expect(context, "on_branch", Status.PASSED, "on main", branches=["main"])
    expect(context, "worktree_clean", Status.PASSED, "the main worktree is clean")


def test_changes_and_untracked_files_are_not_clean_but_ignored_files_are(repo: Path) -> None:
    """As `git status` says it."""
    write(repo / ".git/info/exclude", "*.log\n")
    write(repo / "a.log", "x")
    expect(context_of(repo), "worktree_clean", Status.PASSED, "the main worktree is clean")
    new = write(repo / "new.txt", "x")
    expect(context_of(repo), "worktree_clean", Status.FAILED, "the main worktree has uncommitted or untracked files")
    new.unlink()
    write(repo / "readme.txt", "changed\n")
    expect(context_of(repo), "worktree_clean", Status.FAILED, "the main worktree has uncommitted or untracked files")


def test_outside_git_nobody_knows(tmp_path: Path) -> None:
    """Unknown is not clean, and not on a branch."""
    context = context_of_folder(tmp_path)
    expect(context, "worktree_clean", Status.UNKNOWN, f"{tmp_path} is not a git repository")
    expect(context, "on_branch", Status.UNKNOWN, f"{tmp_path} is not a git repository", branches=["main"])


def test_a_broken_repository_is_unknown(repo: Path) -> None:
    """The words of git are the evidence."""
    context = context_of(repo)
    write(repo / ".git/index", "this is no index")
    expect(context, "worktree_clean", Status.UNKNOWN, f"git failed in {repo}: .git/index: index file smaller than expected")
