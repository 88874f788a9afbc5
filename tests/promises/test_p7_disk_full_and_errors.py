"""P7: disk full, I/O error, read-only: no corruption, the ledger unchanged, reported, and recovery by itself."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from octojobs.errors import StorageFailed
from octojobs.store import store as store_module
from octojobs.store.journal import scan
from octojobs.store.lock import holder
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from tests.helpers import make_repository, octojobs, output_of, start_octojobs, wait_until
from tests.store.world import batches, check_rows, clock, copy_of, live, open_store, opened, run_of, seen


@contextmanager
def mounted(mount: Path, size: str) -> Iterator[Path]:
    """A file system in memory of that size (`96k`)."""
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "octojobs-test", str(mount)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 KiB."""
    with mounted(tmp_path / "disk", "96k") as disk:
        yield disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB: some minutes of runs."""
    with mounted(tmp_path / "disk", "4m") as disk:
        yield disk


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """No file of this process grows beyond `limit` bytes: write(2) stops there, in the middle of a line, then fails with EFBIG."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failing(number: int, times: int) -> Callable[[int], None]:
    """A sync that fails `times` times with the error, then works."""
    left = [times]
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(number, os.strerror(number))
        real(descriptor)

    return sync


def test_a_full_disk_refuses_the_batch_and_takes_it_when_there_is_space_again(small_disk: Path) -> None:
    """Nothing is half written, nothing in memory runs ahead of the disk, and nobody has to restart anything."""
    root = small_disk / "state"
    store = open_store(root)
    store.commit(seen())
    filler = small_disk / "filler"
    filler.write_bytes(bytes(24_000))
    number, failure = 0, None
    while failure is None:
        try:
            live(store, [number])
            number += 1
        except StorageFailed as error:
            failure = error
    assert str(failure) == f"can't write {root}/journal.jsonl: No space left on device; free some space: octojobs goes on by itself then"
    assert store.failed
    acknowledged = store.seq
    assert scan((root / "journal.jsonl").read_bytes()).damage == ""
    crashed = shutil.copytree(root, small_disk.parent / "crashed")
    runs = dict(store.ledger.runs)
    filler.unlink()
    for batch in batches(number)[(store.seq - 1) % 3 :]:
        store.commit(batch)
    assert store.failed == ""
    assert acknowledged < store.seq
    store.close()
    check_rows(root, number + 1)
    with opened(crashed) as recovered:
        assert (recovered.seq, recovered.ledger.runs, recovered.notes) == (acknowledged, runs, ())


def test_who_begins_on_a_full_disk_says_who_it_is_as_soon_as_there_is_room(small_disk: Path) -> None:
    """`down` must be able to find it; where the lock was held before, its block is there already."""
    root = small_disk / "state"
    with opened(root) as store:
        store.commit(seen())
    filler = small_disk / "filler"
    for known in (True, False):
        if not known:
            os.truncate(root / "daemon.lock", 0)
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                continue
        with opened(root) as store:
            there = holder(store.paths)
            assert there is not None
            assert (there.pid == os.getpid()) == known
            filler.unlink()
            store.commit(batches(0)[0] if known else batches(1)[0])
            there = holder(store.paths)
            assert there is not None
            assert there.pid == os.getpid()


def test_what_is_staged_stays_staged_while_the_disk_is_full(tmp_path: Path) -> None:
    """The engine's way: the decision stands, and is written as soon as that is possible."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        store.stage(batches(0)[0])
        with file_size_limit(store.paths.journal.stat().st_size + 40):
            for _ in range(2):
                with pytest.raises(StorageFailed, match=r"journal\.jsonl: File too large; raise the limit on file sizes"):
                    store.flush()
            assert store.failed
        torn = copy_of(root, "torn")
        store.flush()
        assert (store.failed, run_of(0) in store.ledger.runs) == ("", True)
        before = store.ledger
    for folder, runs in ((root, before.runs), (torn, {})):
        with opened(folder) as store:
            assert (store.ledger.runs, store.notes) == (runs, ())


def test_no_space_in_the_middle_of_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    """A bad line with good ones behind it would be damage: the journal is cut back at once."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        size = store.paths.journal.stat().st_size
        for extra in (1, 40, 300):
            with file_size_limit(size + extra), pytest.raises(StorageFailed):
                store.commit(batches(0)[0])
            assert store.paths.journal.stat().st_size == size
            assert not store.ledger.runs
        live(store, range(2))
    check_rows(tmp_path / "state", 2)


def test_after_a_failed_sync_the_batch_goes_to_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel calls the pages clean after a failed fsync: nothing in that file is trusted again."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        before = store.paths.journal.stat().st_ino
        monkeypatch.setattr(os, "fdatasync", failing(errno.EIO, 1))
        store.commit(batches(0)[0])
        assert store.failed == ""
        assert store.paths.journal.stat().st_ino != before
        for batch in batches(0)[1:]:
            store.commit(batch)
    check_rows(root, 1)


def test_a_disk_that_fails_twice_holds_the_store_until_it_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second failure is reported; the ledger is as before; the batch is not on disk in secret."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        jobs, seq = dict(store.ledger.jobs), store.seq
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", failing(errno.EIO, 9))
            patch.setattr(os, "fsync", failing(errno.EIO, 9))
            with pytest.raises(StorageFailed):
                store.commit(batches(0)[0])
            with pytest.raises(StorageFailed) as failed:
                store.commit(batches(0)[0])
            assert (
                str(failed.value)
                == f"can't write {root}/journal.jsonl: Input/output error; see to the disk: octojobs tries again by itself"
            )
            assert store.failed == str(failed.value)
            crashed = copy_of(root, "crashed")
        assert (store.ledger.jobs, dict(store.ledger.runs), store.seq) == (jobs, {}, seq)
        live(store, range(2))
        assert store.failed == ""
    check_rows(root, 2)
    with opened(crashed) as recovered:
        assert (recovered.seq, recovered.ledger.runs, recovered.notes) == (seq, {}, ())


def test_a_snapshot_that_fails_takes_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch before it is durable; the failure is reported, and the snapshot made when the disk works again."""
    root = tmp_path / "state"
    monkeypatch.setattr(store_module, "JOURNAL_AT_REST", 0)
    with opened(root) as store:
        store.commit(seen())
        live(store, range(1))
        store.rest()
        live(store, [1])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(errno.ENOSPC, 99))
            store.rest()
            assert (
                store.failed == f"can't write {root}/state.json: No space left on device; free some space: octojobs goes on by itself then"
            )
            live(store, [2])
        store.rest()
        assert store.failed == ""
        assert len(scan(store.paths.journal.read_bytes()).records) == 1
        before = store.ledger
    with opened(root) as store:
        assert (store.ledger, store.notes) == (before, ())
    check_rows(root, 3)


def gives_out(works: list[int], real: Callable[[int], None]) -> Callable[[int], None]:
    """A sync that works so many times more, then never again."""

    def sync(descriptor: int) -> None:
        if not works[0]:
            raise OSError(errno.EIO, "Input/output error")
        works[0] -= 1
        real(descriptor)

    return sync


@pytest.mark.parametrize("works", range(7))
def test_a_snapshot_may_fail_at_any_of_its_syncs(tmp_path: Path, works: int) -> None:
    """Whichever step fails for good, what is committed afterwards is found by the next open."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(2))
    left = [works]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", gives_out(left, os.fsync))
        patch.setattr(os, "fdatasync", gives_out(left, os.fdatasync))
        store._snapshot()
        assert bool(store.failed) == (works < 6)
    live(store, range(2, 4))
    crashed = copy_of(root, "crashed")
    with opened(crashed) as recovered:
        assert (recovered.ledger, recovered.seq, recovered.notes) == (store.ledger, store.seq, ())
    check_rows(crashed, 4)
    store.close()
    check_rows(root, 4)


def test_a_file_of_history_whose_sync_failed_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second sync of the same file would succeed without having written anything; the journal is not cut before it is safe."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        live(store, range(2))
        (day,) = store.paths.history.iterdir()
        before = day.stat().st_ino
        with monkeypatch.context() as patch:
            patch.setattr(store_module, "JOURNAL_AT_REST", 0)
            patch.setattr(os, "fdatasync", failing(errno.EIO, 1))
            store.rest()
        assert (store.failed, day.stat().st_ino != before) == ("", True)
    check_rows(root, 2)


def test_history_that_can_not_be_written_is_written_later(tmp_path: Path) -> None:
    """The batch is durable in the journal, its rows wait; they are there once each when the disk has space."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        live(store, range(3))
        (day,) = store.paths.history.iterdir()
        store._history.close()
        day.rename(root / "away")
        day.mkdir()
        live(store, [3])
        assert store.failed == f"can't write {root}/history: Is a directory; see to the disk: octojobs tries again by itself"
        day.rmdir()
        (root / "away").rename(day)
        live(store, [4])
        assert store.failed == ""
    check_rows(root, 5)


def test_a_folder_that_can_not_be_written_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run that could not be recorded."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
    remount = ["mount", "-o", "remount,bind,ro", str(root)]
    if subprocess.run(["mount", "--bind", str(root), str(root)], capture_output=True, check=False).returncode:
        pytest.skip("a read-only mount needs root")
    try:
        subprocess.run(remount, check=True)
        with pytest.raises(StorageFailed) as refused:
            Store.open(StatePaths(root), clock)
    finally:
        subprocess.run(["umount", str(root)], check=True)
    assert str(refused.value) == (
        f"can't open {root}: Read-only file system; make the file system writable, or move the state with --state-dir"
    )
    with opened(root) as store:
        live(store, [0])


def test_a_daemon_on_a_full_disk_says_so_and_goes_on_when_there_is_room(tmp_path: Path, disk: Path) -> None:
    """`status` is exit 1 and names the disk, `doctor` and the log too; a run that ended meanwhile is recorded with its end."""
    beats = ", ".join(f"beat{number}: {{interval: 1s, command: 'true'}}" for number in range(8))
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": f"jobs: {{{beats}}}\n"})
    octojobs(repo, "allow", "--yes")
    daemon = start_octojobs(repo, "up", "--state-dir", str(disk), "--allow-network-fs")

    def log() -> str:
        return output_of(repo).read_text()

    filler = disk / "filler"
    try:
        wait_until(lambda: " succeeded\n" in log(), 60, "a first run")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(512)):
                continue
        wait_until(lambda: "no new starts" in log(), 60, "the daemon to notice")
        said = octojobs(repo, "status")
        assert said.returncode == 1
        assert "No space left on device; free some space: octojobs goes on by itself then\n" in said.stdout
        examined = octojobs(repo, "doctor")
        assert examined.returncode == 1
        assert f"for {disk}: nothing starts, and no end is recorded; make room there" in examined.stdout
        filler.unlink()
        wait_until(lambda: " succeeded\n" in log().partition("the state can be written again\n")[2], 60, "runs to go on")
        wait_until(lambda: octojobs(repo, "status").returncode == 0, 60, "nothing to be wrong any more")
    finally:
        octojobs(repo, "down")
        assert daemon.wait(60) == 0
    assert "error no new starts for now: can't" in log()


def test_a_full_disk_is_a_problem_also_while_nothing_has_failed_yet(tmp_path: Path, small_disk: Path) -> None:
    """Without a daemon, or before it has to write: the ends of runs can't be recorded."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {beat: {interval: 1h, command: 'true'}}\n"})
    octojobs(repo, "allow", "--yes")
    before = octojobs(repo, "status", "--state-dir", str(small_disk))
    (small_disk / "filler").write_bytes(bytes(90_000))
    said = octojobs(repo, "status", "--state-dir", str(small_disk))
    assert (before.returncode, said.returncode) == (0, 1)
    assert "the disk of the state is full (0.0 MB" in said.stdout
    assert "are free): nothing starts, and no end is recorded; make room there: it goes on by itself then\n" in said.stdout
