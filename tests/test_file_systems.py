"""What a file lies on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from octojobs import file_systems
from tests.helpers import write

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
def test_the_file_system_of_a_path_is_that_of_its_innermost_mount(tmp_path: Path) -> None:
    """Also for a path that isn't there yet."""
    assert file_systems.filesystem_of("/proc/1") == "proc"
    assert file_systems.filesystem_of("/proc/1/no/such/thing") == "proc"
    assert file_systems.filesystem_of(tmp_path / "later") == file_systems.filesystem_of(tmp_path) != ""


@linux
def test_mounts_with_blanks_and_mounts_on_mounts_are_read_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel writes a blank as an octal number; the last mount on a place hides the earlier ones."""
    place = tmp_path / "my disk"
    (place / "repo").mkdir(parents=True)
    escaped = str(place).replace(" ", "\\040")
    lines = [
        "1 0 8:1 / / rw - ext4 /dev/a rw",
        f"2 1 8:2 / {escaped} rw shared:1 - xfs /dev/b rw",
        f"3 2 0:9 / {escaped} rw shared:1 - nfs4 host:/x rw",
        f"4 1 8:3 / {escaped}s rw - btrfs /dev/c rw",
    ]
    mounts = write(tmp_path / "mountinfo", "\n".join(lines))
    monkeypatch.setattr(file_systems, "MOUNTS", mounts)
    assert file_systems.filesystem_of(place / "repo") == "nfs4"
    assert file_systems.filesystem_of(tmp_path) == "ext4"


@pytest.mark.parametrize(
    ("name", "expected"), [("nfs4", True), ("tmpfs", True), ("fuse.sshfs", True), ("ext4", False), ("overlay", False), ("", False)]
)
def test_network_and_memory_file_systems_are_known(name: str, expected: bool) -> None:
    """There, durability can't be promised."""
    assert file_systems.is_network_or_memory(name) is expected
