"""`init --with housekeeping`: the shipped jobs as a file that is valid and runs, and nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.actions.shipped import FILE, TEXTS
from octojobs.housekeeping import JOBS
from tests.cli.conftest import Call
from tests.helpers import home_of, make_repository, write

SHIPPED = sorted(TEXTS.keys() & JOBS.keys())


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without jobs, and a user without gh."""
    repo = make_repository(tmp_path, {"README": "x"})
    monkeypatch.setenv("XDG_STATE_HOME", str(home_of(repo)))
    return repo


def test_the_shipped_jobs_are_declared_valid_and_run(repo: Path, call: Call) -> None:
    """Beside the examples, in a file of their own."""
    said = call(repo, "init", "--with", "housekeeping", "--commit")
    assert f"wrote  {FILE}: {len(SHIPPED)} jobs that octojobs ships" in said.out.splitlines()
    assert call(repo, "validate").code == 0
    for name in ("check_expired_leases", "queue_health", "prune_history"):
        assert call(repo, "run-now", name).code == 0, name


def test_a_file_that_is_there_is_left_as_it_is(repo: Path, call: Call) -> None:
    """Whatever it says."""
    file = write(repo / FILE, "jobs: {}\n")
    assert f"kept  {FILE} is there already: left as it is" in call(repo, "init", "--with", "housekeeping").out
    assert file.read_text() == "jobs: {}\n"


def test_a_job_that_is_declared_elsewhere_is_left_out(repo: Path, call: Call) -> None:
    """Two of one name would be an error."""
    write(repo / ".octopoid/jobs.yaml", "jobs: {Queue_Health: {manual: true, command: 'true'}}\n")
    said = call(repo, "init", "--with", "housekeeping")
    assert f"wrote  {FILE}: {len(SHIPPED) - 1} jobs that octojobs ships" in said.out
    assert (call(repo, "validate").code, "queue_health" in (repo / FILE).read_text()) == (0, False)


def test_without_gh_the_jobs_that_need_it_are_disabled(repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the file says why."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    call(repo, "init", "--with", "housekeeping", "--no-hook")
    assert (repo / FILE).read_text().count("enabled: false  # gh was not there") == 2


def test_a_dry_run_writes_no_file(repo: Path, call: Call) -> None:
    """It says what it would write."""
    assert f"would write  {FILE}" in call(repo, "init", "--with", "housekeeping", "--dry-run").out
    assert not (repo / ".octopoid").exists()
