"""`pause`, `resume`, `cancel` where no daemon runs: the verb takes the repository for one pass, and starts nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import make_repository

JOBS = "jobs:\n  a: {interval: 1h, command: 'touch ran'}\n  b: {interval: 1h, command: 'true'}\n"


@pytest.fixture
def repo(tmp_path: Path, call: Call) -> Path:
    """A repository that is allowed."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    assert call(repo, "allow", "--yes").code == 0
    return repo


def test_a_pause_is_in_force_at_once_and_starts_nothing(repo: Path, call: Call) -> None:
    """`list`, `plan` and `status` show it; nothing ran."""
    said = call(repo, "pause", "a", "--for", "2h", "--reason", "moving house")
    assert re.fullmatch(r"a is paused until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", said.out)
    listed = call(repo, "list", "--json").json["jobs"][0]
    assert listed["paused"]["reason"] == "moving house"
    assert call(repo, "status", "--json").json["jobs"]["paused"][0] | {"since": ""} == {
        "job": "a",
        "since": "",
        "until": listed["paused"]["until"],
        "reason": "moving house",
    }
    assert not (repo / "ran").exists()


def test_everything_can_be_paused(repo: Path, call: Call) -> None:
    """`--all` is one pause, and one `resume --all` ends it."""
    assert call(repo, "pause", "--all").out == "everything is paused until `octojobs resume --all`\n"
    assert {decision["reason"] for decision in call(repo, "plan", "--json").json["decisions"]} == {"paused"}
    assert call(repo, "status", "--json").json["paused"]["until"] is None
    one = call(repo, "resume", "a")
    assert (one.code, one.err) == (1, "octojobs: a is not paused by itself: everything is; `octojobs resume --all` ends that\n")
    assert call(repo, "resume", "--all").out == "everything is resumed\n"
    assert call(repo, "status", "--json").json["paused"] is None


def test_a_pause_of_one_job_is_ended_by_its_name(repo: Path, call: Call) -> None:
    """And said to be."""
    call(repo, "pause", "a")
    assert call(repo, "resume", "a", "--dry-run").out == "a would be resumed\n"
    assert call(repo, "resume", "A").out == "a is resumed\n"
    again = call(repo, "resume", "a")
    assert (again.code, again.err) == (1, "octojobs: a is not paused; `octojobs status` shows what is\n")


def test_a_dry_run_leaves_no_request(repo: Path, call: Call) -> None:
    """Nothing is asked for."""
    assert call(repo, "pause", "a", "--dry-run").out == "a would be paused\n"
    assert call(repo, "list", "--json").json["jobs"][0]["paused"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["pause"], 2, "octojobs pause: name a job, or say --all\n`octojobs pause --help` shows how\n"),
        (["pause", "a", "--all"], 2, "octojobs pause: a or --all, not both\n`octojobs pause --help` shows how\n"),
        (["pause", "c"], 2, 'octojobs: there is no job "c"; `octojobs list` shows the jobs\n'),
        (
            ["pause", "a", "--for", "0"],
            2,
            "octojobs pause: invalid value for '--for': 0 is no time at all; write 1s or more\n`octojobs pause --help` shows how\n",
        ),
        (["resume", "--all"], 1, "octojobs: nothing is paused; `octojobs status` shows what is\n"),
        (["cancel", "a"], 1, "octojobs: no run of a is open; `octojobs runs a` shows how they ended\n"),
        (["cancel", "xyz"], 2, 'octojobs: there is no run "xyz"; `octojobs runs` lists them\n'),
        (["retry", "a"], 2, "octojobs: a has not run yet; `octojobs runs a` lists what there is\n"),
    ],
)
def test_what_can_t_be_done_is_said(arguments: list[str], code: int, message: str, repo: Path, call: Call) -> None:
    """What is wrong, and how to go on."""
    said = call(repo, *arguments)
    assert (said.code, said.err) == (code, message)


def test_without_trust_nothing_is_asked_for(tmp_path: Path, call: Call) -> None:
    """Exit 4, and no request stays behind for the next daemon."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    said = call(repo, "pause", "a")
    assert said.code == 4
    assert said.err == (
        f"octojobs: nobody has allowed {repo} to run jobs on this machine yet; "
        "read what it would run (`octojobs allow --dry-run`), then `octojobs allow`\n"
    )
    assert not (repo / ".git/octojobs").exists()
    assert call(repo, "run-now", "a").code == 4
    assert call(repo, "up", "--detach").code == 4
    assert not (repo / "ran").exists()
