"""The shipped jobs about branches: what is merged goes and stays reachable, what anybody may need is kept, each with its reason."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.branches import branches, remove
from octojobs.core.codec import format_instant
from octojobs.core.lease import Lease
from octojobs.engine.clock import SystemClock
from octojobs.errors import GitFailed, UsageError
from octojobs.flows.queue import opened
from octojobs.housekeeping.merged import NotAllRemoved, cleanup_merged_branches
from octojobs.housekeeping.stale import stale_branches
from octojobs.repository import Repository
from octojobs.store.leases import Leases
from octojobs.store.paths import StatePaths
from tests.helpers import commit_files, git, make_repository, octojobs
from tests.housekeeping.context import context, queue_of, work_on

NOW = SystemClock().now().replace(microsecond=0)
OLD_AT = NOW - timedelta(days=100)
OLD = OLD_AT.timestamp()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose commits are a hundred days old."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", f"@{int(OLD)} +0000")
    return make_repository(tmp_path, {"README.md": "hello\n"})


def age(repo: Path) -> None:
    """As if nobody had moved a branch for a hundred days."""
    for log in (repo / ".git/logs/refs/heads").rglob("*"):
        os.utime(log, (OLD, OLD))


def squash(repo: Path, branch: str) -> None:
    """What "squash and merge" does."""
    git(repo, "merge", "--quiet", "--squash", branch)
    git(repo, "commit", "--quiet", "--message", f"{branch} as one")


PARTS = ("removed", "kept", "failed")


def names(repo: Path) -> set[str]:
    """The branches that are there."""
    return set(git(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads").split())


def reasons(report: dict[str, Any], kind: str) -> dict[str, str]:
    """The branches of that part of the report, with why."""
    return {one["branch"]: one["why"] for one in report[kind]}


def test_of_a_hundred_branches_those_that_are_merged_go_and_no_other(repo: Path, tmp_path: Path) -> None:
    """Forty have nothing of their own, twenty were squashed; forty, among them each kind that somebody needs, stay."""
    for number in range(40):
        git(repo, "branch", f"merged/{number}")
    for number in range(20):
        work_on(repo, f"squashed{number}", f"{number} one\n", f"{number} two\n")
        squash(repo, f"squashed{number}")
    for number in range(34):
        work_on(repo, f"open{number}", f"{number}\n")
    for name in ("develop", "release/1", "inhabited", "held", "rebased"):
        git(repo, "branch", name)
    git(repo, "worktree", "add", "--quiet", str(tmp_path / "tree"), "inhabited")
    git(repo, "worktree", "add", "--quiet", "--detach", str(tmp_path / "other"))
    (repo / ".git/worktrees/other/rebase-merge").mkdir()
    (repo / ".git/worktrees/other/rebase-merge/head-name").write_text("refs/heads/rebased\n")
    Leases(StatePaths(repo / ".git/octojobs"), repo).take(Lease("ada", until=NOW + timedelta(days=1), branch="refs/heads/held"), NOW)
    age(repo)
    assert len(names(repo)) == 100
    tips = {branch: git(repo, "rev-parse", branch) for branch in names(repo)}

    rehearsed = cleanup_merged_branches(context(repo), dry_run=True)
    assert len(names(repo)) == 100
    report = cleanup_merged_branches(context(repo))
    assert [reasons(report, kind) for kind in report if kind in PARTS] == [reasons(rehearsed, kind) for kind in report if kind in PARTS]

    removed = {one["branch"]: one for one in report["removed"]}
    assert removed.keys() == {f"merged/{n}" for n in range(40)} | {f"squashed{n}" for n in range(20)}
    assert names(repo) == tips.keys() - removed.keys()
    assert all(git(repo, "rev-parse", one["rescue"]) == tips[branch] for branch, one in removed.items())
    assert removed["merged/0"]["why"] == "all of it is in refs/heads/main"
    assert removed["squashed3"]["why"].startswith("it was squashed into ")
    kept = reasons(report, "kept")
    assert kept["open7"] == "it has commits that refs/heads/main has not"
    assert kept["main"] == f"it is checked out in {repo}"
    assert kept["inhabited"] == f"it is checked out in {tmp_path / 'tree'}"
    assert kept["rebased"] == "a rebase or a bisection of it is under way"
    assert kept["held"].startswith("it is held by ada")
    assert (kept["develop"], kept["release/1"]) == ("develop is protected", "release/* is protected")
    assert report["failed"] == []


def test_a_branch_that_was_just_made_is_left_for_its_work_to_come(repo: Path) -> None:
    """It has nothing of its own yet, however old the commit is that it was made of."""
    git(repo, "branch", "new")
    moved = NOW - timedelta(hours=2)
    os.utime(repo / ".git/logs/refs/heads/new", (moved.timestamp(), moved.timestamp()))
    report = cleanup_merged_branches(context(repo))
    assert reasons(report, "kept")["new"] == f"it moved at {format_instant(moved)}, within 1d"
    assert [one["branch"] for one in cleanup_merged_branches(context(repo), grace="1h")["removed"]] == ["new"]


def test_a_branch_that_moves_meanwhile_is_not_removed(repo: Path) -> None:
    """What was seen is what goes, or nothing: neither the branch nor a rescue ref changes."""
    git(repo, "branch", "late")
    repository = Repository.discover(repo)
    seen = next(one for one in branches(repository) if one.short == "late")
    newer = git(repo, "commit-tree", "-p", "main", "-m", "work", "main^{tree}")
    git(repo, "update-ref", "refs/heads/late", newer)
    with pytest.raises(GitFailed, match="late"):
        remove(repository, seen, "refs/octojobs/rescue/x/late")
    assert git(repo, "rev-parse", "late") == newer
    assert git(repo, "for-each-ref", "refs/octojobs") == ""


def test_one_that_cannot_be_removed_does_not_keep_the_others(repo: Path) -> None:
    """It is named with git's reason when all the others are done."""
    for name in ("aaa", "bbb", "ccc"):
        git(repo, "branch", name)
    age(repo)
    (repo / ".git/refs/heads/bbb.lock").touch()
    with pytest.raises(NotAllRemoved, match=r"\Abbb: git failed in .*bbb"):
        cleanup_merged_branches(context(repo))
    assert names(repo) == {"main", "bbb"}


def test_into_names_what_counts_as_merged(repo: Path) -> None:
    """A branch, or a ref in full; one that there is not is refused, and nothing is removed."""
    work_on(repo, "feature", "f\n")
    git(repo, "branch", "trunk2", "feature")
    age(repo)
    report = cleanup_merged_branches(context(repo), into="trunk2", dry_run=True)
    assert reasons(report, "removed") == {"feature": "all of it is in refs/heads/trunk2"}
    with pytest.raises(UsageError, match="there is no refs/heads/nowhere here"):
        cleanup_merged_branches(context(repo), into="nowhere")


@pytest.mark.parametrize("job", [cleanup_merged_branches, stale_branches])
def test_a_pattern_that_is_no_list_is_refused(repo: Path, job: Any) -> None:
    """`protected: stable` would protect `s`, `t` and so on, and not `stable`."""
    git(repo, "branch", "stable")
    age(repo)
    with pytest.raises(ValueError, match=r"^args: protected: 'stable' is no list of texts; write \[\"stable\"\]$"):
        job(context(repo), protected="stable")
    with pytest.raises(ValueError, match=r"^args: protected: \[1\] is no list of texts$"):
        job(context(repo), protected=[1])
    assert "stable" in git(repo, "branch", "--list", "stable")


def test_stale_branches_are_told_the_oldest_first_and_nothing_is_removed(repo: Path) -> None:
    """Merged ones are the other job's, and one that somebody has touched is not stale."""
    work_on(repo, "forgotten", "a\n", "b\n")
    work_on(repo, "merged", "m\n")
    squash(repo, "merged")
    work_on(repo, "alive", "c\n")
    age(repo)
    recent = NOW - timedelta(days=3)
    os.utime(repo / ".git/logs/refs/heads/alive", (recent.timestamp(), recent.timestamp()))
    report = stale_branches(context(repo))
    (stale,) = report["stale"]
    assert (stale["branch"], stale["ahead"], stale["touched_at"]) == ("forgotten", 2, format_instant(OLD_AT))
    assert names(repo) == {"main", "forgotten", "merged", "alive"}


def test_stale_branches_become_one_task_a_month(repo: Path) -> None:
    """The second run finds it there."""
    work_on(repo, "forgotten", "a\n")
    age(repo)
    first, second = (stale_branches(context(repo), on_stale="enqueue")["enqueued"] for _ in range(2))
    assert first == second
    with opened(queue_of(repo).place, NOW) as queue:
        kept = queue.record.find(first)
    assert kept is not None
    assert kept.task.title.startswith("1 branch nobody has touched since ")


def test_as_a_job_it_leaves_its_report_as_the_result(repo: Path) -> None:
    """Through the command line, as people run it."""
    git(repo, "branch", "done")
    age(repo)
    text = "jobs: {tidy: {manual: true, run: octojobs.housekeeping:cleanup_merged_branches}}\n"
    commit_files(repo, {".octopoid/jobs.yaml": text})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    ran = octojobs(repo, "run-now", "tidy")
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]
    assert [one["branch"] for one in run["result"]["removed"]] == ["done"]
    assert names(repo) == {"main"}


def test_as_a_job_it_says_what_is_wrong_with_its_arguments_and_nothing_of_its_own_code(repo: Path) -> None:
    """A mistake of the person who declared it is a sentence in the output, not a traceback."""
    args = "{protected: stable}", "{grace: soon}", "{into: nowhere}"
    jobs = "".join(
        f"  tidy-{number}: {{manual: true, run: octojobs.housekeeping:cleanup_merged_branches, args: {one}}}\n"
        for number, one in enumerate(args)
    )
    commit_files(repo, {".octopoid/jobs.yaml": f"jobs:\n{jobs}"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    for number in range(len(args)):
        assert octojobs(repo, "run-now", f"tidy-{number}").returncode == 1
    assert [octojobs(repo, "logs", f"tidy-{number}").stdout for number in range(len(args))] == [
        "octojobs: args: protected: 'stable' is no list of texts; write [\"stable\"]\n",
        'octojobs: "soon" is not a duration; write seconds, or whole numbers with w, d, h, m, s in that order, such as 90, 2m or 1h30m\n',
        "octojobs: args: into: there is no refs/heads/nowhere here; name a branch, or a ref by its full name\n",
    ]
