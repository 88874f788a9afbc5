"""The state as others see it, while its owner writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from octojobs.core.ledger import Ledger
from octojobs.store.paths import StatePaths
from octojobs.store.view import View, damage, read_state, view
from tests.helpers import ROOT
from tests.store.world import batches, live, open_store, run_of, seen

WRITER = """
import sys
from pathlib import Path
from octojobs.store import store as store_module
from tests.store.world import live, open_store, seen
store_module.JOURNAL_MAX = 4000
store = open_store(Path(sys.argv[1]))
for number in range(150):
    live(store, [number])
store.close()
"""


def _stamps(folder: Path) -> dict[Path, tuple[int, ...]]:
    """What a write changes in each file: all but the time at which it was read, which the system may keep."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {path: (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for path, one in found.items()}


def test_the_state_is_read_without_the_lock(tmp_path: Path) -> None:
    """As of the last flush, and without a trace of having been read."""
    store = open_store(tmp_path / "state")
    store.commit(seen())
    store.commit(batches(0)[0])
    before = _stamps(tmp_path)
    assert read_state(store.paths) == store.ledger
    store.stage(batches(0)[1])
    assert read_state(store.paths).runs[run_of(0)].process is None
    assert _stamps(tmp_path) == before
    store.close()


def test_where_there_is_no_state_it_is_empty(tmp_path: Path) -> None:
    """And nothing is made."""
    paths = StatePaths(tmp_path / "state")
    assert view(paths) == View(Ledger(), 0)
    assert damage(paths) == ()
    assert not paths.root.exists()


def test_a_reader_sees_a_whole_state_at_every_instant(tmp_path: Path) -> None:
    """While the owner commits, writes snapshots and cuts the journal: no damage is ever seen, and nothing goes backwards."""
    store = open_store(tmp_path / "state")
    store.commit(seen())
    store.close()
    paths, last, looks = StatePaths(tmp_path / "state"), 0, 0
    with subprocess.Popen([sys.executable, "-c", WRITER, str(paths.root)], cwd=ROOT) as writer:
        while writer.poll() is None:
            found = view(paths)
            assert found.notes == ()
            assert found.seq >= last
            number, step = divmod(found.seq - 1, 3)
            assert set(found.ledger.runs) == ({run_of(number)} if step else set())
            last, looks = found.seq, looks + 1
    assert (writer.returncode, view(paths).seq) == (0, 451)
    assert looks > 10


def test_a_cut_between_two_reads_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader has the old snapshot in hand when the owner replaces it and the journal: it looks again."""
    store = open_store(tmp_path / "state")
    store.commit(seen())
    real, cuts = Path.read_bytes, [0]

    def cut_after(path: Path) -> bytes:
        data = real(path)
        if path.name == "state.json" and cuts[0] < 3:
            cuts[0] += 1
            live(store, [cuts[0]])
            store._snapshot()
        return data

    monkeypatch.setattr(Path, "read_bytes", cut_after)
    found = view(store.paths)
    monkeypatch.undo()
    assert cuts == [3]
    assert (found.ledger, found.seq, found.notes) == (store.ledger, store.seq, ())
    store.close()
