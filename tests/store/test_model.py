"""The store against a model that cannot fail: commits, crashes, snapshots, full disks, in any order."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from octojobs.core.events import Event
from octojobs.core.ledger import Ledger
from octojobs.errors import StorageFailed
from octojobs.store import store as store_module
from octojobs.store.history import Entry, row_to_dict
from octojobs.store.lines import seal, unseal
from octojobs.store.view import view
from tests.store.world import batches, open_store, rows, seen


class StoreMachine(RuleBasedStateMachine):
    """Whatever happens, the ledger is the fold over the durable events, and the history has their rows once each."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="octojobs-model-"))
        self.root = self.folder / "state"
        self.store = open_store(self.root)
        self.ledger = Ledger()
        self.entries: list[tuple[int, int, str]] = []
        self.step = 0

    @initialize()
    def begin(self) -> None:
        """Both jobs are seen."""
        self.commit(seen())

    def commit(self, events: list[Event]) -> None:
        """To the store and to the model."""
        self.store.commit(events)
        self.expect(events)

    def expect(self, events: list[Event]) -> None:
        """These events are durable."""
        made = [row for row in map(self.ledger.apply, events) if row is not None]
        self.entries += [(self.store.seq, n, str(row_to_dict(row)["id"])) for n, row in enumerate(made)]

    def next_batch(self) -> list[Event]:
        """What happens next in the lives of two runs at a time."""
        pair, place = divmod(self.step, 6)
        return batches(2 * pair + place % 2)[place // 2]

    @rule()
    def a_batch_is_committed(self) -> None:
        self.commit(self.next_batch())
        self.step += 1

    @rule(count=st.integers(1, 3))
    def batches_are_staged_and_flushed(self, count: int) -> None:
        staged: list[Event] = []
        for _ in range(count):
            staged += self.next_batch()
            self.store.stage(self.next_batch())
            self.step += 1
        self.store.flush()
        self.store.write_out()
        self.expect(staged)

    @rule(number=st.sampled_from([errno.ENOSPC, errno.EIO]), after=st.integers(0, 300), sync=st.booleans())
    def the_disk_refuses(self, number: int, after: int, sync: bool) -> None:
        """Some bytes are written, then no more; or all are, and the sync fails, and so does the new file."""

        def fails(descriptor: int, data: bytes = b"") -> int:
            nonlocal after
            if sync or after <= 0:
                raise OSError(number, os.strerror(number))
            written = real(descriptor, bytes(data)[:after])
            after -= written
            return written

        real = os.write
        with ExitStack() as broken:
            for call in ("fsync", "fdatasync") if sync else ("write",):
                broken.enter_context(patch.object(os, call, fails))
            try:
                self.store.commit(self.next_batch())
            except StorageFailed:
                assert self.store.failed
                return
        self.expect(self.next_batch())
        self.step += 1

    @rule()
    def the_state_is_written_out(self) -> None:
        with patch.object(store_module, "JOURNAL_AT_REST", 0):
            self.store.rest()

    @rule()
    def it_is_closed_and_opened(self) -> None:
        self.store.close()
        self.store = open_store(self.root)
        assert self.store.notes == ()

    @rule(torn=st.integers(0, 200), lost=st.integers(0, 3000))
    def the_power_fails(self, torn: int, lost: int) -> None:
        """A batch in hand is half written; of the history, what was not synced is half lost."""
        synced = sum(seq <= self.store._snapshot_seq for seq, _, _ in self.entries)
        self.store._journal.close()
        self.store._history.close()
        self.store._lock.release()
        with (self.root / "journal.jsonl").open("ab") as journal:
            journal.write(seal({"seq": self.store.seq + 1, "events": ["x" * 300]})[:torn])
        for day in (self.root / "history").iterdir():
            durable = sum(len(line) for line in day.read_bytes().splitlines(keepends=True)[:synced])
            os.truncate(day, max(durable, day.stat().st_size - lost))
        self.store = open_store(self.root)
        assert self.store.notes == ()

    @invariant()
    def the_ledger_is_the_fold_over_what_is_durable(self) -> None:
        assert self.store.ledger == self.ledger
        seen_by_others = view(self.store.paths)
        assert (seen_by_others.ledger, seen_by_others.notes) == (self.ledger, ())

    @invariant()
    def the_history_has_each_row_once(self) -> None:
        if not self.store.failed:
            assert [(row["seq"], row["n"], row["id"]) for row in rows(self.root)] == self.entries

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_row_s_line_carries_its_place() -> None:
    """What makes a row re-derivable: the batch, and which row of it."""
    ledger = Ledger()
    made = [row for events in [seen(), *batches(0)] for row in map(ledger.apply, events) if row is not None]
    line = Entry(4, 1, made[1]).line
    unsealed = unseal(line[:-1])
    assert unsealed is not None
    assert (unsealed["seq"], unsealed["n"], unsealed["id"]) == (4, 1, "nightly@20261120T100000Z")
