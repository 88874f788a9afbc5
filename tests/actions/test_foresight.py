"""`plan` and `why` say what a tick then does, and change nothing themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.actions.foresight import plan_view
from octojobs.actions.reasons import explain
from octojobs.actions.workspace import Workspace
from octojobs.core.codec import format_instant
from octojobs.core.identity import JobId
from octojobs.views.values import View
from tests.fakes import FakeClock
from tests.helpers import environment, home_of, make_repository, octojobs, wait_until

JOBS = """\
jobs:
  runs: {interval: 1d, command: "true"}
  skips: {interval: 1d, command: "true", conditions: [{file_exists: gone}], when_blocked: skip}
  waits: {interval: 1d, command: "true", conditions: [{file_exists: gone}]}
  paused: {interval: 1d, command: "true"}
  later: {schedule: "0 0 1 1 *", command: "true"}
  slow: {manual: true, command: "exec sleep 60"}
"""


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository that is allowed, with one job paused."""
    repo = make_repository(tmp_path_factory.mktemp("foreseen"), {".octopoid/jobs.yaml": JOBS})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(home_of(repo)).items():
            patch.setenv(name, value)
        assert octojobs(repo, "allow", "--yes").returncode == 0
        assert octojobs(repo, "pause", "paused").returncode == 0
        yield repo


def _decisions(repo: Path) -> dict[str, View]:
    return {decision["job"]: decision for decision in plan_view(Workspace.open(repo))["decisions"]}


def test_the_plan_is_what_the_next_tick_does(repo: Path) -> None:
    """Each decision of the view, and then the outcome of the tick; planning twice before it changes nothing."""
    before = (repo / ".git/octojobs/journal.jsonl").read_bytes()
    foreseen = _decisions(repo)
    assert {job: decision["action"] for job, decision in foreseen.items()} == {
        "runs": "start",
        "skips": "skip",
        "waits": "wait",
        "paused": "skip",
    }
    assert _decisions(repo).keys() == foreseen.keys()
    assert (repo / ".git/octojobs/journal.jsonl").read_bytes() == before
    ticked = octojobs(repo, "tick")
    assert ticked.returncode == 0, ticked.stderr
    outcomes = {line.partition("@")[0]: line.split(" ")[1].rstrip(":") for line in ticked.stdout.splitlines()}
    assert outcomes == {"runs": "succeeded", "skips": "skipped", "paused": "skipped"}
    assert foreseen["paused"]["reason"] == "paused"
    assert foreseen["skips"]["reason"].startswith("file_exists(path: gone): ")


def test_a_run_that_waits_for_its_guards_is_planned_to_wait(repo: Path) -> None:
    """After the tick it is open: `plan` says what for, `why` when it is looked at again."""
    assert _decisions(repo)["waits"]["action"] == "wait"
    text = explain(Workspace.open(repo), "waits")["text"]
    assert text[1].startswith("Condition file_exists(path: gone) did not hold: ")
    assert text[2].startswith("It waits for its conditions, looked at again at ")
    assert text[3].startswith("Now: waits@")


def test_why_speaks_of_what_is_to_come_and_of_what_nobody_decided(repo: Path) -> None:
    """An instant in the future, one before first sight, and a job that was never due."""
    workspace = Workspace.open(repo)
    year = workspace.clock.now().year
    first = workspace.clock.now().replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    coming, past = first.replace(year=year + 1), first.replace(year=year - 1)
    assert explain(workspace, "later", coming)["text"][0] == f"later falls due at {year + 1}-01-01T00:00:00Z: that is still to come."
    assert explain(workspace, "later", past)["text"][0] == (
        f"Nothing is recorded of later at {year - 1}-01-01T00:00:00Z: it was before the job was first seen, or the record was pruned."
    )
    assert explain(workspace, "slow")["text"][0] == (
        "Nothing is recorded of slow yet: it was never due while a daemon or `octojobs tick` looked."
    )


def test_why_counts_the_instants_that_would_be_missed(repo: Path) -> None:
    """The machine was off for twenty days: one sentence says how many, and from when to when."""
    assert octojobs(repo, "tick").returncode == 0
    workspace = Workspace.open(repo)
    anchor = workspace.ledger().jobs[JobId("runs")].cursor
    later = explain(replace(workspace, clock=FakeClock(anchor + timedelta(days=20, hours=1))), "runs")["text"]
    second, newest, last = (format_instant(anchor + timedelta(days=days)) for days in (1, 20, 19))
    assert f"Now: 19 instants from {second} to {last} would be missed: coalesced into {newest}." in later


def test_a_run_whose_daemon_is_gone_is_planned_to_go_on(repo: Path) -> None:
    """It carries on by itself, and `status` says so until somebody records its end."""
    up = octojobs(repo, "up", "--detach")
    assert up.returncode == 0, up.stderr
    assert octojobs(repo, "run-now", "slow").returncode == 0
    wait_until(lambda: _decisions(repo)["slow"]["action"] == "go_on")
    assert octojobs(repo, "down").stdout.endswith("; 1 run carried on\n")
    decision: dict[str, Any] = _decisions(repo)["slow"]
    assert decision["reason"].startswith("running since ")
    assert octojobs(repo, "cancel", "slow").returncode == 0
    wait_until(lambda: "it has ended; the next `octojobs up` or `tick` records how" in octojobs(repo, "status").stdout)
    assert octojobs(repo, "tick").returncode in (0, 1)
    assert "slow" not in _decisions(repo)
