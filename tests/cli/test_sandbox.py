"""Runs in a sandbox as a person meets them: what would run, what came of it, and what `doctor` says."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.helpers import commit_files, git, make_repository, octojobs

JOBS = """
jobs:
  plain: {manual: true, command: 'true'}
  apart: {manual: true, sandbox: {backend: worktree}, cwd: src, command: [sh, -c, 'echo changed > a.txt; echo "in $PWD"']}
"""


def repository(tmp_path: Path) -> Path:
    """A repository that may run jobs, one of them in a worktree."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS, "src/a.txt": "one\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    return repo


def test_a_dry_run_shows_the_command_and_where_it_would_work(tmp_path: Path) -> None:
    """And makes nothing."""
    repo = repository(tmp_path)
    lines = octojobs(repo, "run-now", "apart", "--dry-run").stdout.splitlines()
    assert lines[0].startswith("would run: ")
    assert lines[1] == f"in: {repo}"
    assert lines[2] == """which runs, in a sandbox (worktree): sh -c 'echo changed > a.txt; echo "in $PWD"'"""
    tree = lines[4].split()[1]
    assert lines[3] == f"in: {tree}/src"
    assert lines[4] == f"worktree: {tree} at {git(repo, 'rev-parse', 'HEAD')}"
    assert f"  OCTOJOBS_REPO={tree}" in lines
    assert git(repo, "worktree", "list").count("\n") == 0


def test_a_run_leaves_its_work_and_the_tree_is_as_it_was(tmp_path: Path) -> None:
    """The patch is beside the output; `allow` and `inspect` tell of the sandbox."""
    repo = repository(tmp_path)
    done = octojobs(repo, "run-now", "apart")
    assert done.returncode == 0, done.stderr
    log = octojobs(repo, "logs", "apart").stdout
    assert ".1.patch; `git apply --index` takes it" in log
    assert (repo / "src/a.txt").read_text() == "one\n"
    assert '"backend": "worktree"' in octojobs(repo, "inspect", "apart", "--json").stdout
    commit_files(repo, {".octopoid/jobs.yaml": JOBS.replace("'true'", "'false'")})
    assert "(in src; in a sandbox: worktree)" in octojobs(repo, "allow").stdout


def test_the_doctor_says_where_jobs_run_and_what_was_left(tmp_path: Path) -> None:
    """A worktree that nobody holds waits for the next run."""
    repo = repository(tmp_path)
    place = repo / ".git/octojobs/worktrees/apart@20261120T020000Z.1"
    base = git(repo, "rev-parse", "HEAD")
    reason = f"octojobs: run apart@20261120T020000Z attempt 1 from {base}"
    git(repo, "worktree", "add", "--quiet", "--detach", "--lock", "--reason", reason, str(place))
    told = octojobs(repo, "doctor").stdout
    assert "1 in the working tree, without a sandbox; 1 in worktrees of their own" in told
    assert "1 left by runs that were killed: apart@20261120T020000Z.1" in told
    octojobs(repo, "run-now", "apart")
    assert "left by runs" not in octojobs(repo, "doctor").stdout


WALLED = """
jobs:
  walled:
    manual: true
    command: make
    sandbox: {backend: docker, image: 'gcc:14', network: lan, mounts: [{source: src, target: /src}, {source: /c, target: /c, write: true}]}
  wrapped: {manual: true, command: make, sandbox: {backend: bubblewrap}}
"""


def test_what_a_sandbox_lets_through_is_told_before_it_runs(tmp_path: Path) -> None:
    """By `allow` and by a dry run."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": WALLED, "src/a.txt": "one\n"})
    told = octojobs(repo, "allow", "--yes").stdout
    assert "(in a sandbox: docker gcc:14; with network lan; sees src as /src; writes to /c as /c)" in told
    lines = octojobs(repo, "run-now", "walled", "--dry-run").stdout.splitlines()
    assert lines[5:9] == ["image: gcc:14", "network: lan", "shows: src as /src, to read", "shows: /c as /c, to write"]
    assert octojobs(repo, "run-now", "wrapped", "--dry-run").stdout.splitlines()[5] == "network: none"


def test_a_program_that_is_missing_is_told_by_validate_and_doctor(tmp_path: Path) -> None:
    """A warning where the form is checked; wrong where it is tried."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": WALLED})
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "ps", "env"):
        (folder / name).symlink_to(shutil.which(name) or "")
    checked = octojobs(repo, "validate", PATH=str(folder))
    assert checked.returncode == 0
    assert checked.stdout.splitlines()[0] == (
        '.octopoid/jobs.yaml:6:24: warning: job "walled": sandbox.backend: there is no program docker here; '
        "install docker, or choose another backend; until then its runs fail"
    )
    told = octojobs(repo, "doctor", PATH=str(folder)).stdout
    assert "wrong  bubblewrap: there is no program bwrap on PATH; install it (`apt-get install bubblewrap`" in told
    assert "wrong  docker: there is no program docker on PATH; install it, or choose another backend" in told
