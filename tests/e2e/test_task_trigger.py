"""A daemon that tasks trigger, killed between a task's move and the start of its run: the installed command line, real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers import make_repository, octojobs, start_octojobs, wait_until

JOBS = """\
version: 1
jobs:
  look:
    on: {task: {state: incoming}}
    command: echo "$OCTOJOBS_TASK" >> seen
"""


def has_looked(repo: Path) -> bool:
    """Whether the job is known, which is recorded together with what it has seen."""
    return json.loads(octojobs(repo, "inspect", "look", "--json").stdout)["seen"] is not None


def seen(repo: Path) -> list[str]:
    """The tasks that were run for, in order."""
    return (repo / "seen").read_text().split() if (repo / "seen").exists() else []


@pytest.mark.parametrize("times", [2])
def test_a_daemon_that_is_killed_neither_loses_a_task_nor_runs_it_twice(tmp_path: Path, times: int) -> None:
    """It is killed as soon as the task is there, and again once its run has been seen."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS, ".gitignore": "seen\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    daemon = start_octojobs(repo, "up")
    wait_until(lambda: has_looked(repo), what="the first look")
    wanted: list[str] = []
    for _ in range(times):
        wanted.append(json.loads(octojobs(repo, "enqueue", "new", "--json").stdout)["task"]["id"])
        daemon.kill()
        daemon.wait(30)
        daemon = start_octojobs(repo, "up")
        wait_until(lambda: set(wanted) <= set(seen(repo)), what="the run of the task")
        daemon.kill()
        daemon.wait(30)
        daemon = start_octojobs(repo, "up")
    wanted.append(json.loads(octojobs(repo, "enqueue", "last", "--json").stdout)["task"]["id"])
    wait_until(lambda: wanted[-1] in seen(repo), what="the run of the last task")
    daemon.terminate()
    daemon.wait(30)
    assert seen(repo) == wanted
    runs = json.loads(octojobs(repo, "runs", "look", "--json").stdout)["runs"]
    assert [run["trigger"]["task"] for run in reversed(runs)] == wanted
