"""P2, the power cut: of what was written only what was synced is left, and that is enough."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from octojobs.store import store as store_module
from octojobs.store.store import Store
from tests.store.world import batches, check_rows, copy_of, live, open_store, opened, seen

Image = dict[str, bytes]


class Disk:
    """What a power cut would leave of a folder: contents as of their last sync, under the names of their folder's last sync.

    `early` means that names reach the disk at once, before what they name: a file system may do either.
    """

    def __init__(self, root: Path, early: bool) -> None:
        self.root = root
        self.early = early
        self.contents: dict[int, bytes] = {}
        self.names: dict[Path, dict[str, int]] = {}

    def syncing(self, real: Callable[[int], None]) -> Callable[[int], None]:
        """The sync that the disk notices."""

        def sync(descriptor: int) -> None:
            real(descriptor)
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                self.names[path] = self.now(path)
            else:
                self.contents[os.fstat(descriptor).st_ino] = path.read_bytes()

        return sync

    @staticmethod
    def now(folder: Path) -> dict[str, int]:
        """The names in the folder and the inodes that they stand for."""
        return {entry.name: entry.inode() for entry in os.scandir(folder)}

    def image(self) -> Image:
        """The files that are left, by their path below the root."""
        found: Image = {}
        for folder in (self.root, self.root / "history"):
            names = self.now(folder) if self.early else self.names.get(folder, {})
            for name, inode in names.items():
                if name not in ("history", "requests", "runs", "daemon.lock"):
                    found[str((folder / name).relative_to(self.root))] = self.contents.get(inode, b"")
        return found


def build(image: Image, root: Path) -> Path:
    """The folder with these files."""
    for name, data in image.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.mark.parametrize("early", [False, True], ids=["names late", "names early"])
def test_after_a_power_cut_at_any_sync_everything_acknowledged_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """Through commits, snapshots, a close and another open: no image of the disk lacks an acknowledged batch, or doubles a row."""
    root = tmp_path / "state"
    disk = Disk(root, early)
    images: list[tuple[int, Image]] = []
    acknowledged = [0]

    def noticed(real: Callable[[int], None]) -> Callable[[int], None]:
        sync = disk.syncing(real)

        def noticing(descriptor: int) -> None:
            before = disk.image()
            sync(descriptor)
            images.extend((acknowledged[0], image) for image in (before, disk.image()))

        return noticing

    def lives(store: Store, number: int) -> None:
        for batch in batches(number):
            store.commit(batch)
            acknowledged[0] = store.seq
            images.append((store.seq, disk.image()))

    with monkeypatch.context() as patch:
        store = open_store(root)
        store.commit(seen())
        store.close()
        patch.setattr(os, "fsync", noticed(os.fsync))
        patch.setattr(os, "fdatasync", noticed(os.fdatasync))
        patch.setattr(store_module, "JOURNAL_AT_REST", 0)
        for path in [*root.glob("*.json*"), *root.glob("history/*")]:
            disk.contents[path.stat().st_ino] = path.read_bytes()
        disk.names = {root: disk.now(root), root / "history": disk.now(root / "history")}
        acknowledged[0] = 1
        store = open_store(root)
        for number in range(3):
            lives(store, number)
            store.rest()
        lives(store, 3)
        store.close()
        store = open_store(root)
        lives(store, 4)
        store.close()
    for number, (least, image) in enumerate(images):
        with opened(build(image, tmp_path / f"image-{number}")) as recovered:
            assert recovered.seq in (least, least + 1), image.keys()
            assert recovered.notes == ()
            ended = (recovered.seq - 1) // 3
        check_rows(tmp_path / f"image-{number}", ended)
    assert len(images) > 60


def test_what_a_killed_writer_left_unsynced_is_synced_before_it_is_built_upon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill leaves lines in the page cache only: the next owner reads them, so it puts them on the disk first."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(2))
    killed = copy_of(root, "killed")
    store.close()
    disk = Disk(killed, early=False)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", disk.syncing(os.fsync))
        patch.setattr(os, "fdatasync", disk.syncing(os.fdatasync))
        recovered = open_store(killed)
        assert disk.contents[recovered.paths.journal.stat().st_ino] == recovered.paths.journal.read_bytes()
        assert killed in disk.names
        # The history is synced by the snapshot, before the journal is cut: this process has written no row of it.
        patch.setattr(store_module, "JOURNAL_AT_REST", 0)
        recovered.rest()
        (day,) = recovered.paths.history.iterdir()
        assert disk.contents[day.stat().st_ino] == day.read_bytes()
        recovered.close()
