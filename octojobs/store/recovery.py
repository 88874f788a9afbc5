"""Reading the state back: snapshot and journal, and what is left when one of them is damaged (promise P8).

Normally `state.json` and the records of `journal.jsonl` with a higher seq are everything. When they are not as they were
written, every file is read that may help: both snapshots, both journals. From the newest snapshot that can be read,
records are replayed as long as none is missing: what lies behind a gap can't be trusted to mean what it meant. The
history then tells which runs have ended since, so that no due instant ends twice. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from octojobs.core.codec import NotDecodable, decode, parse_instant
from octojobs.core.events import Event
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from octojobs.core.run import IllegalTransition
from octojobs.errors import StateDamaged
from octojobs.slotted import dataclass
from octojobs.store import journal, snapshot
from octojobs.store.history import Entry, days, rows_after
from octojobs.store.journal import Record, Scan
from octojobs.store.lines import Unreadable
from octojobs.store.migrations import upgrade_event
from octojobs.store.paths import StatePaths
from octojobs.store.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read: the ledger after batch `seq`, and how it came about.

    `base` is the snapshot's seq and `entries` the rows of history that the batches after it made. `journal_end` is where
    the journal's last good line ends. `damaged` are the files that are not as they were written, and `notes` says so in
    words: both empty when all is well. `is_new` means that there was nothing to read; there may be a note about it, too.
    """

    ledger: Ledger
    seq: int
    base: int
    entries: tuple[Entry, ...] = ()
    journal_end: int = 0
    damaged: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    is_new: bool = False


class _CannotReplay(Exception):
    """A record is missing or does not fit; the message says which."""


def load(paths: StatePaths) -> Loaded:
    """Read the state; raises StateDamaged when nothing of it can be read, NewerFormat, and OSError."""
    data = _read(paths.state)
    records = _read(paths.journal)
    if data is None and records is None and not _traces(paths):
        return Loaded(Ledger(), 0, 0, is_new=True, notes=_forgotten(paths))
    if data is None:
        return _recover(paths, {paths.state: "it is missing"})
    try:
        base = snapshot.read(data)
    except Unreadable as damage:
        return _recover(paths, {paths.state: str(damage)})
    if records is None:
        if base.seq == 0 and not days(paths.history):  # killed between making the one and the other: nothing has happened yet
            return Loaded(base.ledger, 0, 0, is_new=True)
        return _recover(paths, {paths.journal: "it is missing"})
    found = journal.scan(records)
    if found.damage:
        return _recover(paths, {paths.journal: found.damage})
    try:
        seq, entries = _replay(base, found.records)
    except _CannotReplay as gap:
        return _recover(paths, {paths.journal: str(gap)})
    return Loaded(base.ledger, seq, base.seq, entries, found.end)


def _replay(base: Snapshot, records: Iterable[Record]) -> tuple[int, tuple[Entry, ...]]:
    """Apply the records after the snapshot to its ledger; raises _CannotReplay at the first that is missing or does not fit.

    The ledger is then as it was after the record before that one.
    """
    seq = base.seq
    entries: list[Entry] = []
    for record in records:
        if record.seq > seq + 1 or (record.seq == seq + 1 and not record.events):
            raise _CannotReplay(f"record {seq + 1} is missing")
        if record.seq <= seq:
            continue
        try:
            events: list[Event] = [decode(Event, upgrade_event(base.version, dict(event))) for event in record.events]
            base.ledger.check(events)
        except (NotDecodable, IllegalTransition, TypeError, ValueError, KeyError, RecursionError) as error:
            raise _CannotReplay(f"record {record.seq} can't be applied: {error}") from None
        rows = [row for row in map(base.ledger.apply, events) if row is not None]
        entries += (Entry(record.seq, n, row) for n, row in enumerate(rows))
        seq = record.seq
    return seq, tuple(entries)


def _recover(paths: StatePaths, damaged: dict[Path, str]) -> Loaded:
    """The most that the files still tell."""
    scans = {path: journal.scan(data) for path in (paths.old_journal, paths.journal) if (data := _read(path)) is not None}
    records = _in_order(scans.values())
    best: Loaded | None = None
    for path in (paths.state, paths.backup, None):
        base = _base(path, damaged, records)
        if base is None:
            continue
        seq, entries, gap = _replay_to_gap(base, [record for record in records if record.seq > base.seq])
        if best is None or seq > best.seq:
            best = Loaded(base.ledger, seq, base.seq, entries, notes=(_lost(seq, gap, records, scans.get(paths.journal)),))
    whole = {path: reason for path, reason in damaged.items() if path.exists()}
    if best is None:
        raise _nothing_left(paths, damaged)
    return _told(_reconciled(best, paths, records), damaged, tuple(whole))


def _lost(seq: int, gap: str, records: list[Record], newest: Scan | None) -> str:
    """What came of the recovery, in words."""
    last = max((record.seq for record in records), default=seq)
    if last > seq:
        lost = f"records {seq + 1} to {last} are lost ({gap})"
    elif newest is None or newest.lost_end:
        lost = "what came after it is lost"
    else:
        lost = "nothing was lost"
    return f"the state is as of record {seq}: {lost}"


def _base(path: Path | None, damaged: dict[Path, str], records: list[Record]) -> Snapshot | None:
    """The snapshot in the file; for None, the empty ledger that a journal from the very beginning continues."""
    if path is None:
        return Snapshot(Ledger(), 0) if records and records[0].seq in (0, 1) else None
    data = _read(path)
    if data is None:
        return None
    try:
        return snapshot.read(data)
    except Unreadable as damage:
        damaged[path] = str(damage)
        return None


def _in_order(scans: Iterable[Scan]) -> list[Record]:
    """The records of several journals by seq, each once. A journal's first line has its snapshot's seq, and no events."""
    found: dict[int, Record] = {}
    for scan in scans:
        for record in scan.records:
            if record.events or record.seq not in found:
                found[record.seq] = record
    return [found[seq] for seq in sorted(found)]


def _replay_to_gap(base: Snapshot, records: list[Record]) -> tuple[int, tuple[Entry, ...], str]:
    seq, gap = base.seq, ""
    entries: list[Entry] = []
    for record in records:
        try:
            seq, made = _replay(replace(base, seq=seq), (record,))
        except _CannotReplay as error:
            gap = str(error)
            break
        entries += made
    return seq, tuple(entries), gap


def _reconciled(found: Loaded, paths: StatePaths, records: list[Record]) -> Loaded:
    """Without the runs that have ended since, and with the cursors behind every due instant that the history has.

    Numbers go on after the highest that was ever given, so that no row is taken for another.
    """
    ledger, last = found.ledger, max([found.seq, *(record.seq for record in records)])
    jobs, runs = dict(ledger.jobs), dict(ledger.runs)
    for row in rows_after(paths.history, found.seq):
        last = max(last, row["seq"])
        runs.pop(row["id"], None)
        state = jobs.get(row["job"])
        if state is not None and row["cause"] in (None, "schedule", "catch_up") and not row["correction"]:
            jobs[JobId(row["job"])] = replace(state, cursor=max(state.cursor, parse_instant(row["scheduled_at"])))
    return replace(found, ledger=Ledger(jobs, runs, ledger.pause, ledger.limits), seq=last)


def _told(found: Loaded, damaged: Mapping[Path, str], whole: tuple[Path, ...]) -> Loaded:
    told = tuple(f"{path.name} was damaged: {reason}" for path, reason in damaged.items())
    return replace(found, damaged=whole, notes=(*told, *found.notes))


def _nothing_left(paths: StatePaths, damaged: Mapping[Path, str]) -> StateDamaged:
    reasons = "; ".join(f"{path.name}: {reason}" for path, reason in damaged.items())
    return StateDamaged(
        f"the state in {paths.root} can't be recovered ({reasons})",
        f"put a copy of {paths.state.name} from a backup there, or begin anew, without a memory of what has run, "
        f"with `mv {paths.root} {paths.root}.damaged`",
    )


def _traces(paths: StatePaths) -> bool:
    """Whether there has been a state here."""
    return paths.backup.exists() or paths.old_journal.exists() or bool(days(paths.history)) or any(paths.root.glob("quarantine-*"))


def _forgotten(paths: StatePaths) -> tuple[str, ...]:
    """A note when there has been a state here after all: somebody removed all of it but what the runs left."""
    left = sum(1 for _ in paths.runs.glob("*/*/"))
    if not left:
        return ()
    runs = f"{left} run{'s' * (left != 1)}"
    return (f"no state was found although runs/ has {runs}: what ran, and up to when, is not known, so every job is as if it were new",)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
