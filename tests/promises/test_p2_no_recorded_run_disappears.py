"""P2: after `kill -9` at any instant, or a power cut, no recorded run disappears."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from octojobs.store import store as store_module
from tests.store.world import batches, check_rows, copy_of, live, open_store, opened, run_of, seen

KILLS = 40

WRITER = """
import sys
from pathlib import Path
from octojobs.store import store as store_module
from tests.store.world import batches, open_store, seen

# Small bounds: a kill shall find the store in the middle of a snapshot too.
store_module.JOURNAL_MAX = 3000
store = open_store(Path(sys.argv[1]))
if not store.ledger.jobs:
    store.commit(seen())
while True:
    # Each batch is one record, so the number of the record says whose turn it is.
    number, step = divmod(store.seq - 1, 3)
    store.commit(batches(number)[step])
    sys.stdout.write(f"{store.seq}\\n")
    sys.stdout.flush()
"""


@contextmanager
def writer(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that lives through one run after the other, and names each batch that is durable."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_kill_at_any_instant_loses_no_acknowledged_batch_and_doubles_no_row(tmp_path: Path) -> None:
    """Forty writers are killed at random points; what each acknowledged is there, and each row of history exactly once."""
    root, chance = tmp_path / "state", random.Random(20261120)
    for _ in range(KILLS):
        with writer(root) as process:
            assert process.stdout is not None
            heard = [process.stdout.readline() for _ in range(chance.randrange(1, 40))]
            os.kill(process.pid, signal.SIGKILL)
            acknowledged = int([*heard, *process.stdout.read().splitlines()][-1])
        with opened(root) as store:
            assert store.notes == ()
            # The kill may have come between the sync of a batch and its acknowledgement.
            assert store.seq in (acknowledged, acknowledged + 1)
            ended, step = divmod(store.seq - 1, 3)
            assert set(store.ledger.runs) == ({run_of(ended)} if step else set())
        check_rows(root, ended)


def test_a_power_cut_takes_history_that_was_not_synced_and_the_journal_gives_it_back(tmp_path: Path) -> None:
    """The history's files are not synced at each batch: at every length that one may have, the rows come back once each."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(6))
    cut = copy_of(root, "cut")
    store.close()
    (day,) = (cut / "history").iterdir()
    whole = day.read_bytes()
    for length in (*range(0, len(whole), 97), len(whole) - 1, len(whole)):
        again = copy_of(cut, "again")
        (again / "history" / day.name).write_bytes(whole[:length])
        with opened(again) as recovered:
            assert recovered.notes == ()
        check_rows(again, 6)


def test_a_power_cut_may_leave_a_hole_in_history(tmp_path: Path) -> None:
    """Blocks reach the disk in any order: rows behind a hole are kept, those in it are made again, and nothing is doubled."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(6))
    cut = copy_of(root, "cut")
    store.close()
    (day,) = (cut / "history").iterdir()
    lines = day.read_bytes().splitlines(keepends=True)
    day.write_bytes(b"".join(lines[:2]) + bytes(40) + b"\n" + b"".join(lines[5:]))
    with opened(cut):
        pass
    kept = [line for line in day.read_bytes().splitlines(keepends=True) if not line.startswith(b"\0")]
    assert sorted(kept) == sorted(lines)


def test_the_journal_at_every_length_is_a_prefix_of_what_happened(tmp_path: Path) -> None:
    """A torn last line is normal: it was never acknowledged, and nobody is alarmed."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(3))
    cut = copy_of(root, "cut")
    store.close()
    whole = (cut / "journal.jsonl").read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    for length in sorted({*range(ends[0], len(whole), 211), *ends}):
        again = copy_of(cut, "again")
        (again / "journal.jsonl").write_bytes(whole[:length])
        with opened(again) as recovered:
            assert recovered.notes == ()
            assert recovered.seq == sum(end <= length for end in ends) - 1
            recovered.commit(batches(90)[0])
            assert run_of(90) in recovered.ledger.runs


@pytest.mark.parametrize("step", ["rename", "fsync", "link"])
def test_a_crash_between_any_two_steps_of_a_snapshot_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Whatever the folder holds before each sync, link or rename of a snapshot, it opens to the same state."""
    root = tmp_path / "state"
    store = open_store(root)
    store.commit(seen())
    live(store, range(4))
    store.close()
    store = open_store(root)
    live(store, range(4, 6))
    copies: list[Path] = []
    real = getattr(os, step)

    def photographed(*args: object, **named: object) -> object:
        copies.append(copy_of(root, f"at-{step}-{len(copies)}"))
        return real(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, step, photographed)
        patch.setattr(store_module, "JOURNAL_AT_REST", 0)
        store.rest()
    assert len(copies) >= 2
    for copy in copies:
        with opened(copy) as recovered:
            assert (recovered.ledger, recovered.seq, recovered.notes) == (store.ledger, store.seq, ())
        check_rows(copy, 6)
    store.close()
