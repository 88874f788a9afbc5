"""The definitions in force: a commit is noticed cheaply, and nothing bad ever replaces something good."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from octojobs.config.loader import Loader
from octojobs.config.reload import Reload
from octojobs.config.source import CommitSource, WorktreeSource
from octojobs.errors import InvalidDefinitions, UsageError
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository, write

JOBS = ".octopoid/jobs.yaml"
BROKEN = "jobs:\n  one: {interval: 5m, command: 'true', tmeout: 3}\n"


def jobs(*names: str) -> str:
    """A jobs file with these jobs."""
    return "jobs:\n" + "".join(f"  {name}: {{interval: 5m, command: 'true'}}\n" for name in names)


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """Counts the questions to git."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        head = Repository.head

        def counted(repository: Repository, worktree: Path | None = None) -> object:
            self.count += 1
            return head(repository, worktree)

        monkeypatch.setattr(Repository, "head", counted)


def started(root: Path, clock: Clock | None = None) -> Reload:
    """A reload on HEAD that has looked once."""
    reload = Reload(CommitSource(Repository.discover(root)), Loader(), monotonic=clock or Clock())
    reload.check()
    return reload


def names(reload: Reload) -> list[str]:
    """The jobs in force."""
    return list(reload.current().jobs)


def test_a_commit_is_live_at_the_next_check(tmp_path: Path) -> None:
    """Commit is deploy."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    first = reload.current()
    assert (names(reload), first.source) == (["one"], git(root, "rev-parse", "HEAD"))
    commit = commit_files(root, {JOBS: jobs("one", "two")})
    assert reload.check()
    assert (names(reload), reload.current().source) == (["one", "two"], commit)
    assert [*first.jobs] == ["one"]


def test_a_check_asks_git_only_when_a_file_moved_and_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle daemon stats a handful of files; a time stamp may lie, so it asks now and then anyway."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    clock, asked = Clock(), Asked(monkeypatch)
    reload = started(root, clock)
    reload.check()  # the branch is known since the first look: its file is looked at from now on
    asked.count = 0
    for _ in range(59):
        clock.now += 1
        assert not reload.check()
    assert asked.count == 0
    clock.now += 2
    assert not reload.check()
    assert asked.count == 1
    assert not reload.check(ask=True)
    assert asked.count == 2
    commit_files(root, {JOBS: jobs("two")})
    assert reload.check()
    assert asked.count == 3


def test_a_commit_that_touches_no_definition_changes_nothing_but_the_commit(tmp_path: Path) -> None:
    """The definitions are the same ones; the run that starts next says which commit they were in."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    before = reload.current()
    commit = commit_files(root, {"src/a.py": "x"})
    assert not reload.check()
    assert reload.current().source == commit
    assert reload.current().digest == before.digest


def test_a_broken_file_keeps_the_last_good_definitions_and_says_so(tmp_path: Path) -> None:
    """A typing error stops nothing; `status` shows the note and every problem with its place."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    good = reload.current().source
    bad = commit_files(root, {JOBS: BROKEN})
    assert not reload.check()
    assert names(reload) == ["one"]
    assert reload.note == f"commit {bad[:7]} has 1 problem in its definitions; the definitions of commit {good[:7]} stay in force"
    assert [(problem.path, problem.line) for problem in reload.problems] == [(JOBS, 2)]
    assert reload.current().source == good
    mended = commit_files(root, {JOBS: jobs("one", "two")})
    assert reload.check()
    assert (reload.note, reload.problems, reload.current().source) == ("", (), mended)


def test_going_back_to_the_good_file_clears_the_note(tmp_path: Path) -> None:
    """The same files as before are no change, and no problem any more."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    commit_files(root, {JOBS: BROKEN})
    reload.check()
    back = commit_files(root, {JOBS: jobs("one")})
    assert not reload.check()
    assert (reload.note, reload.problems, reload.current().source) == ("", (), back)


def test_a_commit_without_definitions_keeps_the_last_good_ones(tmp_path: Path) -> None:
    """An orphan branch checked out for a minute must not take the jobs away; `jobs: {}` does."""
    root = make_repository(tmp_path, {JOBS: jobs("one"), "a": "b"})
    reload = started(root)
    good = reload.current().source
    git(root, "rm", "--quiet", "-r", ".octopoid")
    git(root, "commit", "--quiet", "-m", "gone")
    gone = git(root, "rev-parse", "HEAD")
    assert not reload.check()
    assert names(reload) == ["one"]
    assert reload.note == f"commit {gone[:7]} has no .octopoid/jobs.yaml; the definitions of commit {good[:7]} stay in force"
    commit_files(root, {JOBS: "jobs: {}\n"})
    assert reload.check()
    assert (names(reload), reload.note) == ([], "")


def test_without_any_good_definitions_there_are_none_in_force(tmp_path: Path) -> None:
    """The daemon refuses to start with what it has been told, and starts by itself when that is mended."""
    root = make_repository(tmp_path)
    reload = started(root)
    with pytest.raises(UsageError) as unborn:
        reload.current()
    assert str(unborn.value).startswith(f"{root} has no commit yet, and definitions are read from a commit; commit .octopoid/jobs.yaml")
    commit_files(root, {JOBS: BROKEN})
    assert not reload.check()
    with pytest.raises(InvalidDefinitions) as broken:
        reload.current()
    assert "tmeout" in str(broken.value)
    commit_files(root, {JOBS: jobs("one")})
    assert reload.check()
    assert names(reload) == ["one"]


def test_a_saved_file_is_live_with_the_working_tree_as_the_source(tmp_path: Path) -> None:
    """While developing; an empty or missing file is one that somebody is about to write."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = Reload(WorktreeSource(root), Loader(), monotonic=Clock())
    assert reload.check()
    assert not reload.check()
    write(root / JOBS, jobs("two"))
    assert reload.check()
    assert (names(reload), reload.current().source) == (["two"], "worktree")
    write(root / JOBS, "")
    assert not reload.check()
    assert reload.note == "the working tree has 1 problem in its definitions; the definitions of the working tree stay in force"
    (root / JOBS).unlink()
    assert not reload.check()
    assert reload.note == "the working tree has no .octopoid/jobs.yaml; the definitions of the working tree stay in force"
    assert names(reload) == ["two"]
    write(root / ".octopoid/jobs/three.yaml", "interval: 5m\ncommand: 'true'\n")
    assert reload.check()
    assert (names(reload), reload.note) == (["three"], "")


def test_a_failing_git_keeps_the_last_good_definitions(tmp_path: Path) -> None:
    """A repository that is moved away and back loses no job."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    (root / ".git").rename(tmp_path / "away")
    assert not reload.check()
    assert names(reload) == ["one"]
    assert "not a git repository" in reload.note
    (tmp_path / "away").rename(root / ".git")
    assert not reload.check()
    assert reload.note == ""


def test_another_branch_is_followed_through_all_that_git_does(tmp_path: Path) -> None:
    """Checkout, a new branch in a folder of refs, packed refs, an amended commit: each is seen by time stamps alone."""
    root = make_repository(tmp_path, {JOBS: jobs("one")})
    reload = started(root)
    git(root, "checkout", "--quiet", "-b", "feature/deep/two")
    reload.check()
    commit_files(root, {JOBS: jobs("two")})
    assert reload.check()
    git(root, "pack-refs", "--all", "--prune")
    assert not reload.check()
    git(root, "checkout", "--quiet", "main")
    assert reload.check()
    assert names(reload) == ["one"]
    write(root / JOBS, jobs("three"))
    git(root, "commit", "--quiet", "--amend", "--all", "--no-edit")
    assert reload.check()
    git(root, "checkout", "--quiet", "--detach", "feature/deep/two")
    assert reload.check()
    assert names(reload) == ["two"]


def test_two_hundred_branch_flips_neither_lose_nor_invent_a_job(tmp_path: Path) -> None:
    """While git rewrites the working tree, one of the branches without `.octopoid/`, every look sees one whole commit or another."""
    root = make_repository(tmp_path, {JOBS: jobs("one", "common"), "a": "b"})
    git(root, "checkout", "--quiet", "-b", "two")
    commit_files(root, {JOBS: jobs("two", "common"), ".octopoid/jobs/more.yaml": jobs("more")})
    git(root, "checkout", "--quiet", "-b", "without", "main")
    git(root, "rm", "--quiet", "-r", ".octopoid")
    git(root, "commit", "--quiet", "-m", "without")
    git(root, "checkout", "--quiet", "main")
    reload = started(root)
    whole = {("one", "common"), ("two", "common", "more")}
    order = ["two", "without", "main", "two", "main"] * 40
    program = "".join(f"git checkout --quiet {branch}\n" for branch in order)
    flips = subprocess.Popen(["sh", "-e"], cwd=root, stdin=subprocess.PIPE)
    assert flips.stdin
    flips.stdin.write(program.encode())
    flips.stdin.close()
    seen: list[tuple[str, ...]] = []
    while flips.poll() is None:
        reload.check()
        seen.append(tuple(names(reload)))
    assert flips.returncode == 0
    assert set(seen) == whole
    reload.check()
    assert tuple(names(reload)) == ("one", "common")
    assert reload.note == ""
