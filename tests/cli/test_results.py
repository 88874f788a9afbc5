"""What a job wrote to OCTOJOBS_RESULT is shown by `why`, `inspect` and `runs --json`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import make_repository, octojobs

JOBS = """\
jobs:
  counts: {interval: 1h, command: 'printf "{\\"branches\\": 3}" > "$OCTOJOBS_RESULT"', on_success: {command: 'true'}}
  talks: {interval: 1h, command: 'printf "\\"%0500d\\"" 7 > "$OCTOJOBS_RESULT"'}
  errs: {interval: 1h, command: 'echo three > "$OCTOJOBS_RESULT"'}
  quiet: {interval: 1h, command: 'true'}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which each job has run once."""
    repo = make_repository(tmp_path_factory.mktemp("results"), {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "up", "--once").returncode == 0
    return repo


@pytest.fixture
def repo(ran: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process."""
    return at_home(ran)


def folder(repo: Path, run: str) -> Path:
    """Where the run's first attempt left what it left."""
    return repo / ".git/octojobs/runs" / run.partition("@")[0] / run / "1"


def test_why_tells_the_result(repo: Path, call: Call) -> None:
    """In a sentence of its own after the end."""
    lines = call(repo, "why", "counts").out.splitlines()
    assert 'Its result: {"branches": 3}.' in lines
    assert not any("result" in line for line in call(repo, "why", "quiet").out.splitlines())


def test_a_long_result_is_cut_and_said_to_be(repo: Path, call: Call) -> None:
    """200 characters on a line; `--json` has it whole."""
    line = next(line for line in call(repo, "why", "talks").out.splitlines() if "result" in line)
    assert line == f'Its result: "{"0" * 199} … (502 characters; `--json` has them all).'
    assert call(repo, "why", "talks", "--json").json["records"][0]["result"] == f"{'0' * 499}7"


def test_what_is_no_json_is_said(repo: Path, call: Call) -> None:
    """With the place of the file."""
    (record,) = call(repo, "why", "errs", "--json").json["records"]
    note = f"{folder(repo, record['id'])}/result.json is not shown: it is not JSON (character 1)"
    assert (record["result"], record["result_note"]) == (None, note)
    assert f"Its result: {note}." in call(repo, "why", "errs").out.splitlines()
    assert call(repo, "inspect", "errs", "--json").json["last_result_note"] == note


def test_a_run_may_be_asked_about_by_its_id(repo: Path, call: Call) -> None:
    """Shortened, too; with its follow-up commands, and not with a due instant."""
    (run,) = [view["id"] for view in call(repo, "runs", "counts", "--json").json["runs"] if "+" not in view["id"]]
    view = call(repo, "why", run[:-3], "--json").json
    assert [record["id"] for record in view["records"]] == [run, f"{run}+on_success"]
    assert view["records"][0]["result"] == {"branches": 3}
    said = call(repo, "why", run, "--at", "2026-11-20T02:00Z")
    assert (said.code, said.err) == (2, f"octojobs: {run} names its due instant itself; leave out --at, or ask about counts\n")
    unknown = call(repo, "why", "counts@1999")
    assert (unknown.code, unknown.err) == (2, "octojobs: counts has no such run; `octojobs runs counts` lists what there is\n")


def test_inspect_shows_the_result_of_the_last_run(repo: Path, call: Call) -> None:
    """Under `last run`."""
    view = call(repo, "inspect", "counts", "--json").json
    assert (view["last_result"], view["last_result_note"]) == ({"branches": 3}, "")
    assert any(line.split() == ["last", "result", '{"branches":', "3}"] for line in call(repo, "inspect", "counts").out.splitlines())


def test_runs_have_their_results_while_their_folders_are_there(repo: Path, call: Call) -> None:
    """What retention took is not missed."""
    views = {view["job"]: view for view in call(repo, "runs", "--json").json["runs"] if "+" not in view["id"]}
    assert {job: view["result"] for job, view in views.items()} == {
        "counts": {"branches": 3},
        "talks": f"{'0' * 499}7",
        "errs": None,
        "quiet": None,
    }
    shutil.rmtree(folder(repo, views["talks"]["id"]))
    (gone,) = call(repo, "runs", "talks", "--json").json["runs"]
    assert (gone["result"], gone["result_note"]) == (None, "")
