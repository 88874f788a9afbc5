"""This repository's own jobs: what fails reaches a person, and a fresh checkout fails nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.helpers import ROOT, make_repository, octojobs, write

OWN = ROOT / ".octopoid/jobs.yaml"


@pytest.mark.parametrize("notifies", [True, False], ids=["desktop", "terminals"])
def test_a_failure_is_a_line_in_a_file_and_a_message(notifies: bool, tmp_path: Path) -> None:
    """On the desktop where there is one, else on the terminals; the job's failure stays what it was."""
    declared = yaml.safe_load(OWN.read_text(encoding="utf-8"))
    declared["jobs"] = {"bad": {"manual": True, "command": "exit 3"}}
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": yaml.safe_dump(declared), ".gitignore": "/FAILURES\n"})
    told = tmp_path / "told"
    notify = write(tmp_path / "bin/notify-send", f'#!/bin/sh\n{"true" if notifies else "exit 1"} && echo "$2" > {told}\n')
    wall = write(tmp_path / "bin/wall", f"#!/bin/sh\ncat > {told}\n")
    for program in (notify, wall):
        program.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "run-now", "bad", PATH=path).returncode == 1
    (line,) = (repo / "FAILURES").read_text(encoding="utf-8").splitlines()
    run = line.split()[-1]
    assert line.split(" ", 1)[1] == f"bad failed: octojobs logs {run}"
    assert told.read_text(encoding="utf-8") == (f"{line}\n" if notifies else f"octojobs: {line}\n")
    assert octojobs(repo, "logs", run).returncode == 0


def test_the_nightly_tests_are_skipped_where_nothing_is_installed_for_them(tmp_path: Path) -> None:
    """README's first command installs octojobs alone; the night is no failure then."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": OWN.read_text(encoding="utf-8")})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "run-now", "tests_nightly").returncode == 1
    text = octojobs(repo, "why", "tests_nightly").stdout
    assert "Condition file_exists(path: .venv/bin/pytest) did not hold: .venv/bin/pytest is not there.\n" in text
    assert "It was skipped: " in text
    assert not (repo / "FAILURES").exists()
