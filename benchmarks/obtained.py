"""How a peer comes to this machine: packages of PyPI in environments of their own, packages of Debian unpacked and not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


class Unmeasurable(Exception):
    """The peer could not be had, or did not finish."""


def environment(*requirements: str, pre: bool = False) -> Path:
    """A virtual environment with the packages, made at the first call; Unmeasurable when pip can't. With `pre` pre-releases, too."""
    name = requirements[0].partition(">")[0] + (" pre" if pre else "")
    place = _cache() / name
    if (place / "complete").exists():
        return place
    pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _call("pip", [sys.executable, "-m", "venv", "--clear", str(place)])
    _call("pip", [*pip, *(["--pre"] if pre else []), *requirements])
    (place / "complete").touch()
    return place


def unpacked(*packages: str) -> Path:
    """A folder with what these packages of Debian would put below `/`; Unmeasurable where apt-get can't fetch them."""
    place = _cache() / packages[0]
    if (place / "complete").exists():
        return place
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Unmeasurable(f"there is no {program}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    _call("apt-get", ["apt-get", "--quiet=2", "download", *packages], place)
    for archive in place.glob("*.deb"):
        _call("dpkg-deb", ["dpkg-deb", "--extract", archive.name, "."], place)
    (place / "complete").touch()
    return place


def _cache() -> Path:
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "octojobs-benchmarks"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _call(who: str, command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unmeasurable(f"{who} could not get it: {(done.stderr.strip().splitlines() or ['no word why'])[-1]}")
