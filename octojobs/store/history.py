"""The history: every finished run and every due instant that ended without one, a line each, a file a day.

Rows are appended after their batch is in the journal, and are not synced then: a row names the batch (`seq`) and its place
in it (`n`), so whatever a crash took is made again from the journal, once each. Before the journal is cut,
the files are synced.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

from octojobs.core.codec import encode, format_instant
from octojobs.core.identity import RunId
from octojobs.core.ledger import Row
from octojobs.core.run import Attempt, Run
from octojobs.core.trigger import Trigger
from octojobs.slotted import dataclass
from octojobs.store.atomic import replace_file, sync_data, sync_folder, write_all
from octojobs.store.lines import seal, unseal
from octojobs.store.paths import FILE_MODE

DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its place: batch `seq`, `n`-th row of it."""

    seq: int
    n: int
    row: Row

    @property
    def day(self) -> str:
        """The name of the file that it belongs in: the UTC day on which it ended."""
        return f"{self.row.at.astimezone(UTC).date().isoformat()}.jsonl"

    @property
    def line(self) -> bytes:
        """The line in that file, newline included."""
        return seal({"seq": self.seq, "n": self.n, **row_to_dict(self.row)})


def row_to_dict(row: Row) -> dict[str, Any]:
    """The row as `runs --json` shows it: always the same keys, null where there is nothing to say.

    `id` is the run's, or `JOB@INSTANT` for due instants that ended without one; `count` of them ended so, from
    `first_scheduled_at` to `scheduled_at`. `exit_code` and `signal` are the last attempt's. `at` is when it was recorded.
    """
    verdicts = row.run.verdicts if row.run else row.not_run.verdicts if row.not_run else ()
    return {
        "id": row.run.id if row.run else RunId.of(row.job, row.due),
        "job": row.job,
        "scheduled_at": format_instant(row.due),
        "outcome": row.outcome.value,
        "reason": row.reason,
        "at": format_instant(row.at),
        "count": row.count,
        "first_scheduled_at": encode(row.first_due),
        "correction": row.correction,
        "conditions": [{"guard": v.guard, "status": v.status.value, "evidence": v.evidence} for v in verdicts],
        **_run_to_dict(row.run),
    }


def _run_to_dict(run: Run | None) -> dict[str, Any]:
    attempts = run.attempts if run else ()
    last = attempts[-1] if attempts else None
    return {
        "attempt": last.number if last else None,
        "cause": run.cause.value if run else None,
        "claimed_at": encode(run.claimed_at) if run else None,
        "started_at": encode(last.started_at) if last else None,
        "ended_at": encode(last.ended_at) if last else None,
        "exit_code": last.exit_code if last else None,
        "signal": last.signal if last else None,
        "commit": run.commit if run else "",
        "definitions": run.definitions if run else "",
        "dirty": run.dirty if run else False,
        "forced": run.forced if run else False,
        "requested_by": run.requested_by if run else "",
        "trigger": _trigger_to_dict(run.trigger) if run and run.trigger else None,
        "attempts": [_attempt_to_dict(attempt) for attempt in attempts],
    }


def _attempt_to_dict(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "outcome": attempt.outcome.value,
        "started_at": encode(attempt.started_at),
        "ended_at": format_instant(attempt.ended_at),
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "reason": attempt.reason,
        "void": attempt.void,
        "usage": asdict(attempt.usage) if attempt.usage is not None else None,
        "limited_until": encode(attempt.limited_until),
    }


def _trigger_to_dict(trigger: Trigger) -> dict[str, str]:
    names = ("why", "ref", "before", "commit", "run", "task")
    return {name: getattr(trigger, name) for name in names}


def days(folder: Path) -> list[Path]:
    """The files of the history, oldest day first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if DAY.fullmatch(path.name))
    except FileNotFoundError:
        return []


def rows_in(path: Path, offset: int = 0) -> Iterator[tuple[int, int, dict[str, Any] | None]]:
    """(offset, length, row) of each complete line from `offset` on; None for a line that is not as it was written."""
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield offset, len(line), unseal(line[:-1])
            offset += len(line)


def rows_after(folder: Path, seq: int) -> Iterator[dict[str, Any]]:
    """Every good row of a batch after `seq`; reads all files, for recovery alone."""
    for path in days(folder):
        for _, _, row in rows_in(path):
            if row is not None and row.get("seq", 0) > seq:
                yield row


class History:
    """The writer of the history, owned by the holder of `daemon.lock`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: list[Entry] = []
        self._open: dict[str, int] = {}
        self._made_file = False
        self._suspect: set[str] = set()

    def add(self, entries: Iterable[Entry]) -> None:
        """Take in rows that are in the journal, to be written next."""
        self._pending += entries

    @property
    def pending(self) -> Iterator[Row]:
        """The rows that are to be written next."""
        return (entry.row for entry in self._pending)

    def write(self) -> None:
        """Write the rows that were added; raises OSError, and keeps them for the next time then."""
        by_day: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._pending:
            by_day[entry.day].append(entry)
        for day, of_day in by_day.items():
            self._write(day, b"".join(entry.line for entry in of_day))
            self._pending = [entry for entry in self._pending if entry.day != day]

    def restore(self, base: int, entries: Iterable[Entry]) -> None:
        """Write those rows of the batches after the snapshot `base` that are not there; raises OSError.

        All files with such rows count as unsynced: who wrote them may have been killed before the sync.
        """
        by_day: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_day[entry.day].append(entry)
        for day, of_day in by_day.items():
            descriptor = self._descriptor(day)
            there = _newer_than(descriptor, base)
            self._write(day, b"".join(entry.line for entry in of_day if (entry.seq, entry.n) not in there))
        self._made_file = self._made_file or bool(by_day)

    def sync(self) -> None:
        """Make everything durable, what could not be written before included; raises OSError."""
        self.write()
        for day, descriptor in self._open.items():
            if day not in self._suspect:
                try:
                    sync_data(descriptor)
                    continue
                except OSError:
                    # The kernel now calls pages clean that may not be on disk: only a new file can be trusted.
                    self._suspect.add(day)
            path = self._folder / day
            replace_file(path, path.read_bytes())
            self._suspect.discard(day)
        if self._made_file:
            sync_folder(self._folder)
            self._made_file = False
        self.close()

    def close(self) -> None:
        """Close the files; the next row opens its own again."""
        for descriptor in self._open.values():
            with suppress(OSError):
                os.close(descriptor)
        self._open.clear()

    def _write(self, day: str, data: bytes) -> None:
        descriptor = self._descriptor(day)
        size = os.fstat(descriptor).st_size
        try:
            write_all(descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise

    def _descriptor(self, day: str) -> int:
        if day not in self._open:
            path = self._folder / day
            self._made_file = self._made_file or not path.exists()
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
            self._open[day] = descriptor
            _mend_end(descriptor)
        return self._open[day]


def _mend_end(descriptor: int) -> None:
    """A last line without a newline: complete it if it is whole, else remove it (the journal still has its row)."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    end, tail = size, b""
    while end and b"\n" not in tail:
        start = max(0, end - _CHUNK)
        tail = os.pread(descriptor, end - start, start) + tail
        end = start
    last = tail.rpartition(b"\n")[2]
    if unseal(last) is not None:
        write_all(descriptor, b"\n")
    else:
        os.ftruncate(descriptor, size - len(last))


def _newer_than(descriptor: int, base: int) -> set[tuple[int, int]]:
    """(seq, n) of the rows after `base`. They all stand behind those up to `base`, so only the end of the file is read."""
    size = os.fstat(descriptor).st_size
    window = _CHUNK
    while True:
        start = max(0, size - window)
        lines = os.pread(descriptor, size - start, start).split(b"\n")
        rows = [row for row in map(unseal, lines if start == 0 else lines[1:]) if row is not None]
        if start == 0 or any(row["seq"] <= base for row in rows):
            return {(row["seq"], row["n"]) for row in rows if row["seq"] > base}
        window *= 4
