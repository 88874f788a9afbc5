"""The story of the README, told once by real processes: allow, run, commit, crash, adopt, explain."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT, commit_files, git, octojobs, start_octojobs, wait_until

SLOW = """\
jobs:
  beat:
    interval: 1s
    command: "true"
  slow:
    manual: true
    command: 'touch "$OCTOJOBS_RUN_DIR/begun"; while [ ! -e release ]; do sleep 0.05; done; exit 7'
"""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of this repository as it is committed, in a temporary place; what is not committed is copied along."""
    repo = tmp_path / "clone"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch=main")
    for name in (".octopoid", "octojobs", "schemas", "pyproject.toml", "README.md"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, repo / name, ignore=shutil.ignore_patterns("__pycache__", "tasks", "runtime"))
        else:
            shutil.copy(source, repo / name)
    git(repo, "config", "user.name", "Ada")
    git(repo, "config", "user.email", "ada@example.org")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "as it is")
    yield repo
    octojobs(repo, "down", "--kill")


def _json(repo: Path, *args: str) -> Any:
    done = octojobs(repo, *args, "--json")
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def _runs(repo: Path, job: str) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = _json(repo, "runs", job, "--limit", "1000")["runs"]
    return runs


def _finished(repo: Path, job: str) -> list[dict[str, Any]]:
    return [run for run in _runs(repo, job) if run["phase"] == "finished"]


def _daemon(repo: Path) -> int:
    """The pid of the daemon, once it serves."""
    wait_until(lambda: (_json(repo, "status")["daemon"] or {}).get("pid"), 15, "a daemon")
    return int(_json(repo, "status")["daemon"]["pid"])


def test_a_stranger_sees_this_repositorys_jobs_run_survive_and_explain_themselves(clone: Path) -> None:
    """Clone, allow, up, commit, see it live, kill -9 in the middle of a run, up again, see it adopted, ask why."""
    refused = octojobs(clone, "up", "--once")
    assert refused.returncode == 4, refused.stderr
    assert octojobs(clone, "allow", "--yes").returncode == 0

    daemon = start_octojobs(clone, "up")
    wait_until(lambda: any(run["outcome"] == "succeeded" for run in _finished(clone, "check_definitions")), 20, "this repository's own job")

    commit = commit_files(clone, {".octopoid/jobs.yaml": SLOW}, "other jobs")
    wait_until(lambda: any(run["definitions"] == commit for run in _finished(clone, "beat")), 10, "the commit to be live")

    assert octojobs(clone, "run-now", "slow").returncode == 0
    begun = clone / ".git/octojobs/runs/slow"
    wait_until(lambda: list(begun.glob("*/1/begun")), 10, "the slow job to have begun")
    (slow,) = _runs(clone, "slow")

    os.kill(_daemon(clone), signal.SIGKILL)
    assert daemon.wait(10) == -signal.SIGKILL
    (clone / "release").touch()  # it ends while no daemon lives
    wait_until(lambda: list(begun.glob("*/1/exit.json")), 10, "the shim's result")

    second = start_octojobs(clone, "up")
    wait_until(lambda: _finished(clone, "slow"), 10, "the run to be settled")
    (settled,) = _finished(clone, "slow")
    assert (settled["id"], settled["outcome"], settled["exit_code"], settled["attempt"]) == (slow["id"], "failed", 7, 1)

    told = octojobs(clone, "why", "slow").stdout
    assert re.search(rf"{re.escape(slow['id'])} .*\n(.*\n)*.*failed .*exit code 7", told), told

    beats = len(_finished(clone, "beat"))
    wait_until(lambda: len(_finished(clone, "beat")) > beats, 10, "the beat to go on")
    _every_due_instant_has_one_outcome(_runs(clone, "beat"))
    assert octojobs(clone, "down").returncode == 0
    assert second.wait(10) == 0


def test_a_run_that_outlives_the_daemon_is_adopted_while_it_runs(clone: Path) -> None:
    """The second daemon watches the same process, and records its exit code when it ends."""
    commit_files(clone, {".octopoid/jobs.yaml": SLOW}, "other jobs")
    assert octojobs(clone, "allow", "--yes").returncode == 0
    daemon = start_octojobs(clone, "up")
    _daemon(clone)
    assert octojobs(clone, "run-now", "slow").returncode == 0
    wait_until(lambda: list((clone / ".git/octojobs/runs/slow").glob("*/1/begun")), 10, "the slow job to have begun")
    os.kill(_daemon(clone), signal.SIGKILL)
    daemon.wait(10)

    second = start_octojobs(clone, "up")
    _daemon(clone)
    (running,) = _runs(clone, "slow")
    assert (running["phase"], running["attempt"]) == ("running", 1)
    (clone / "release").touch()
    wait_until(lambda: _finished(clone, "slow"), 10, "the adopted run to end")
    assert [(run["outcome"], run["exit_code"], run["attempt"]) for run in _finished(clone, "slow")] == [("failed", 7, 1)]
    assert octojobs(clone, "down").returncode == 0
    assert second.wait(10) == 0


def _every_due_instant_has_one_outcome(rows: list[dict[str, Any]]) -> None:
    """The rows of a job with an interval of one second, newest first, leave out no instant and repeat none."""
    covered: list[int] = []
    for row in rows:
        last = _second(row["scheduled_at"])
        covered += range(last, last - row["count"], -1)
    covered.sort()
    assert covered == list(range(covered[0], covered[-1] + 1))


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
