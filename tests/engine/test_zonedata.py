"""The newer of the system's and the package's time zone data is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tzdata import IANA_VERSION  # type: ignore[import-untyped]  # the package ships no types

from tests.helpers import write

PROGRAM = (
    "from octojobs.engine.zonedata import use_newest; import zoneinfo; d = use_newest(); print(d.system, d.used, len(zoneinfo.TZPATH))"
)


@pytest.mark.parametrize(
    ("release", "used", "folders"),
    [("1999a", IANA_VERSION, 0), ("2999z", "2999z", 1), (IANA_VERSION, IANA_VERSION, 1)],
    ids=["older system", "newer system", "equal"],
)
def test_the_newer_data_is_read(release: str, used: str, folders: int, tmp_path: Path) -> None:
    """An old system's rules give way to the package's; a newer system's are kept."""
    write(tmp_path / "tzdata.zi", f"# version {release}\n")
    environment = {"PYTHONTZPATH": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [release, used, str(folders)]


def test_without_any_data_of_the_system_the_package_s_is_read(tmp_path: Path) -> None:
    """A slim container has none."""
    environment = {"PYTHONTZPATH": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [IANA_VERSION, "0"]
