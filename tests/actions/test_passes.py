"""One pass: what it waits for, and what it leaves to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.actions.running import session
from octojobs.actions.workspace import Workspace
from octojobs.errors import UsageError
from tests.helpers import commit_files, environment, home_of, make_repository, octojobs, start_octojobs, wait_until

HELD = """\
jobs:
  held:
    interval: 1h
    command: "true"
    overlap: queue_all
  free:
    interval: 1h
    command: "true"
"""


def _allowed(tmp_path: Path, jobs: str) -> Path:
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    return repo


def test_a_pass_does_not_wait_for_what_a_pause_holds(tmp_path: Path) -> None:
    """A paused job's instants are skipped, and the pass ends with the others'."""
    repo = _allowed(tmp_path, HELD)
    assert octojobs(repo, "pause", "held").returncode == 0
    done = octojobs(repo, "tick", timeout=30)
    assert done.returncode == 0, done.stderr
    assert "free@" in done.stdout


def test_once_waits_for_the_retries_that_are_due_within_a_minute(tmp_path: Path) -> None:
    """Attempt 2 succeeds a second later, so the pass ends well."""
    job = "jobs: {flaky: {interval: 1h, command: 'test $OCTOJOBS_ATTEMPT = 2', retries: {max: 1, delay: 1s}}}\n"
    done = octojobs(_allowed(tmp_path, job), "up", "--once", timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def test_once_exits_1_when_a_run_failed(tmp_path: Path) -> None:
    """The exit code is what a caller's script asks for."""
    assert octojobs(_allowed(tmp_path, "jobs: {bad: {interval: 1h, command: 'false'}}\n"), "up", "--once").returncode == 1


def test_tick_without_waiting_leaves_the_run_to_the_next_tick(tmp_path: Path) -> None:
    """The shim goes on by itself; the next tick finds its result."""
    repo = _allowed(tmp_path, "jobs: {slow: {interval: 1h, command: 'sleep 0.3; exit 4'}}\n")
    assert octojobs(repo, "tick", "--no-wait").returncode == 0
    done = octojobs(repo, "tick", timeout=30)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "exit code 4" in done.stdout


def test_before_the_first_commit_up_says_what_to_do(tmp_path: Path) -> None:
    """Commit is deploy: there is nothing to run yet."""
    repo = make_repository(tmp_path)
    assert octojobs(repo, "init", "--no-hook").returncode == 0
    done = octojobs(repo, "up", "--once")
    assert done.returncode == 2
    assert "commit" in done.stderr


def test_a_broken_commit_at_the_first_start_shows_every_problem(tmp_path: Path) -> None:
    """There are no last good definitions yet."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {}\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    commit_files(repo, {".octopoid/jobs.yaml": "jobs:\n  a: {interval: 1h}\n  b: {command: x}\n"})
    done = octojobs(repo, "up", "--once")
    assert done.returncode == 2
    assert "jobs.yaml:2:3" in done.stderr
    assert "jobs.yaml:3:3" in done.stderr


@pytest.mark.parametrize("verb", [("tick",), ("up", "--once"), ("run-now", "slow", "--wait")], ids=" ".join)
def test_a_pass_that_is_killed_while_it_waits_leaves_what_was_in_force(tmp_path: Path, verb: tuple[str, ...]) -> None:
    """A broken commit after it does not bring back older definitions, or none."""
    repo = _allowed(tmp_path, "jobs: {slow: {interval: 1h, command: 'touch began; until test -e end; do sleep 0.1; done'}}\n")
    waits = start_octojobs(repo, *verb)
    try:
        wait_until((repo / "began").exists, what="the run")
        wait_until((repo / ".git/octojobs/definitions.json").exists, timeout=5, what="what is in force")
    finally:
        waits.kill()
        waits.wait()
        (repo / "end").touch()
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: ["})
    assert "stay in force" in octojobs(repo, "tick").stderr


def test_a_pass_that_fails_leaves_what_was_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was that failed."""
    repo = _allowed(tmp_path, "jobs: {}\n")
    for name, value in environment(home_of(repo)).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="no"), session(Workspace.open(repo), "tick"):
        raise UsageError("no", "yes")
    assert (repo / ".git/octojobs/definitions.json").exists()


def test_a_run_by_hand_that_its_guard_refuses_says_so(tmp_path: Path) -> None:
    """`when_blocked: skip` ends the run at once, with the evidence."""
    job = "jobs: {gated: {manual: true, command: 'true', conditions: [{file_exists: go}], when_blocked: skip}}\n"
    done = octojobs(_allowed(tmp_path, job), "run-now", "gated", "--wait")
    assert done.returncode == 1, done.stderr
    assert "skipped" in done.stdout + done.stderr
    assert "file_exists" in done.stdout + done.stderr


def test_a_pass_forgets_once_a_day_what_exceeds_the_retention(tmp_path: Path) -> None:
    """Whoever runs `tick` from cron has no daemon that would do it."""
    repo = _allowed(tmp_path, "jobs: {hand: {manual: true, command: 'true'}}\n")
    commit_files(repo, {".octopoid/octojobs.yaml": "retention: {runs_per_job: 2}\n"})
    for _ in range(4):
        assert octojobs(repo, "run-now", "hand").returncode == 0
    folders = repo / ".git/octojobs/runs/hand"
    assert len(list(folders.iterdir())) == 4
    assert octojobs(repo, "tick").returncode == 0
    assert len(list(folders.iterdir())) == 2
