"""What is left of a run whose shim was killed is ended, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs.runners.remains import end_remains

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is found")
RUN = {"OCTOJOBS_RUN_ID": "nightly@20261120T020000Z", "OCTOJOBS_ATTEMPT": "1"}


@contextmanager
def process_of(run_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the run with this folder."""
    with subprocess.Popen(["sleep", "100"], env={**os.environ, **RUN, "OCTOJOBS_RUN_DIR": str(run_dir)}) as process:
        try:
            yield process
        finally:
            process.kill()


def test_what_is_left_of_a_run_is_ended_and_named(tmp_path: Path) -> None:
    """It is found by the environment that every process of a run inherits."""
    with process_of(tmp_path) as process:
        assert end_remains(tmp_path) == [f"pid {process.pid} (sleep 100)"]
        assert process.wait(10) == -signal.SIGKILL
    assert end_remains(tmp_path) == []


def test_a_run_of_the_same_name_in_another_repository_is_left_alone(tmp_path: Path) -> None:
    """Two repositories may have a job `nightly`, due at the same instant: their runs have the same id."""
    with process_of(tmp_path / "theirs") as process:
        assert end_remains(tmp_path / "ours") == []
        assert process.poll() is None
