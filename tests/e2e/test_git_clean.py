"""What octojobs keeps is out of reach of `git clean -fdx`, which would unlink held locks and the files of running jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from octojobs.store.paths import StatePaths
from octojobs.store.view import read_state
from tests.helpers import git, make_repository, octojobs, start_octojobs, wait_until

SLOW = """\
jobs:
  slow:
    manual: true
    command: 'echo begun; while [ ! -e "$OCTOJOBS_RUN_DIR/release" ]; do sleep 0.02; done; echo over; exit 7'
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A repository with a daemon and files that git ignores or does not know."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": SLOW, ".gitignore": "*.o\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    daemon = start_octojobs(repo, "up")
    wait_until(StatePaths(repo / ".git/octojobs").heartbeat.exists, 15, "a daemon")
    yield repo
    octojobs(repo, "down", "--kill")
    daemon.wait(10)


def test_a_clean_in_the_middle_of_a_run_harms_nothing(served: Path) -> None:
    """The run ends with its exit code and its whole output, the lock still keeps a second daemon out, the record is whole."""
    paths = StatePaths(served / ".git/octojobs")
    assert octojobs(served, "run-now", "slow").returncode == 0
    wait_until(lambda: any(log.read_bytes() == b"begun\n" for log in paths.runs.glob("slow/*/1/output.log")), 15, "the job to have begun")
    (served / "junk.o").touch()

    git(served, "clean", "-ffdx", "--quiet")
    assert not (served / "junk.o").exists()

    assert octojobs(served, "up").returncode == 3
    (folder,) = paths.runs.glob("slow/*/1")
    (folder / "release").touch()
    wait_until(lambda: not read_state(paths).runs, 15, "the run to end")
    (run,) = json.loads(octojobs(served, "runs", "--json").stdout)["runs"]
    assert (run["outcome"], run["exit_code"], run["attempt"]) == ("failed", 7, 1)
    assert octojobs(served, "logs", "slow").stdout == "begun\nover\n"
