"""The journal: what happened since the snapshot, one durable line a batch.

A line is `{"crc32":…,"events":[…],"seq":N,"ts":…}`; `seq` counts batches without a gap, and a batch is on disk whole or
not at all. The first line names the snapshot that the journal continues: it has that one's `seq` and no events, so
it is the rule "records with a higher seq" that skips it, and a journal beside the wrong snapshot is noticed.

What can go wrong, and what is left then:
  killed or power lost while appending   a torn last line; it was never acknowledged, the next open cuts it off
  no space in the middle of a line       cut back at once, so that no bad line ever stands before a good one
  fsync failed                           the kernel has called the pages clean: the lines up to the last good one are
                                         written into a new file together with the one that failed; once
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from octojobs.core.codec import encode, format_instant
from octojobs.core.events import Event
from octojobs.slotted import dataclass
from octojobs.store.atomic import replace_file, sync_data, write_all
from octojobs.store.lines import seal, unseal


@dataclass(frozen=True, slots=True)
class Record:
    """One batch; `events` are still JSON, since most readers need only some of them."""

    seq: int
    ts: str
    events: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a journal holds: its records in file order, and where the last good line ends, in bytes.

    `damage` says what is wrong, "" when nothing is; `lost_end` that behind the last good record there was another.
    """

    records: tuple[Record, ...]
    end: int
    damage: str = ""
    lost_end: bool = False


def line_of(seq: int, at: datetime, events: Sequence[Event]) -> bytes:
    """The line that records a batch, newline included."""
    return seal({"seq": seq, "ts": format_instant(at), "events": [encode(event) for event in events]})


def scan(data: bytes) -> Scan:
    """Read the bytes of a journal; never raises.

    A last line without its newline is torn, which is normal. Any other line that is not as it was written is damage:
    a complete one was acknowledged, perhaps.
    """
    lines = data.split(b"\n")
    tail = lines.pop()
    records: list[Record] = []
    bad: list[int] = []
    end = 0
    offset = 0
    for number, line in enumerate(lines, 1):
        offset += len(line) + 1
        record = _record(line)
        if record is None:
            bad.append(number)
            continue
        records.append(record)
        end = offset
    # The newline itself may be what was damaged: a whole record without it may have been acknowledged.
    for whole in (tail, tail[:-1]):
        if (record := _record(whole)) is not None:
            return Scan((*records, record), offset + len(whole), f"line {len(lines) + 1} has lost its end")
    if bad:
        which = f"line {bad[0]} is" if len(bad) == 1 else f"{len(bad)} lines, the first of them line {bad[0]}, are"
        return Scan(tuple(records), end, f"{which} not as written", lost_end=bad[-1] == len(lines))
    return Scan(tuple(records), end, "" if records else "it has no records", lost_end=not records)


def _record(line: bytes) -> Record | None:
    value = unseal(line)
    if value is None:
        return None
    seq, ts, events = value.get("seq"), value.get("ts"), value.get("events")
    if type(seq) is not int or not isinstance(ts, str) or not isinstance(events, list):
        return None
    return Record(seq, ts, events)


class Journal:
    """The open journal of the one writer. Whoever holds `daemon.lock` owns it; one thread.

    `size` is where the last good line ends, in bytes; `seq` is that line's.
    """

    def __init__(self, path: Path, end: int, seq: int) -> None:
        """Open the file, cut off what lies behind `end`, and make what is left durable; raises OSError."""
        self._path = path
        # True while the file behind the descriptor may not be the one to append to: the next append writes a new one.
        self._broken = False
        self._fd = self._open()
        self.seq = seq
        try:
            if os.fstat(self._fd).st_size > end:
                os.ftruncate(self._fd, end)
            if end and os.pread(self._fd, 1, end - 1) != b"\n":
                write_all(self._fd, b"\n")
                end += 1
            # A writer that was killed between write and sync has left lines that a power cut could still take.
            sync_data(self._fd)
        except OSError:
            os.close(self._fd)
            raise
        self.size = end

    @classmethod
    def create(cls, path: Path, seq: int, at: datetime) -> Journal:
        """Replace whatever journal there is by a new one that continues the snapshot `seq`; raises OSError."""
        line = line_of(seq, at, ())
        replace_file(path, line)
        return cls(path, len(line), seq)

    def append(self, seq: int, at: datetime, events: Sequence[Event]) -> None:
        """Make a batch durable; raises OSError, and the journal ends with the batch before it then.

        A journal that is not at its place any more is refused, too: somebody removed the state folder, the lock with
        it, and a second writer may be at work there.
        """
        line = line_of(seq, at, events)
        if not self._broken and not self._is_in_place():
            raise OSError(errno.ESTALE, "it was removed or replaced while this daemon runs; stop it, then start it again")
        if self._broken:
            self._rewrite(line)
        else:
            try:
                write_all(self._fd, line)
                sync_data(self._fd)
            except OSError:
                self._broken = not self._cut_back(len(line))
                if not self._broken:
                    raise
                self._rewrite(line)
        self.size += len(line)
        self.seq = seq

    def restart(self, at: datetime, keep: Path) -> None:
        """Begin anew after the snapshot of the last batch, the old journal being kept as `keep`; raises OSError."""
        line = line_of(self.seq, at, ())
        # A failure in here may leave the new file in place while the descriptor is the old one's.
        self._broken = True
        replace_file(self._path, line, keep=keep)
        self._reopen()
        self.size = len(line)

    def close(self) -> None:
        """Close the file; twice is once."""
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._fd), os.lstat(self._path))
        except FileNotFoundError:
            return False

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)

    def _reopen(self) -> None:
        self.close()
        self._fd = self._open()
        self._broken = False

    def _cut_back(self, length: int) -> bool:
        """Remove what a failed append has written; False when the file is not to be trusted any more."""
        try:
            whole = os.fstat(self._fd).st_size >= self.size + length
            os.ftruncate(self._fd, self.size)
        except OSError:
            return False
        # Everything was written, so it was the sync that failed: nobody knows which pages of this file are on disk.
        return not whole

    def _rewrite(self, line: bytes) -> None:
        """Put the good lines, which earlier syncs made durable, and this one into a new file."""
        good = self._path.read_bytes()[: self.size]
        found = scan(good)
        if found.end != len(good) or found.damage or found.records[-1].seq != self.seq:
            raise OSError(errno.EIO, "the journal can't be read back", str(self._path))
        replace_file(self._path, good + line)
        self._reopen()
        self.size = len(good)
