"""What is staged is what is checked: by every way in which git makes a commit, and no commit is held up by anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from octojobs.config.loader import Loader
from octojobs.config.staged import check_staged
from octojobs.repository import Repository
from tests.helpers import commit_files, git, make_repository, write

JOBS = ".octopoid/jobs.yaml"
GOOD = "jobs:\n  one: {interval: 5m, command: 'true'}\n"
BETTER = "jobs:\n  one: {interval: 6m, command: 'true'}\n"
BAD = "jobs:\n  one: {interval: 5m, comand: 'true'}\n"

HOOK = f"""\
#!{sys.executable}
import sys
from pathlib import Path
from octojobs.config.loader import Loader
from octojobs.config.staged import check_staged
from octojobs.repository import Repository
problems = check_staged(Repository.discover(Path.cwd()), Loader())
print("\\n".join(map(str, problems)))
sys.exit(any(problem.severity == "error" for problem in problems))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose definitions are good, with the check as its hook."""
    root = make_repository(tmp_path, {JOBS: GOOD, "a": "a"})
    write(root / ".git/hooks/pre-commit", HOOK).chmod(0o755)
    return root


def commit(root: Path, *args: str) -> tuple[bool, str]:
    """Whether git made the commit, and what the hook printed."""
    done = subprocess.run(["git", "commit", "--quiet", "-m", "x", *args], cwd=root, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def problems(root: Path) -> list[str]:
    """What the check says about the index as it is."""
    return [str(problem) for problem in check_staged(Repository.discover(root), Loader())]


def test_the_index_is_checked_and_not_the_working_tree(root: Path) -> None:
    """Bad in the index and mended on disk is refused; the other way round passes."""
    write(root / JOBS, BAD)
    git(root, "add", JOBS)
    write(root / JOBS, GOOD)
    made, said = commit(root)
    assert not made
    assert said == f'{JOBS}:2:23: job "one": unknown field "comand"; did you mean "command"?'
    write(root / JOBS, BETTER)
    git(root, "add", JOBS)
    write(root / JOBS, BAD)
    assert commit(root) == (True, "")


def test_commit_all_and_commit_file_are_checked_in_their_own_index(root: Path) -> None:
    """Git stages those into another index and names it to the hook."""
    write(root / JOBS, BAD)
    assert not commit(root, "--all")[0]
    assert not commit(root, JOBS)[0]
    assert not commit(root, "--include", JOBS)[0]
    write(root / "a", "b")
    assert commit(root, "a") == (True, "")
    write(root / JOBS, BETTER)
    assert commit(root, JOBS) == (True, "")


def test_a_linked_worktree_is_checked_by_its_own_index(root: Path) -> None:
    """Agents commit in worktrees of their own."""
    side = root.parent / "side"
    git(root, "worktree", "add", "--quiet", "-b", "side", str(side))
    write(side / JOBS, BAD)
    assert not commit(side, "--all")[0]
    write(side / JOBS, BETTER)
    assert commit(side, "--all") == (True, "")
    assert git(root, "show", f"HEAD:{JOBS}") == GOOD.rstrip("\n")


def test_a_first_commit_is_checked(tmp_path: Path) -> None:
    """There is nothing yet to compare with."""
    root = make_repository(tmp_path)
    write(root / ".git/hooks/pre-commit", HOOK).chmod(0o755)
    write(root / JOBS, BAD)
    git(root, "add", ".")
    assert not commit(root)[0]
    write(root / JOBS, GOOD)
    assert commit(root, "--all") == (True, "")


def test_work_on_something_else_is_not_held_up(root: Path) -> None:
    """Definitions that are broken already are no reason to refuse another change; touching them is."""
    write(root / JOBS, BAD)
    git(root, "commit", "--quiet", "--no-verify", "--all", "-m", "broken")
    write(root / "a", "b")
    assert commit(root, "--all") == (True, "")
    write(root / ".octopoid/octojobs.yaml", "max_concurrent: 2\n")
    git(root, "add", ".")
    assert not commit(root)[0]


def test_all_problems_of_all_files_are_told_at_once(root: Path) -> None:
    """Names and references lead from one file to another: they are checked together."""
    write(root / ".octopoid/jobs/two.yaml", "interval: 5m\ncommand: 'true'\non_success: {run: three}\n")
    write(root / ".octopoid/jobs/one.yml", "interval: nonsense\ncommand: 'true'\n")
    git(root, "add", ".")
    assert {line.split(":")[0] for line in problems(root)} == {".octopoid/jobs/one.yml", ".octopoid/jobs/two.yaml"}


def test_taking_all_jobs_away_is_a_warning(root: Path) -> None:
    """It may be meant; but whoever means `no jobs` should say so."""
    git(root, "rm", "--quiet", JOBS)
    made, said = commit(root)
    assert made
    what = "this commit takes the jobs away; a running daemon keeps the last good ones"
    assert said == f"{JOBS}: warning: {what}; `jobs: {{}}` says that there are none"


def test_a_file_that_is_not_merged_is_no_file_that_is_gone(root: Path) -> None:
    """A conflict in the index is said to be one, and refused."""
    git(root, "commit", "--quiet", "--allow-empty", "--message", "base")
    git(root, "switch", "--quiet", "--create", "theirs")
    commit_files(root, {JOBS: GOOD.replace("5m", "6m")})
    git(root, "switch", "--quiet", "main")
    commit_files(root, {JOBS: GOOD.replace("5m", "7m")})
    merge = subprocess.run(["git", "merge", "theirs"], cwd=root, capture_output=True, check=False)
    assert merge.returncode == 1
    assert problems(root) == [f"{JOBS}: the file is not merged yet; resolve the conflict, then `git add` it"]


def test_a_repository_without_definitions_is_left_alone(tmp_path: Path) -> None:
    """The hook may be installed for every repository of a person."""
    root = make_repository(tmp_path, {"a": "a"})
    write(root / "b", "b")
    git(root, "add", ".")
    assert problems(root) == []


def test_a_staged_link_is_refused(root: Path) -> None:
    """By its mode in the index."""
    (root / JOBS).unlink()
    os.symlink("/etc/passwd", root / JOBS)
    git(root, "add", ".")
    assert [line.partition(";")[0] for line in problems(root)] == [f"{JOBS}: this is a symbolic link, not a file"]


def test_a_file_of_another_name_is_checked_where_the_settings_name_it(root: Path) -> None:
    """`jobs_file:` in the staged settings says which file is ours."""
    write(root / ".octopoid/octojobs.yaml", "jobs_file: ci/ours.yaml\n")
    write(root / "ci/ours.yaml", GOOD)
    git(root, "add", ".")
    assert commit(root) == (True, "")
    write(root / "ci/ours.yaml", BAD)
    git(root, "add", ".")
    assert [line.split(":")[0] for line in problems(root)] == ["ci/ours.yaml"]
