"""`octojobs simulate`: what would run, told from the definitions and what the history knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.codec import format_instant, parse_instant
from tests.cli.conftest import Call
from tests.helpers import commit_files, make_repository, octojobs

JOBS = """\
version: 1
jobs:
  nightly: {schedule: "0 2 * * *", command: make nightly, retries: {max: 1, delay: 5m}}
  sync: {schedule: "*/30 * * * *", command: make sync, conditions: [worktree_clean, {between: {from: "01:00", to: "03:00"}}]}
"""
SPAN = ("--from", "2026-03-02T01:45Z", "--to", "2026-03-02T03:15Z")
NIGHT = """\
2026-03-02T02:00:00Z\tnightly\tfailed\t2026-03-02T02:00:00Z\t2026-03-02T02:45:00Z\tas assumed; 2 attempts
2026-03-02T02:00:00Z\tsync\tsucceeded\t2026-03-02T02:20:00Z\t2026-03-02T02:21:00Z\tqueued: pool default 1/1
2026-03-02T02:30:00Z\tsync\tsucceeded\t2026-03-02T02:45:00Z\t2026-03-02T02:46:00Z\tqueued: pool default 1/1
2026-03-02T03:00:00Z\tsync\t-\t-\t-\twaiting
"""
REMARKS = """\
nightly: 1 failed
sync: 2 succeeded, 1 open at the end, 2 had to wait, 20 min at most
assumed: nightly takes 20 min (as asked for), and has failed then
assumed: sync takes 1 min (nothing is known of it)
assumed to hold: worktree_clean
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two jobs and room for one, in which nothing ever ran."""
    files = {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": "max_concurrent: 1\n"}
    return make_repository(tmp_path_factory.mktemp("simulate"), files)


@pytest.fixture
def repo(made: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process."""
    return at_home(made)


def test_a_night_is_played_with_what_was_said(repo: Path, call: Call) -> None:
    """Runs wait for room, fail and are tried again; a guard about the time is asked, the others are named."""
    arguments = ("simulate", *SPAN, "--duration", "nightly=20m", "--outcome", "nightly=failed")
    said = call(repo, *arguments)
    assert (said.code, said.out, said.err) == (0, NIGHT, REMARKS)
    assert call(repo, *arguments).out == NIGHT


def test_jobs_choose_what_is_shown_and_not_what_is_played(repo: Path, call: Call) -> None:
    """They share a pool with the others; what the limit leaves out is counted."""
    said = call(repo, "simulate", "SYNC", *SPAN, "--duration", "nightly=20m", "--limit", "1")
    assert said.out == "2026-03-02T02:00:00Z\tsync\tsucceeded\t2026-03-02T02:20:00Z\t2026-03-02T02:21:00Z\tqueued: pool default 1/1\n"
    assert said.err.splitlines()[0] == "2 more lines: --limit shows them, or --json"


def test_a_check_fails_with_exit_code_1(repo: Path, call: Call) -> None:
    """For an outcome that is named, or a wait that is too long."""
    arguments = ("simulate", *SPAN, "--duration", "20m", "--limit", "0", "--fail-on", "failed", "--max-wait", "10m")
    said = call(repo, *arguments)
    assert (said.code, said.err.splitlines()[-1]) == (1, "octojobs: sync would wait longer than 10m")
    said = call(repo, *arguments, "--outcome", "nightly=failed", "--max-wait", "1h")
    assert (said.code, said.err.splitlines()[-1]) == (1, "octojobs: 1 failed")
    assert call(repo, *arguments, "--max-wait", "1h").code == 0


def test_an_absence_is_caught_up_with(repo: Path, call: Call) -> None:
    """As the daemon would after it."""
    said = call(repo, "simulate", "nightly", *SPAN, "--away", "2026-03-02T01:50Z..2026-03-02T03:05Z")
    assert said.out == "2026-03-02T02:00:00Z\tnightly\tsucceeded\t2026-03-02T03:05:00Z\t2026-03-02T03:06:00Z\t-\n"


def test_durations_are_the_medians_of_the_history(tmp_path: Path) -> None:
    """And a past span can be played as it was recorded, under the definitions of today."""
    jobs = "jobs: {a: {interval: 1h, command: 'exit 3'}, b: {interval: 1h, command: 'true'}}\n"
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 1
    due = {run["job"]: parse_instant(run["scheduled_at"]) for run in json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]}
    told = octojobs(repo, "simulate").stderr
    assert "assumed: a takes 1 min (nothing is known of it)\n" in told
    assert "(the median of 1 run)\n" in told
    commit_files(repo, {".octopoid/jobs.yaml": jobs.replace("b: {interval: 1h", "b: {interval: 2h")})
    begin, end = (format_instant(due["a"] + timedelta(seconds=seconds)) for seconds in (-1, 1))
    view = json.loads(octojobs(repo, "simulate", "--as-recorded", "--from", begin, "--to", end, "--json").stdout)
    assert [(run["job"], run["outcome"], run["recorded"]) for run in view["runs"]] == [("a", "failed", "failed")]
    assert view["unmatched"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "2020-01-01T00:00Z"], "the span ends at 2020-01-01T00:00:00Z, and begins at "),
        (["nightli"], 'there is no job "nightli"; did you mean "nightly"?'),
        (["--duration", "nightli=5m"], 'there is no job "nightli"; did you mean "nightly"?'),
        (["--duration", "=5m"], "'=5m' names no job before the =; write JOB=5m, or 5m alone for every job"),
        (["--outcome", "lost"], "'lost' is not one of"),
        (["--away", "2026-03-02T01:50Z"], "is no span; write 2026-11-20T22:00Z..2026-11-21T06:00Z"),
        (["--away", "2026-03-02T01:50Z..2026-03-02T01:40Z"], "ends before it begins"),
    ],
)
def test_wrong_usage_is_told_with_the_remedy(arguments: list[str], message: str, repo: Path, call: Call) -> None:
    """On one line, with exit code 2."""
    said = call(repo, "simulate", *arguments)
    assert (said.code, message in said.err) == (2, True), said.err
