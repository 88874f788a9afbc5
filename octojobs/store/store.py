"""The store: the one writer of the state.

It keeps the promises P2 (no recorded run disappears), P6, P7 and P8 of `runs.md`.
Events are *staged* (checked, then applied to the ledger in memory) and *flushed* (one journal record, one sync) by the
engine's thread, which owns the store. An event that the state machine refuses is refused before anything is written.
A flush that fails leaves the events staged; nothing is written to history, or into a snapshot, that is not in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from octojobs import file_systems
from octojobs.core.events import Event
from octojobs.core.ledger import Ledger, Row
from octojobs.core.run import Run
from octojobs.errors import StorageFailed, UsageError
from octojobs.store import recovery, snapshot
from octojobs.store.access import storage_failed
from octojobs.store.atomic import keep_file, remove_debris, replace_file, sync_folder
from octojobs.store.history import Entry, History
from octojobs.store.journal import Journal
from octojobs.store.lock import DaemonLock
from octojobs.store.paths import StatePaths, make_folders
from octojobs.store.recovery import Loaded

JOURNAL_MAX = 1 << 20
"""Bytes of journal that are read in some 20 ms; a snapshot is due beyond it, and beyond twice the last snapshot's size."""

JOURNAL_AT_REST = 1 << 16
"""Bytes of journal that are worth a snapshot when there is nothing else to do; and a quarter of the last snapshot's size."""


class Store:
    """The open state. `ledger` is the state in memory, `notes` what recovery had to do, in words; empty when nothing."""

    def __init__(self, paths: StatePaths, lock: DaemonLock, clock: Callable[[], datetime], loaded: Loaded) -> None:
        """Use `Store.open`. Raises OSError."""
        self.paths = paths
        self.ledger: Ledger = loaded.ledger
        self.notes: tuple[str, ...] = loaded.notes
        self._lock = lock
        self._clock = clock
        self._staged: list[Event] = []
        self._rows: list[Row] = []
        self._failures: dict[str, str] = {}
        self._history = History(paths.history)
        self._history.restore(loaded.base, loaded.entries)
        self._snapshot_seq = loaded.base
        self._snapshot_size = 0
        self._snapshot_at = JOURNAL_MAX
        if loaded.is_new or loaded.notes:
            self._journal = self._begin(loaded)
        else:
            self._journal = Journal(paths.journal, loaded.journal_end, loaded.seq)
            # Who renamed the snapshot into place may have been killed before the name was durable.
            sync_folder(paths.root)
            self._took_snapshot(loaded.base, paths.state.stat().st_size)

    @classmethod
    def open(cls, paths: StatePaths, clock: Callable[[], datetime], *, role: str = "up", allow_network_fs: bool = False) -> Store:
        """Take the repository and read its state, or begin one.

        `clock` gives aware UTC, for the journal's `ts`. Raises RepositoryBusy, StateDamaged, NewerFormat, StorageFailed,
        and UsageError on a file system on which P2 can't be kept unless `allow_network_fs`.
        """
        filesystem = file_systems.filesystem_of(paths.root)
        if file_systems.is_network_or_memory(filesystem) and not allow_network_fs:
            raise UsageError(
                f"the state in {paths.root} would lie on {filesystem}, where a power cut or a lost connection takes records back",
                "choose a local folder with --state-dir, or accept that with --allow-network-fs",
            )
        try:
            if make_folders(paths):
                sync_folder(paths.root.parent)
            lock = DaemonLock(paths, clock(), role)
        except OSError as error:
            raise storage_failed("open", paths.root, error) from None
        try:
            for folder in (paths.root, paths.history):
                remove_debris(folder)
            remove_debris(paths.requests, shared=True)
            return cls(paths, lock, clock, recovery.load(paths))
        except OSError as error:
            lock.release()
            raise storage_failed("open", paths.root, error) from None
        except BaseException:
            lock.release()
            raise

    @property
    def seq(self) -> int:
        """The number of the last durable batch."""
        return self._journal.seq

    @property
    def failed(self) -> str:
        """Why the last write failed, in words; empty while all is well. New starts are held meanwhile (P7)."""
        return next(iter(self._failures.values()), "")

    def unwritten(self) -> tuple[Run, ...]:
        """The runs that have ended and whose row may not be in a file of the history yet."""
        return tuple(row.run for row in (*self._rows, *self._history.pending) if row.run is not None)

    def stage(self, events: Sequence[Event]) -> list[Row]:
        """Apply the events to the ledger, to be written by the next flush; returns the rows of history that they make.

        Raises IllegalTransition, nothing being changed then.
        """
        rows = self.ledger.fold(events)
        self._staged += events
        self._rows += rows
        return rows

    def flush(self) -> None:
        """Make what is staged durable, in one record and one sync; nothing staged costs nothing. `write_out` is called soon.

        Raises StorageFailed; everything stays staged then, and the next flush tries again.
        """
        if not self._staged:
            return
        self._record(self._staged)
        rows, self._staged, self._rows = self._rows, [], []
        self._keep(rows)

    def commit(self, events: Sequence[Event]) -> list[Row]:
        """Write the events, then apply them: the other order, for a caller who acts on nothing that is not durable.

        Returns the rows of history that they make. Raises IllegalTransition and StorageFailed; the ledger is unchanged
        then. What was staged is flushed first.
        """
        self.ledger.check(events)
        self.flush()
        if not events:
            return []
        self._record(events)
        rows = self.ledger.fold(events)
        self._keep(rows)
        self.write_out()
        return rows

    def write_out(self) -> None:
        """What follows once a batch is durable, and may wait for what is urgent: its rows of history, and a snapshot when one is due.

        Never raises for a failing disk: `failed` says so, nothing is taken back, and the next call tries again.
        """
        try:
            self._history.write()
            self._failures.pop(self.paths.history.name, None)
        except OSError as error:
            self._fail(self.paths.history, error)
        if self._journal.size > self._snapshot_at:
            self._snapshot()

    def rest(self) -> None:
        """There is nothing else to do: cut a journal that has grown, and try again what has failed.

        Never raises for a failing disk: `failed` says so.
        """
        with suppress(StorageFailed):
            self.flush()
            self.write_out()
            if self.failed or self._journal.size > max(JOURNAL_AT_REST, self._snapshot_size // 4):
                self._snapshot()

    def close(self) -> None:
        """Write what is staged if the disk takes it, snapshot, and give the repository free; twice is once."""
        with suppress(StorageFailed):
            self.flush()
            self.write_out()
            if self._journal.seq > self._snapshot_seq:
                self._snapshot()
        self._journal.close()
        self._history.close()
        self._lock.release()

    def _record(self, events: Sequence[Event]) -> None:
        try:
            self._journal.append(self._journal.seq + 1, self._clock(), events)
        except OSError as error:
            raise self._fail(self.paths.journal, error) from None
        self._failures.pop(self.paths.journal.name, None)
        if not self._lock.is_known:
            self._lock.introduce()

    def _keep(self, rows: Sequence[Row]) -> None:
        self._history.add(Entry(self._journal.seq, n, row) for n, row in enumerate(rows))

    def _snapshot(self) -> None:
        """Write the ledger, all of which is in the journal, and begin a new journal. The old pair is kept."""
        where = self.paths.history
        try:
            # A row is made again from the journal as long as that is not cut; so the rows first.
            self._history.sync()
            where = self.paths.state
            data = snapshot.render(self.ledger, self._journal.seq)
            replace_file(self.paths.state, data, keep=self.paths.backup)
            self._journal.restart(self._clock(), keep=self.paths.old_journal)
        except OSError as error:
            self._fail(where, error)
            self._snapshot_at = self._journal.size + JOURNAL_AT_REST
            return
        self._failures.clear()
        self._took_snapshot(self._journal.seq, len(data))

    def _took_snapshot(self, seq: int, size: int) -> None:
        self._snapshot_seq = seq
        self._snapshot_size = size
        self._snapshot_at = max(JOURNAL_MAX, 2 * size)

    def _begin(self, loaded: Loaded) -> Journal:
        """The first snapshot of a new state, or of a recovered one: what was damaged is set aside under another name."""
        aside = [self._set_aside(path) for path in loaded.damaged]
        self._history.sync()
        data = snapshot.render(self.ledger, loaded.seq)
        replace_file(self.paths.state, data)
        if not loaded.is_new:
            replace_file(self.paths.backup, data)
            self.paths.old_journal.unlink(missing_ok=True)
        self._took_snapshot(loaded.seq, len(data))
        if aside:
            self.notes += (f"set aside: {', '.join(aside)}",)
        return Journal.create(self.paths.journal, loaded.seq, self._clock())

    def _set_aside(self, path: Path) -> str:
        """Give the damaged file a second name; the first one is replaced later, so that a crash in between starts over."""
        stem = f"quarantine-{self._clock().astimezone(UTC):%Y%m%dT%H%M%SZ}"
        names = (f"{stem}{number}-{path.name}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
        free = next(name for name in names if not (self.paths.root / name).exists())
        keep_file(path, self.paths.root / free)
        return free

    def _fail(self, path: Path, error: OSError) -> StorageFailed:
        failure = storage_failed("write", path, error)
        self._failures[path.name] = str(failure)
        return failure
