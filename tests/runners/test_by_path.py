"""Some of octojobs' own processes are started by the path of their file, by a Python that may not know the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT

BY_PATH = sorted(path.relative_to(ROOT) for path in (ROOT / "octojobs").rglob("*.py") if "# Run by path" in path.read_text("utf-8"))


@pytest.mark.parametrize("host", BY_PATH, ids=str)
def test_what_is_run_by_path_finds_the_package_that_it_lies_in(host: Path) -> None:
    """Before it imports anything of it: where octojobs came by `PYTHONPATH`, which jobs are not given, nothing else finds it."""
    done = subprocess.run([sys.executable, "-I", "-S", ROOT / host, "{}"], capture_output=True, text=True, check=False)
    assert "No module named 'octojobs" not in done.stderr
