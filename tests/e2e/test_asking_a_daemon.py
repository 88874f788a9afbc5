"""What is asked of a running daemon is answered: done, or refused with the reason."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import environment, home_of, make_repository, octojobs, script, start_octojobs, wait_until, write

JOBS = "jobs:\n  a: {manual: true, command: 'echo hi'}\n  long: {manual: true, command: 'exec sleep 60'}\n"
NEW = "  fresh: {manual: true, command: 'true'}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    """A repository that a daemon serves."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    daemon = start_octojobs(repo, "up")
    try:
        wait_until(lambda: (json.loads(octojobs(repo, "status", "--json").stdout)["daemon"] or {}).get("definitions"), what="the daemon")
        yield repo
    finally:
        octojobs(repo, "down", "--kill")
        daemon.wait(20)


def left(repo: Path) -> list[str]:
    """What lies in `requests/`."""
    return [path.name for path in (repo / ".git/octojobs/requests").iterdir()]


def test_a_refused_run_is_told_with_its_reason(repo: Path) -> None:
    """The job stands in the working tree, and the daemon runs the commit: exit 2 as for any job that is not there."""
    write(repo / ".octopoid/jobs.yaml", JOBS + NEW)
    said = octojobs(repo, "run-now", "fresh", "--source", "worktree")
    assert (said.returncode, said.stdout) == (2, ""), said.stderr
    assert said.stderr.startswith("octojobs: `octojobs up` (pid ")
    assert said.stderr.endswith(") refused the run: there is no job 'fresh' in the definitions that are live\n")
    assert left(repo) == []


def test_a_pause_and_its_end_at_once_are_both_answered_rightly(repo: Path) -> None:
    """Whichever comes first: what was done is not called refused, and a resume that came too early says so."""
    for _ in range(5):
        asking = [
            subprocess.Popen(
                [script(), verb, "a"], cwd=repo, env=environment(home_of(repo)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for verb in ("pause", "resume")
        ]
        pause, resume = [(*process.communicate(timeout=30), process.returncode) for process in asking]
        assert pause == ("a is paused until `octojobs resume a`\n", "", 0)
        assert resume in {("a is resumed\n", "", 0), ("", "octojobs: a is not paused; `octojobs status` shows what is\n", 1)}
        octojobs(repo, "resume", "a")
    assert left(repo) == []


def test_two_that_cancel_one_run_are_both_told_how_it_ended(repo: Path) -> None:
    """The second finds it ended, or asks for what is on its way."""
    run = octojobs(repo, "run-now", "long").stdout.split()[0]
    wait_until(lambda: octojobs(repo, "runs", "long", "--status", "running").stdout, what="the run")
    asking = [
        subprocess.Popen(
            [script(), "cancel", run], cwd=repo, env=environment(home_of(repo)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for said in [(*process.communicate(timeout=30), process.returncode) for process in asking]:
        assert said in {(f"{run} was cancelled\n", "", 0), ("", f"octojobs: {run} has ended: cancelled\n", 1)}
    assert left(repo) == []
