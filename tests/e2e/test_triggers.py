"""A daemon that commits and tags trigger: the installed command line, real git, with and without file events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import commit_files, git, make_repository, octojobs, output_of, start_octojobs, wait_until

JOBS = """\
version: 1
jobs:
  test:
    on: {ref: refs/heads/main, paths: [src]}
    command: echo "$OCTOJOBS_TRIGGER $OCTOJOBS_REF $OCTOJOBS_BEFORE $OCTOJOBS_COMMIT"
  ship:
    on: {job: {test: succeeded}}
    command: echo "$OCTOJOBS_TRIGGER $OCTOJOBS_PARENT_RUN_ID $OCTOJOBS_COMMIT"
  release:
    on: {tag: "v*"}
    command: echo "$OCTOJOBS_REF"
"""


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    """An allowed repository in which a daemon runs and has looked once."""
    made = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS, "src/app.py": "1\n"})
    assert octojobs(made, "allow", "--yes").returncode == 0
    daemon = start_octojobs(made, "up")
    try:
        wait_until(lambda: has_looked(made), what="the first look")
        yield made
    finally:
        daemon.terminate()
        daemon.wait(30)
        assert "Traceback" not in output_of(made).read_text()


def has_looked(repo: Path) -> bool:
    """Whether the jobs are known, which is recorded together with what they have seen."""
    return json.loads(octojobs(repo, "inspect", "release", "--json").stdout)["seen"] is not None


def runs(repo: Path) -> list[dict[str, Any]]:
    """The runs that have ended, the oldest first."""
    listed = json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]
    return sorted((run for run in listed if run["outcome"] == "succeeded"), key=lambda run: str(run["ended_at"]))


def test_a_commit_and_a_tag_start_what_waits_for_them(repo: Path) -> None:
    """The run of the commit, the one of the job that follows it, and that of the tag."""
    before = git(repo, "rev-parse", "HEAD")
    after = commit_files(repo, {"src/app.py": "2\n"})
    wait_until(lambda: len(runs(repo)) == 2, what="both runs")
    test, ship = runs(repo)
    assert (test["cause"], test["trigger"]["before"], test["trigger"]["commit"]) == ("ref", before, after)
    assert octojobs(repo, "logs", test["id"]).stdout.endswith(f"ref refs/heads/main {before} {after}\n")
    assert octojobs(repo, "logs", ship["id"]).stdout.endswith(f"job {test['id']} {after}\n")
    assert octojobs(repo, "why", test["id"]).stdout.splitlines()[0] == (
        f"{test['id']} was triggered at {test['scheduled_at']}: refs/heads/main moved from {before[:12]} to {after[:12]}; "
        f"src/app.py changed, on commit {after[:12]}."
    )
    git(repo, "tag", "v1")
    wait_until(lambda: len(runs(repo)) == 3, what="the release")
    assert octojobs(repo, "logs", runs(repo)[-1]["id"]).stdout.endswith("refs/tags/v1\n")


def test_each_verb_knows_what_such_a_job_waits_for(repo: Path) -> None:
    """None of them takes it for one without a schedule."""
    assert octojobs(repo, "next").stdout.splitlines() == [
        "-\trelease\twaits for a new tag v*",
        "-\tship\twaits for a run of test that has succeeded",
        "-\ttest\twaits for refs/heads/main to move",
    ]
    assert "when refs/heads/main moves and src changed" in octojobs(repo, "list").stdout
    assert "Now: nothing is due; it waits for refs/heads/main to move." in octojobs(repo, "why", "test").stdout
    for verb in (["plan"], ["simulate"], ["status"], ["inspect", "test"], ["plan", "HEAD..HEAD"]):
        done = octojobs(repo, *verb)
        assert done.returncode == 0, (verb, done.stdout, done.stderr)
    for form in ("systemd", "launchd", "crontab"):
        done = octojobs(repo, "export", form)
        assert "Traceback" not in done.stderr, form
        assert "test" in done.stdout + done.stderr
