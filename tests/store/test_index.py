"""Questions to the history: the index answers as the files would, whatever has become of it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.events import NotRun
from octojobs.core.run import Outcome
from octojobs.store import history, index
from octojobs.store.index import Found, latest, query
from octojobs.store.paths import StatePaths
from tests.store.world import NIGHTLY, SWEEP, T0, due, live, opened, rows, run_of, seen

ENDED = 12

APPEND = """
import sys
from pathlib import Path
from tests.store.world import live, open_store
store = open_store(Path(sys.argv[1]))
for number in range(12, 80):
    live(store, [number])
store.close()
"""


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """Twelve runs over two days, and as many instants of another job that did not run."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        live(store, range(ENDED))
        late = T0 + timedelta(days=1)
        store.commit([NotRun(NIGHTLY, late, Outcome.MISSED, "the machine was off", late, 5, late - timedelta(hours=4))])
    return StatePaths(tmp_path / "state")


def ids(found: list[Found]) -> list[str]:
    """The ids of the rows."""
    return [row["id"] for row in found]


def test_the_rows_recorded_last_come_first(paths: StatePaths) -> None:
    """As they were written, as many as are wanted."""
    everything = rows(paths.root)[::-1]
    assert query(paths) == everything[:20]
    assert query(paths, limit=3) == everything[:3]
    assert query(paths, limit=1000) == everything


@pytest.mark.parametrize("indexed", [True, False], ids=["by the index", "by the files"])
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"job": SWEEP, "limit": 2}, [run_of(11), run_of(10)]),
        ({"outcome": "failed"}, [run_of(9), run_of(6), run_of(3), run_of(0)]),
        ({"job": NIGHTLY, "outcome": "missed"}, ["nightly@20261121T100000Z"]),
        ({"since": due(10), "until": T0 + timedelta(days=1), "job": SWEEP}, [run_of(11), run_of(10)]),
        ({"scheduled_at": due(4)}, [run_of(4, NIGHTLY), run_of(4)]),
        # An instant among several that ended together.
        ({"scheduled_at": T0 + timedelta(hours=21)}, ["nightly@20261121T100000Z"]),
        ({"run": str(run_of(7))}, [run_of(7)]),
        ({"run": "sweep@20261120T1010"}, [run_of(10)]),
        ({"run": "s_eep"}, []),
        ({"job": "nobody"}, []),
        ({"job": "x' OR 1=1 --"}, []),
    ],
)
def test_rows_are_found_by_what_is_wanted(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, object], expected: list[str], indexed: bool
) -> None:
    """The index and the files give the same answer."""
    if not indexed:
        monkeypatch.setattr(index, "_ask", lambda *_: None)
    assert ids(query(paths, **wanted)) == expected  # type: ignore[arg-type]  # each case names parameters of query


@pytest.mark.parametrize("indexed", [True, False], ids=["by the index", "by the files"])
def test_the_latest_row_of_each_job_is_at_hand(paths: StatePaths, monkeypatch: pytest.MonkeyPatch, indexed: bool) -> None:
    """`list` and `status` show it for every job at once."""
    if not indexed:
        monkeypatch.setattr(index, "_ask", lambda *_: None)
    assert {job: row["id"] for job, row in latest(paths).items()} == {SWEEP: run_of(11), NIGHTLY: "nightly@20261121T100000Z"}


def test_where_there_is_no_history_nothing_is_found(tmp_path: Path) -> None:
    """Asking makes nothing."""
    paths = StatePaths(tmp_path / "state")
    assert (query(paths), latest(paths)) == ([], {})
    assert not paths.root.exists()


def remove(path: Path) -> None:
    """Somebody deleted the index."""
    path.unlink()


def garble(path: Path) -> None:
    """It is not even a database."""
    path.write_bytes(b"garbage" * 1000)


def truncate(path: Path) -> None:
    """Half of it is gone."""
    os.truncate(path, path.stat().st_size // 2)


def scribble(path: Path) -> None:
    """Pages in the middle are overwritten."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))


def other_version(path: Path) -> None:
    """Another octojobs made it."""
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA user_version = 99")
        made.execute("DROP TABLE rows")
    made.close()


@pytest.mark.parametrize("spoil", [remove, garble, truncate, scribble, other_version])
def test_a_spoilt_index_is_made_anew(paths: StatePaths, spoil: Callable[[Path], None]) -> None:
    """It is derived: nothing of it is worth keeping."""
    expected = query(paths)
    spoil(paths.index)
    assert query(paths) == expected
    assert paths.index.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(paths.index) as made:
        assert made.execute("SELECT count(*) FROM rows").fetchone() == (2 * ENDED + 1,)
    made.close()


def test_only_what_was_appended_is_read_again(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of an answer does not grow with the history."""
    query(paths)
    read: list[tuple[str, int]] = []
    real = history.rows_in

    def watched(path: Path, offset: int = 0) -> object:
        read.append((path.name, offset))
        return real(path, offset)

    monkeypatch.setattr(index, "rows_in", watched)
    query(paths)
    assert read == []
    size = (paths.history / "2026-11-20.jsonl").stat().st_size
    with opened(paths.root) as store:
        live(store, [ENDED])
    assert ids(query(paths, limit=1)) == [run_of(ENDED, NIGHTLY)]
    assert read == [("2026-11-20.jsonl", size)]


def test_rows_that_a_power_cut_took_and_others_that_came_are_noticed(paths: StatePaths) -> None:
    """The index was written, the history was not: the same place holds another row now."""
    query(paths)
    day = paths.history / "2026-11-20.jsonl"
    lines = day.read_bytes().splitlines(keepends=True)
    day.write_bytes(b"".join([*lines[:-4], lines[-1], *lines[-3:-1]]))
    assert query(paths, limit=100) == rows(paths.root)[::-1]


def test_a_day_that_was_pruned_is_forgotten(paths: StatePaths) -> None:
    """Retention removes whole days."""
    query(paths)
    (paths.history / "2026-11-20.jsonl").unlink()
    assert ids(query(paths)) == ["nightly@20261121T100000Z"]


def test_an_index_that_is_locked_is_done_without(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer comes from the files then."""
    expected = query(paths)
    with opened(paths.root) as store:
        live(store, [ENDED])
    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **named: real(path, **{**named, "timeout": 0}))
    blocker = real(paths.index, isolation_level=None)
    try:
        blocker.execute("BEGIN EXCLUSIVE")
        assert query(paths)[2:] == expected[:18]
    finally:
        blocker.close()


def test_readers_ask_while_the_daemon_appends(paths: StatePaths) -> None:
    """Every answer is a prefix of the history in the order of recording, without a gap or a double."""
    with subprocess.Popen([sys.executable, "-c", APPEND, str(paths.root)]) as daemon:
        counts = [0]
        while daemon.poll() is None:
            keys = [(row["seq"], row["n"]) for row in query(paths, limit=10_000)]
            assert keys == sorted(set(keys), reverse=True)
            assert len(keys) >= counts[-1]
            counts.append(len(keys))
    assert daemon.returncode == 0
    assert query(paths, limit=10_000) == rows(paths.root)[::-1]
    assert len(set(counts)) > 2
