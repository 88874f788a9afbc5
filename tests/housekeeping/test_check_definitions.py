"""The shipped job that checks the definitions in the working tree."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from octojobs.housekeeping.definitions import Broken, check_definitions
from tests.helpers import make_repository, write
from tests.housekeeping.context import context

JOBS = "jobs:\n  nightly: {schedule: '0 2 * * *', command: make nightly}\n  hand: {manual: true, command: make}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two jobs."""
    return make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})


def test_definitions_that_are_fine_are_counted(repo: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the result, and in the job's output."""
    caplog.set_level(logging.INFO)
    assert check_definitions(context(repo)) == {"jobs": 2, "warnings": []}
    assert caplog.messages == ["2 jobs, all valid"]


def test_what_is_broken_in_the_working_tree_is_told_before_somebody_commits_it(repo: Path) -> None:
    """All of it, each with its place."""
    write(repo / ".octopoid/jobs.yaml", JOBS + "  broken: {schedule: '61 * * * *', comand: make}\n")
    with pytest.raises(Broken) as broken:
        check_definitions(context(repo))
    place = ".octopoid/jobs.yaml:4"
    assert [line.partition(": ")[0] for line in str(broken.value).splitlines()] == ["", f"{place}:23", f"{place}:36"]


def test_a_repository_without_definitions_is_broken_too(repo: Path) -> None:
    """A file that was removed is no file that says nothing."""
    (repo / ".octopoid/jobs.yaml").unlink()
    with pytest.raises(Broken, match="there is no such file"):
        check_definitions(context(repo))
