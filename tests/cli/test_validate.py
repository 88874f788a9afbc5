"""`octojobs validate`: the same check as the hook's, by the verb."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import make_repository, write

BAD = 'jobs:\n  nightly: {schedule: "61 * * * *", command: make}\n'
WHAT = 'job "nightly": schedule: minute 61 is outside 0-59'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository whose working tree has one error."""
    repository = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {}\n"})
    write(repository / ".octopoid/jobs.yaml", BAD)
    return repository


def test_text_is_a_line_for_each_problem(repo: Path, call: Call) -> None:
    """File, line, column, what, and what is allowed; exit code 2."""
    said = call(repo, "validate")
    assert (said.code, said.out) == (2, f".octopoid/jobs.yaml:2:24: {WHAT}; use 0-59, */n or a list\n")


def test_github_is_a_workflow_command(repo: Path, call: Call) -> None:
    """The format is spelled as people write it, in lower case."""
    said = call(repo, "validate", "--format", "github")
    assert said.code == 2
    assert said.out.startswith("::error file=.octopoid/jobs.yaml,line=2,col=24")
    assert WHAT in said.out


def test_sarif_names_the_place(repo: Path, call: Call) -> None:
    """One result, at its line and column."""
    said = call(repo, "validate", "--format", "sarif")
    [result] = said.json["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (said.code, region["startLine"], region["startColumn"]) == (2, 2, 24)


def test_json_is_one_document_either_way(repo: Path, call: Call) -> None:
    """`--json`, which every reading verb has, and `--format json` are the same."""
    short, long = call(repo, "validate", "--json"), call(repo, "validate", "--format", "json")
    assert (short.code, short.out) == (long.code, long.out) == (2, short.out)
    assert [problem["what"] for problem in json.loads(short.out)["problems"]] == [WHAT]


def test_another_format_is_refused_with_those_that_are_there(repo: Path, call: Call) -> None:
    """The allowed values are written as they must be written."""
    said = call(repo, "validate", "--format", "xml")
    assert said.code == 2
    assert said.err.splitlines()[0].endswith("'xml' is not one of 'text', 'json', 'github', 'sarif'")


def test_the_folder_of_definitions_means_its_repository(repo: Path, call: Call) -> None:
    """What a script has at hand: the folder itself, one below it, or a file."""
    (repo / ".octopoid/jobs").mkdir()
    expected = call(repo, "validate")
    for name in (".octopoid", ".octopoid/", ".octopoid/jobs", ".octopoid/jobs.yaml", "."):
        assert call(repo, "validate", name) == expected
    assert call(repo / ".octopoid", "validate", ".").out.startswith("../.octopoid/jobs.yaml:2:24:")
