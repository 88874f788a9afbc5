"""Guards about refs and commits: ref_exists, ref_changed, paths_changed, branch_merged, behind_upstream, no_worktree_ahead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs import commits
from octojobs.conditions.judging import judge_jobs
from octojobs.core.guards import AnyOf, Condition, Not, Status, Verdict, seen_by
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.when import ManualWhen
from octojobs.facts.fact import FactContext
from octojobs.facts.memory import Memory
from octojobs.repository import Repository
from tests.facts.world import context_of, context_of_folder, expect, verdict_of
from tests.helpers import commit_files, git, write

MAIN = "refs/heads/main"
CHANGED = {"ref": "HEAD", "since": "last_success"}


def head(repo: Path, ref: str = "HEAD") -> str:
    """The commit that a ref stands for."""
    return git(repo, "rev-parse", f"{ref}^{{commit}}")


def after_success_at(repo: Path, seen: Mapping[str, str], **more: Any) -> FactContext:
    """As the engine hands it over when the last successful run saw this."""
    return context_of(repo, seen=lambda _: seen, **more)


def test_ref_exists_takes_full_names_and_patterns(repo: Path) -> None:
    """Branches, tags and what was fetched; a star matches slashes too."""
    git(repo, "tag", "-a", "-m", "first", "v1.0")
    git(repo, "update-ref", "refs/remotes/origin/fix/1", "HEAD")
    commit = head(repo)[:12]
    for wanted, found in ((MAIN, MAIN), ("refs/tags/v*", "refs/tags/v1.0"), ("refs/remotes/origin/*", "refs/remotes/origin/fix/1")):
        expect(context_of(repo), "ref_exists", Status.PASSED, f"{found} is at {commit}", ref=wanted)
    expect(context_of(repo), "ref_exists", Status.FAILED, "there is no refs/heads/gone", ref="refs/heads/gone")
    expect(context_of(repo), "ref_exists", Status.FAILED, "there is no refs/tags/V*", ref="refs/tags/V*")


def test_the_name_of_a_branch_can_neither_hide_others_nor_forge_evidence(repo: Path) -> None:
    """Git allows what some take for the end of a line."""
    git(repo, "branch", "zz\u2028refs/heads/evil\u202e")
    expect(context_of(repo), "ref_exists", Status.PASSED, f"{MAIN} is at {head(repo)[:12]}", ref=MAIN)
    words = f"refs/heads/zz refs/heads/evil\\u202e is at {head(repo)[:12]}"
    expect(context_of(repo), "ref_exists", Status.PASSED, words, ref="refs/heads/z*")


def test_packed_refs_are_refs(repo: Path) -> None:
    """`git pack-refs` and `git gc` leave no file by their name."""
    git(repo, "branch", "fix-1")
    git(repo, "pack-refs", "--all")
    expect(context_of(repo), "ref_exists", Status.PASSED, f"refs/heads/fix-1 is at {head(repo)[:12]}", ref="refs/heads/fix-1")


def test_a_ref_that_git_cannot_read_is_unknown_and_not_missing(repo: Path) -> None:
    """A power cut leaves files of zeros, or of nothing."""
    write(repo / ".git/refs/heads/torn", "")
    words = "refs/heads/torn is broken: git can't read it"
    expect(context_of(repo), "ref_exists", Status.UNKNOWN, words, ref="refs/heads/torn")
    expect(context_of(repo), "ref_exists", Status.UNKNOWN, words, ref="refs/heads/to*")
    expect(context_of(repo), "ref_changed", Status.UNKNOWN, words, ref="refs/heads/torn", since="last_success")
    expect(context_of(repo), "ref_exists", Status.PASSED, f"{MAIN} is at {head(repo)[:12]}", ref=MAIN)


def test_a_ref_has_changed_when_it_is_not_where_the_last_success_saw_it(repo: Path) -> None:
    """A job that never succeeded has seen nothing."""
    first = head(repo)
    expect(
        context_of(repo), "ref_changed", Status.PASSED, f"HEAD is at {first[:12]}, and no successful run has looked at it yet", **CHANGED
    )
    seen = after_success_at(repo, {"HEAD": first})
    expect(seen, "ref_changed", Status.FAILED, f"HEAD is at {first[:12]}, as at the last success", **CHANGED)
    second = commit_files(repo, {"a.txt": "1"})
    words = f"HEAD went from {first[:12]} to {second[:12]} since the last success"
    expect(after_success_at(repo, {"HEAD": first}), "ref_changed", Status.PASSED, words, **CHANGED)


def test_a_ref_is_compared_with_another_one(repo: Path) -> None:
    """Such as one that the job moves itself, or the branch that was fetched."""
    first = head(repo)
    git(repo, "update-ref", "refs/tags/deployed", "HEAD")
    args = {"ref": MAIN, "since": "refs/tags/deployed"}
    expect(context_of(repo), "ref_changed", Status.FAILED, f"{MAIN} and refs/tags/deployed are both at {first[:12]}", **args)
    second = commit_files(repo, {"a.txt": "1"})
    expect(context_of(repo), "ref_changed", Status.PASSED, f"{MAIN} is at {second[:12]}, refs/tags/deployed at {first[:12]}", **args)
    expect(context_of(repo), "ref_changed", Status.UNKNOWN, "there is no refs/tags/gone", ref=MAIN, since="refs/tags/gone")


def test_before_the_first_commit_nobody_can_tell_what_changed(tmp_path: Path) -> None:
    """There is nothing yet."""
    git(tmp_path, "init", "--quiet")
    expect(context_of(tmp_path), "ref_changed", Status.UNKNOWN, "there is no commit yet", **CHANGED)
    expect(context_of(tmp_path), "paths_changed", Status.UNKNOWN, "there is no commit yet", paths=["**"], **CHANGED)


def test_a_verdict_keeps_what_it_saw_within_any_and_not_too(repo: Path) -> None:
    """The next comparison starts from there."""
    git(repo, "branch", "side")
    guards = (
        Not(Condition("ref_changed", CHANGED)),
        AnyOf(
            (
                Condition("file_exists", {"path": "x"}),
                Condition("paths_changed", {"paths": ["**"], "ref": "refs/heads/side", "since": MAIN}),
            )
        ),
    )
    job = Job(JobId("job"), ManualWhen(), CommandAction("true"), conditions=guards)
    verdicts: tuple[Verdict, ...] = judge_jobs([job], context_of(repo))[job.id]
    assert seen_by(verdicts) == {"HEAD": head(repo), "refs/heads/side": head(repo)}


def test_paths_have_changed_when_a_pattern_means_one_that_differs(repo: Path) -> None:
    """From the last success on, over all commits in between, in either direction."""
    first = head(repo)
    commit_files(repo, {"src/a.py": "1", "src/deep/b.py": "1", "docs/x.md": "1"})
    commit_files(repo, {"c.toml": "1"})
    seen = after_success_at(repo, {"HEAD": first})
    expect(
        seen, "paths_changed", Status.PASSED, f"2 paths changed since {first[:12]}: src/a.py, src/deep/b.py", paths=["src/**"], **CHANGED
    )
    expect(seen, "paths_changed", Status.PASSED, f"1 path changed since {first[:12]}: src/a.py", paths=["src/**", "!src/deep"], **CHANGED)
    words = f"4 paths changed since {first[:12]}, none of *.py, lib"
    expect(seen, "paths_changed", Status.FAILED, words, paths=["*.py", "lib"], **CHANGED)
    words = f"4 paths changed since {first[:12]}: c.toml, docs/x.md, src/a.py and 1 more"
    expect(seen, "paths_changed", Status.PASSED, words, paths=["**"], **CHANGED)
    git(repo, "reset", "--quiet", "--hard", first)
    expect(
        after_success_at(repo, {"HEAD": first}),
        "paths_changed",
        Status.FAILED,
        f"nothing changed since {first[:12]}",
        paths=["**"],
        **CHANGED,
    )


def test_all_paths_count_as_changed_where_there_is_nothing_to_compare_with(repo: Path) -> None:
    """A job that never succeeded; history that was rewritten and tidied up."""
    expect(context_of(repo), "paths_changed", Status.PASSED, "no successful run has looked at HEAD yet", paths=["x"], **CHANGED)
    commit_files(repo, {"a.txt": "1"})
    lost = head(repo)
    git(repo, "commit", "--quiet", "--amend", "--message", "rewritten")
    expect(
        after_success_at(repo, {"HEAD": lost}), "paths_changed", Status.FAILED, f"nothing changed since {lost[:12]}", paths=["x"], **CHANGED
    )
    git(repo, "reflog", "expire", "--expire=now", "--all")
    git(repo, "gc", "--quiet", "--prune=now")
    words = f"commit {lost[:12]} of the last success is no longer in the repository: everything counts as changed"
    expect(after_success_at(repo, {"HEAD": lost}), "paths_changed", Status.PASSED, words, paths=["x"], **CHANGED)


def test_a_path_of_any_characters_is_a_path(repo: Path) -> None:
    """Git would quote them; evidence shows them."""
    first = head(repo)
    commit_files(repo, {"a b/ü\n.txt": "1"})
    words = f"1 path changed since {first[:12]}: a b/ü .txt"
    expect(after_success_at(repo, {"HEAD": first}), "paths_changed", Status.PASSED, words, paths=["a b/*"], **CHANGED)


def test_what_follows_from_two_commits_is_asked_once(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon keeps it over its looks, until the refs move."""
    first, second = head(repo), commit_files(repo, {"a.txt": "1"})
    asked: list[tuple[str, str]] = []
    real = commits.changed_paths

    def counted(repository: Repository, before: str, after: str) -> tuple[str, ...]:
        asked.append((before, after))
        return real(repository, before, after)

    monkeypatch.setattr(commits, "changed_paths", counted)
    memory = Memory()
    for _ in range(3):
        verdict_of(after_success_at(repo, {"HEAD": first}, memory=memory), "paths_changed", paths=["**"], **CHANGED)
    assert asked == [(first, second)]


def test_a_branch_is_merged_when_all_its_commits_are_there(repo: Path) -> None:
    """A fast forward, a merge, or nothing to merge."""
    git(repo, "switch", "--quiet", "--create", "fix-1")
    commit_files(repo, {"a.txt": "1"})
    git(repo, "switch", "--quiet", "main")
    args = {"branch": "refs/heads/fix-1", "into": "HEAD"}
    expect(context_of(repo), "branch_merged", Status.FAILED, "fix-1 has 1 commit that HEAD has not", **args)
    expect(context_of(repo), "branch_merged", Status.FAILED, "fix-1 has 1 commit that main has not", **{**args, "into": MAIN})
    git(repo, "merge", "--quiet", "--no-ff", "fix-1")
    expect(context_of(repo), "branch_merged", Status.PASSED, "all of fix-1 is in HEAD", **args)
    git(repo, "branch", "--delete", "--force", "fix-1")
    expect(context_of(repo), "branch_merged", Status.UNKNOWN, "there is no refs/heads/fix-1", **args)


def squash(repo: Path, branch: str, **also: str) -> str:
    """What the button "squash and merge" does, with these files (`a` for `a.txt`) changed as well; the commit."""
    git(repo, "merge", "--quiet", "--squash", branch)
    for name, text in also.items():
        write(repo / f"{name}.txt", text)
        git(repo, "add", f"{name}.txt")
    git(repo, "commit", "--quiet", "--message", f"squashed {branch}")
    return head(repo)


def test_a_squashed_branch_is_merged(repo: Path) -> None:
    """Whatever main's commits before and after it changed elsewhere, or that very commit did."""
    git(repo, "switch", "--quiet", "--create", "fix-1")
    for number in range(3):
        commit_files(repo, {"a.txt": f"{number}\n", f"{number}.txt": "x\n"})
    git(repo, "switch", "--quiet", "main")
    commit_files(repo, {"b.txt": "before\n"})
    args = {"branch": "refs/heads/fix-1", "into": "HEAD"}
    expect(context_of(repo), "branch_merged", Status.FAILED, "fix-1 has 3 commits that HEAD has not", **args)
    squashed = squash(repo, "fix-1", b="and more\n")
    commit_files(repo, {"c.txt": "after\n"})
    expect(context_of(repo), "branch_merged", Status.PASSED, f"fix-1 was squashed into {squashed[:12]} of HEAD", **args)
    git(repo, "switch", "--quiet", "fix-1")
    commit_files(repo, {"a.txt": "went on\n"})
    git(repo, "switch", "--quiet", "main")
    expect(context_of(repo), "branch_merged", Status.FAILED, "fix-1 has 4 commits that HEAD has not", **args)


def test_a_change_that_only_resembles_a_branch_is_no_merge_of_it(repo: Path) -> None:
    """Other lines in the same files; other bytes in a file that git shows no lines of."""
    git(repo, "switch", "--quiet", "--create", "fix-1")
    commit_files(repo, {"a.txt": "one\n"})
    git(repo, "switch", "--quiet", "--create", "art", "main")
    (repo / "art.bin").write_bytes(b"\0art")
    git(repo, "add", "art.bin")
    git(repo, "commit", "--quiet", "--message", "art")
    git(repo, "switch", "--quiet", "main")
    commit_files(repo, {"a.txt": "another\n"})
    (repo / "art.bin").write_bytes(b"\0other")
    git(repo, "add", "art.bin")
    git(repo, "commit", "--quiet", "--message", "other art")
    for branch in ("fix-1", "art"):
        args = {"branch": f"refs/heads/{branch}", "into": "HEAD"}
        expect(context_of(repo), "branch_merged", Status.FAILED, f"{branch} has 1 commit that HEAD has not", **args)


def test_branches_without_a_common_commit_are_not_merged(repo: Path) -> None:
    """Two histories that were brought together."""
    git(repo, "branch", "empty", git(repo, "commit-tree", "-m", "new root", "HEAD^{tree}"))
    args = {"branch": "refs/heads/empty", "into": "HEAD"}
    expect(context_of(repo), "branch_merged", Status.FAILED, "empty has 1 commit that HEAD has not", **args)


def test_behind_upstream_counts_as_of_the_last_fetch(repo: Path, tmp_path: Path) -> None:
    """Nothing is fetched: the evidence tells how old the answer is."""
    shutil.copytree(repo, tmp_path / "origin")
    git(repo, "remote", "add", "origin", str(tmp_path / "origin"))
    expect(context_of(repo), "behind_upstream", Status.UNKNOWN, "main follows no upstream branch", max=0)
    git(repo, "config", "branch.main.remote", "origin")
    git(repo, "config", "branch.main.merge", MAIN)
    words = "refs/remotes/origin/main, which main follows, was never fetched"
    expect(context_of(repo), "behind_upstream", Status.UNKNOWN, words, max=0)
    for number in range(2):
        commit_files(tmp_path / "origin", {"a.txt": str(number)})
    git(repo, "fetch", "--quiet")
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    os.utime(repo / ".git/FETCH_HEAD", (noon.timestamp() - 600, noon.timestamp() - 600))
    words = "main is 2 commits behind refs/remotes/origin/main (fetched at 11:50)"
    expect(context_of(repo, noon), "behind_upstream", Status.FAILED, f"{words}, 1 at most", max=1)
    expect(context_of(repo, noon), "behind_upstream", Status.PASSED, words, max=2, branch=MAIN)
    git(repo, "switch", "--quiet", "--detach")
    expect(context_of(repo, noon), "behind_upstream", Status.UNKNOWN, "HEAD is detached: it follows no branch", max=0)


def test_a_shallow_clone_that_is_deepened_is_asked_again(repo: Path, tmp_path: Path) -> None:
    """What is remembered of two commits hangs on where the history is cut off."""
    for number in range(4):
        commit_files(repo, {"a.txt": str(number)})
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repo}", "shallow")
    clone, memory = tmp_path / "shallow", Memory()
    git(
        clone,
        "branch",
        "empty",
        git(clone, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit-tree", "-m", "new root", "HEAD^{tree}"),
    )
    args = {"branch": MAIN, "into": "refs/heads/empty"}
    expect(context_of(clone, memory=memory), "branch_merged", Status.FAILED, "main has 1 commit that empty has not", **args)
    git(clone, "fetch", "--quiet", "--unshallow")
    expect(context_of(clone, memory=memory), "branch_merged", Status.FAILED, "main has 5 commits that empty has not", **args)


def test_no_worktree_ahead_names_those_with_commits_of_their_own(repo: Path) -> None:
    """On a branch or detached; uncommitted files are no commits."""
    expect(context_of(repo), "no_worktree_ahead", Status.PASSED, "no linked worktree is ahead of HEAD")
    for name in ("one", "two"):
        git(repo, "worktree", "add", "--quiet", "-b", name, f"trees/{name}")
    write(repo / "trees/one/new.txt", "x")
    expect(context_of(repo), "no_worktree_ahead", Status.PASSED, "no linked worktree is ahead of main", of=MAIN)
    commit_files(repo / "trees/one", {"a.txt": "1"})
    git(repo / "trees/two", "switch", "--quiet", "--detach")
    for number in range(2):
        commit_files(repo / "trees/two", {"b.txt": str(number)})
    words = "ahead of HEAD: trees/one (one) by 1, trees/two by 2"
    expect(context_of(repo), "no_worktree_ahead", Status.FAILED, words)
    expect(context_of(repo), "no_worktree_ahead", Status.FAILED, "ahead of one: trees/two by 2", of="refs/heads/one")


@pytest.mark.parametrize(
    ("guard", "args"),
    [
        ("ref_exists", {"ref": MAIN}),
        ("ref_changed", CHANGED),
        ("paths_changed", {"paths": ["**"], **CHANGED}),
        ("branch_merged", {"branch": MAIN, "into": "HEAD"}),
        ("behind_upstream", {"max": 0}),
        ("no_worktree_ahead", {}),
    ],
)
def test_outside_git_no_guard_about_refs_can_tell(tmp_path: Path, guard: str, args: dict[str, Any]) -> None:
    """Unknown, with the reason."""
    expect(context_of_folder(tmp_path), guard, Status.UNKNOWN, f"{tmp_path} is not a git repository", **args)


def test_a_repository_that_git_refuses_is_unknown(repo: Path) -> None:
    """The words of git are the evidence."""
    context = context_of(repo)
    write(repo / ".git/config", "[core\n")
    expect(context, "ref_exists", Status.UNKNOWN, f"git failed in {repo}: bad config line 1 in file .git/config", ref=MAIN)
