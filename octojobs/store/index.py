"""Questions to the history, answered by a SQLite index that is derived from the files and made anew at will.

The index says where in which file each row stands; the files remain the truth. Whoever asks brings it up to date first,
under SQLite's own lock, reading each file from where the last look ended. An index that is missing, damaged or of
another version is made anew; one that can't be written (a read-only disk) is done without: the files are read.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from heapq import nlargest, nsmallest
from pathlib import Path
from typing import Any

from octojobs.core.codec import parse_instant
from octojobs.core.identity import JobId
from octojobs.slotted import dataclass
from octojobs.store.history import days, rows_in
from octojobs.store.lines import unseal
from octojobs.store.paths import FILE_MODE, StatePaths

VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANCHOR = 64
_NO_DAMAGE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_PERM,
)
_SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE files (name TEXT PRIMARY KEY, inode INTEGER NOT NULL, size INTEGER NOT NULL, anchor BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (
    seq INTEGER NOT NULL, n INTEGER NOT NULL, id TEXT NOT NULL, job TEXT NOT NULL, outcome TEXT NOT NULL,
    first_due INTEGER NOT NULL, due INTEGER NOT NULL, at INTEGER NOT NULL,
    file TEXT NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (seq, n)
) WITHOUT ROWID;
CREATE INDEX by_job ON rows (job, seq, n);
CREATE INDEX by_outcome ON rows (outcome, seq, n);
CREATE INDEX by_id ON rows (id);
CREATE INDEX by_file ON rows (file);
"""

Found = dict[str, Any]
"""A row as `row_to_dict` made it, with `seq` and `n`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant; None, or no job, means any. `since` and `until` bound the instant at which a row was recorded.

    `scheduled_at` finds the row that settled this due instant, be it one of several that ended together.
    `run` is a run id or the beginning of one.
    """

    job: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    scheduled_at: datetime | None = None
    run: str | None = None

    def holds(self, row: Found) -> bool:
        """Whether the row is meant."""
        at, due = parse_instant(row["at"]), parse_instant(row["scheduled_at"])
        return (
            self.job in (None, row["job"])
            and self.outcome in (None, row["outcome"])
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and (self.scheduled_at is None or _first(row) <= self.scheduled_at <= due)
            and (self.run is None or row["id"].startswith(self.run))
        )

    def clause(self) -> tuple[str, list[object]]:
        """The same as an SQL condition with its values."""
        terms: list[tuple[str, object]] = []
        if self.job is not None:
            terms.append(("job = ?", self.job))
        if self.outcome is not None:
            terms.append(("outcome = ?", self.outcome))
        if self.since is not None:
            terms.append(("at >= ?", _micros(self.since)))
        if self.until is not None:
            terms.append(("at < ?", _micros(self.until)))
        if self.scheduled_at is not None:
            terms += [("first_due <= ?", _micros(self.scheduled_at)), ("due >= ?", _micros(self.scheduled_at))]
        if self.run is not None:
            # A range, since LIKE would take the `_` of a name for any letter. "~" sorts behind all letters of an id.
            terms += [("id >= ?", self.run), ("id < ?", self.run + "~")]
        return " AND ".join(term for term, _ in terms) or "1", [value for _, value in terms]


def query(
    paths: StatePaths,
    *,
    job: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    scheduled_at: datetime | None = None,
    run: str | None = None,
    limit: int = 20,
) -> list[Found]:
    """The rows that are meant (see `Filter`), the one recorded last first, `limit` at most; raises OSError.

    For a reader and for the daemon alike, while rows are being appended.
    """
    wanted = Filter(job, outcome, since, until, scheduled_at, run)
    clause, values = wanted.clause()
    statement = f"SELECT file, offset, length FROM rows WHERE {clause} ORDER BY seq DESC, n DESC LIMIT ?"  # noqa: S608 - the terms are ours
    places = _ask(paths, statement, [*values, limit])
    if places is None:
        return nlargest(limit, filter(wanted.holds, _all(paths)), key=_key)
    return _rows_at(paths, places)


def rows_between(paths: StatePaths, after: tuple[int, int], seq: int, limit: int) -> list[Found]:
    """The rows behind `after` (seq, n), up to the batch `seq`, in the order in which they were recorded; raises OSError."""
    statement = "SELECT file, offset, length FROM rows WHERE (seq, n) > (?, ?) AND seq <= ? ORDER BY seq, n LIMIT ?"
    places = _ask(paths, statement, [*after, seq, limit])
    if places is None:
        return nsmallest(limit, (row for row in _all(paths) if after < _key(row) and row["seq"] <= seq), key=_key)
    return _rows_at(paths, places)


def latest(paths: StatePaths) -> dict[JobId, Found]:
    """The row recorded last of each job in the history; raises OSError."""
    newest = (
        "WITH RECURSIVE names(job) AS (SELECT min(job) FROM rows UNION ALL "
        "SELECT (SELECT min(job) FROM rows WHERE job > names.job) FROM names WHERE names.job IS NOT NULL) "
        "SELECT file, offset, length FROM names CROSS JOIN rows ON (rows.seq, rows.n) = "
        "(SELECT seq, n FROM rows AS r WHERE r.job = names.job ORDER BY seq DESC, n DESC LIMIT 1)"
    )
    places = _ask(paths, newest, [])
    rows = sorted(_all(paths), key=_key) if places is None else _rows_at(paths, places)
    return {JobId(row["job"]): row for row in rows}


def _ask(paths: StatePaths, statement: str, values: Iterable[object]) -> list[tuple[str, int, int]] | None:
    """The answer of the index, brought up to date; None when there can be none."""
    for _ in range(2):
        try:
            with closing(_connect(paths)) as index:
                _update(index, paths.history)
                return index.execute(statement, tuple(values)).fetchall()
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF in _NO_DAMAGE:
                return None
            with suppress(OSError):
                paths.index.unlink(missing_ok=True)
        except OSError:
            return None
    return None


def _connect(paths: StatePaths) -> sqlite3.Connection:
    if not paths.index.exists():
        # sqlite3 would make it with the umask's mode.
        os.close(os.open(paths.index, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    index = sqlite3.connect(paths.index, timeout=2, isolation_level=None)
    try:
        if index.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            _make(index)
    except sqlite3.Error:
        index.close()
        raise
    return index


def _make(index: sqlite3.Connection) -> None:
    index.execute("BEGIN IMMEDIATE")
    if index.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        index.execute("ROLLBACK")  # somebody else was faster
        return
    for name, kind in index.execute("SELECT name, type FROM sqlite_master WHERE sql IS NOT NULL AND type = 'table'").fetchall():
        index.execute(f"DROP {kind} {name}")
    for statement in _SCHEMA.split(";"):
        index.execute(statement)
    index.execute("COMMIT")


def _update(index: sqlite3.Connection, folder: Path) -> None:
    """Read what was appended since the last look; writes only when something was."""
    known = {name: (inode, size, anchor) for name, inode, size, anchor in index.execute("SELECT name, inode, size, anchor FROM files")}
    there = {path.name: (path, path.stat()) for path in days(folder)}
    changed = [name for name, (_, now) in there.items() if known.get(name, (0, 0, b""))[:2] != (now.st_ino, now.st_size)]
    gone = known.keys() - there.keys()
    if not changed and not gone:
        return
    index.execute("BEGIN IMMEDIATE")
    try:
        for name in gone:
            _forget(index, name)
        for name in changed:
            _read_file(index, there[name][0])
        index.execute("COMMIT")
    except BaseException:
        index.rollback()  # SQLite may have done so itself, as when the disk is full: then this is nothing
        raise


def _read_file(index: sqlite3.Connection, path: Path) -> None:
    known = index.execute("SELECT inode, size, anchor FROM files WHERE name = ?", (path.name,)).fetchone()
    offset = 0
    if known is not None:
        # What was read before must still stand there: a power cut may have taken rows, and others came in their place.
        if known[0] == path.stat().st_ino and _anchor(path, known[1]) == known[2]:
            offset = known[1]
        else:
            _forget(index, path.name)
    for start, length, row in rows_in(path, offset):
        offset = start + length
        if row is not None:
            index.execute("INSERT OR REPLACE INTO rows VALUES (?,?,?,?,?,?,?,?,?,?,?)", _indexed(row, path.name, start, length))
    values = (path.name, path.stat().st_ino, offset, _anchor(path, offset))
    index.execute("INSERT OR REPLACE INTO files VALUES (?,?,?,?)", values)


def _indexed(row: Found, name: str, start: int, length: int) -> tuple[object, ...]:
    due = parse_instant(row["scheduled_at"])
    instants = (_micros(_first(row)), _micros(due), _micros(parse_instant(row["at"])))
    return (row["seq"], row["n"], row["id"], row["job"], row["outcome"], *instants, name, start, length)


def _forget(index: sqlite3.Connection, name: str) -> None:
    index.execute("DELETE FROM rows WHERE file = ?", (name,))
    index.execute("DELETE FROM files WHERE name = ?", (name,))


def _anchor(path: Path, end: int) -> bytes:
    """The last bytes before `end`."""
    with path.open("rb") as file:
        file.seek(max(0, end - _ANCHOR))
        return file.read(min(end, _ANCHOR))


def _rows_at(paths: StatePaths, places: Iterable[tuple[str, int, int]]) -> list[Found]:
    """The rows at these places; one that was pruned meanwhile is left out."""
    found = []
    for name, offset, length in places:
        try:
            with (paths.history / name).open("rb") as file:
                file.seek(offset)
                row = unseal(file.read(length)[:-1])
        except FileNotFoundError:
            continue
        if row is not None:
            found.append(row)
    return found


def _all(paths: StatePaths) -> Iterator[Found]:
    for path in reversed(days(paths.history)):
        for _, _, row in rows_in(path):
            if row is not None:
                yield row


def _key(row: Found) -> tuple[int, int]:
    return row["seq"], row["n"]


def _first(row: Found) -> datetime:
    return parse_instant(row["first_scheduled_at"] or row["scheduled_at"])


def _micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)
