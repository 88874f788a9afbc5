"""Every key that `--json` prints stands on the reference page of the verbs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from tests.helpers import make_repository

PAGE = Path(__file__).parents[2] / "docs/reference/verbs.md"
JOBS = {
    ".octopoid/jobs.yaml": "jobs: {a: {interval: 1h, command: 'true', conditions: [worktree_clean]}, b: {manual: true, command: 'true'}}\n"
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository on which nothing ever ran."""
    return make_repository(tmp_path_factory.mktemp("documented"), JOBS)


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["inspect", "a"], ["next"], ["next", "a"], ["plan"], ["simulate"], ["why", "a"], ["status"], ["validate"], ["doctor"]],
    ids=" ".join,
)
def test_each_key_is_on_the_page(arguments: list[str], repo: Path, call: Call) -> None:
    """The keys of the document, and of the objects in its lists."""
    view = call(repo, *arguments, "--json").json
    said = _documented(arguments[0])
    lists = [value for value in view.values() if isinstance(value, list)]
    inner = {key for one in lists for item in one if isinstance(item, dict) for key in item}
    assert set(view) | inner <= said | _documented("list"), "the page of the verbs lacks a key"


def test_no_verb_with_json_is_missing_on_the_page(repo: Path, call: Call) -> None:
    """The runs' keys are checked where there are runs."""
    assert {"id", "outcome", "phase", "attempts"} <= _documented("runs")
    assert call(repo, "runs", "--json").json == {"runs": []}


def _documented(verb: str) -> set[str]:
    section = PAGE.read_text(encoding="utf-8").partition("## What `--json` prints")[2].partition("\n## ")[0]
    found: Any = re.search(rf"^- \*\*{verb}\*\*: (.*?)(?=^- |^$)", section, re.MULTILINE | re.DOTALL)
    assert found is not None, verb
    return set(re.findall(r"`([a-z_]+)`", found[1]))
