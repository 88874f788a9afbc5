"""Hooks of a run with real daemons that are killed: each happens once, and what becomes of it is told apart from the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.helpers import make_repository, octojobs, start_octojobs, wait_until

JOBS = """\
jobs:
  build:
    manual: true
    command: 'until [ -e go ]; do sleep 0.05; done; exit 3'
    on_start: {command: 'echo "$OCTOJOBS_PARENT_RUN_ID" >> begun'}
    on_failure: {command: 'echo "$OCTOJOBS_PARENT_RUN_ID" >> failed'}
  fine:
    manual: true
    command: 'true'
    on_start: {command: 'test -e server || { echo "no such server" >&2; exit 9; }'}
    on_success: {notify: [ops]}
"""
SETTINGS = "channels: {ops: {file: told.jsonl}}\n"


def repository(root: Path) -> Path:
    """One that may run these jobs."""
    repo = make_repository(root, {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": SETTINGS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    return repo


def lines(path: Path) -> list[str]:
    """The lines of a file that may not be there."""
    return path.read_text().splitlines() if path.exists() else []


def shown(repo: Path, *verb: str) -> Any:
    """What a verb says as JSON."""
    return json.loads(octojobs(repo, *verb, "--json").stdout)


def test_each_hook_happens_once_whoever_is_killed(tmp_path: Path) -> None:
    """A daemon is killed when the run has begun, another one while it goes on, and the third sees its end."""
    repo = repository(tmp_path)
    octojobs(repo, "pause", "fine")
    run = ""
    for daemons in range(2):
        daemon = start_octojobs(repo, "up")
        try:
            wait_until(lambda: shown(repo, "status")["daemon"], what="the daemon")
            if not daemons:
                run = octojobs(repo, "run-now", "build").stdout.split()[0]
            wait_until(lambda: lines(repo / "begun"), what="on_start")
        finally:
            daemon.kill()
            daemon.wait(20)
    (repo / "go").touch()
    for _ in range(3):
        octojobs(repo, "up", "--once")
    assert (lines(repo / "begun"), lines(repo / "failed")) == ([run], [run])
    outcomes = {one["id"]: one["outcome"] for one in shown(repo, "runs", "build")["runs"]}
    assert outcomes == {run: "failed", f"{run}+on_start": "succeeded", f"{run}+on_failure": "succeeded"}


def test_a_hook_that_fails_is_told_and_changes_no_outcome(tmp_path: Path) -> None:
    """In `runs`, `why`, `logs` and `status`; the run has succeeded, and that is told to its channel."""
    repo = repository(tmp_path)
    done = octojobs(repo, "run-now", "fine", "--wait")
    assert done.returncode == 0, done.stderr
    found = {one["id"].partition("+")[2]: one for one in shown(repo, "runs", "fine")["runs"]}
    assert (found[""]["outcome"], found["on_start"]["outcome"], found["on_start"]["exit_code"]) == ("succeeded", "failed", 9)
    run = found[""]["id"]
    assert octojobs(repo, "logs", f"{run}+on_start").stdout == "no such server\n"
    why = octojobs(repo, "why", run).stdout
    assert f"{run}+on_start is what on_start of the run that fell due at" in why
    status = octojobs(repo, "status")
    assert status.returncode == 1
    assert f"on_start of fine failed: {run}+on_start; `octojobs logs {run}+on_start`" in status.stdout
    assert "  | no such server" in status.stdout
    (repo / "server").touch()
    octojobs(repo, "run-now", "fine", "--wait")
    assert octojobs(repo, "status").returncode == 0
    assert json.loads(lines(repo / "told.jsonl")[0])["id"] == f"{run}/on_success/ops"


def test_a_run_and_its_hook_that_both_failed_are_told_once_each(tmp_path: Path) -> None:
    """The hook is newer, and begins with the name of the run."""
    jobs = "jobs: {bad: {manual: true, command: exit 3, on_failure: {command: exit 4}}}\n"
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    octojobs(repo, "run-now", "bad", "--wait")
    octojobs(repo, "tick")
    view = shown(repo, "status")
    (run,) = (one["id"] for one in shown(repo, "runs", "bad")["runs"] if "+" not in one["id"])
    assert sorted(one["id"] for one in view["failures"]) == [run, f"{run}+on_failure"]
