"""The machine's time zone is found where systems keep its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.actions.local_zone import local_zone


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Berlin", "Europe/Berlin"),
        (":/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("Etc/UTC", "UTC"),
    ],
)
def test_tz_comes_first(tmp_path: Path, name: str, found: str) -> None:
    """In each of its forms that names a zone."""
    (tmp_path / "localtime").symlink_to("/usr/share/zoneinfo/America/New_York")
    assert local_zone({"TZ": name}, tmp_path) == found


@pytest.mark.parametrize("rule", ["", "CET-1CEST", "Nowhere/Atlantis"])
def test_then_the_link_that_the_system_keeps(tmp_path: Path, rule: str) -> None:
    """A POSIX rule has no name, and so is no answer; macOS links into /var/db/timezone."""
    (tmp_path / "localtime").symlink_to("/var/db/timezone/zoneinfo/America/New_York")
    assert local_zone({"TZ": rule}, tmp_path) == "America/New_York"


def test_then_the_file_that_debian_keeps(tmp_path: Path) -> None:
    """Where localtime is a copy."""
    (tmp_path / "localtime").write_bytes(b"TZif")
    (tmp_path / "timezone").write_text("Asia/Tokyo\n", encoding="utf-8")
    assert local_zone({}, tmp_path) == "Asia/Tokyo"


def test_and_utc_when_nobody_says(tmp_path: Path) -> None:
    """As in most containers."""
    assert local_zone({}, tmp_path) == "UTC"
