"""The record of tasks: every one that there is or was, what it said, and what happened to it, in one SQLite file.

It lies in the state folder, out of reach of `git clean`. A change is committed here, with fsync, before a file is touched, and
marked `pending` until the file agrees: whoever comes after a crash finishes what was recorded. A record that is damaged is set
aside, never overwritten; the files then tell what there is.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from octojobs.core.codec import decode, encode, format_instant
from octojobs.core.run import Process
from octojobs.core.task import Task
from octojobs.errors import StateDamaged, StorageFailed
from octojobs.slotted import dataclass
from octojobs.store.paths import FILE_MODE

VERSION = 1
NEW = "new"
"""`pending` of a task whose file is yet to be made; else it is the state that the file is yet to leave."""
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_AT_ONCE = 16
_BEGINNING = "0"
_WAITS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE tasks (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, rank INTEGER NOT NULL, created_at TEXT NOT NULL,
    dedupe TEXT NOT NULL, run TEXT NOT NULL, expires_at TEXT, task TEXT NOT NULL, data BLOB NOT NULL,
    stamp TEXT NOT NULL, pending TEXT NOT NULL, claim TEXT NOT NULL, until TEXT, pid INTEGER
) WITHOUT ROWID;
CREATE INDEX by_state ON tasks (state, rank, created_at, id);
CREATE INDEX by_dedupe ON tasks (dedupe) WHERE dedupe <> '';
CREATE INDEX by_run ON tasks (run) WHERE run <> '';
CREATE INDEX by_pending ON tasks (pending) WHERE pending <> '';
CREATE INDEX by_until ON tasks (until) WHERE until IS NOT NULL;
CREATE INDEX by_pid ON tasks (pid) WHERE pid IS NOT NULL;
CREATE INDEX by_expiry ON tasks (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, task TEXT NOT NULL, event TEXT NOT NULL, source TEXT NOT NULL,
    target TEXT NOT NULL, version INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE INDEX by_task ON events (task, seq);
CREATE TABLE looked (at TEXT NOT NULL, folders TEXT NOT NULL);
"""
_COLUMNS = "id, name, state, rank, created_at, dedupe, run, expires_at, task, data, stamp, pending, claim, until, pid"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who works on a task. `process` and `run` are there when the claimer named them; `until` is when the lease ends."""

    holder: str
    since: datetime
    until: datetime
    process: Process | None = None
    run: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A task as it is recorded: where it is, under which file name, its bytes, and who has it. The body stands in `data` alone."""

    task: Task
    state: str
    name: str
    data: bytes
    stamp: str = ""
    pending: str = ""
    claim: Claim | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened to a task; `source` and `target` are states, "" for none."""

    task: str
    event: str
    at: datetime
    source: str = ""
    target: str = ""
    version: int = 1
    by: str = ""
    reason: str = ""


class Record:
    """The open record. One who holds the tasks' lock writes it; anyone may read."""

    def __init__(self, path: Path) -> None:
        """Open it, making it when there is none; raises StateDamaged and StorageFailed."""
        self._path = path
        with _told(path):
            if not path.exists():
                # sqlite3 would make it with the umask's mode.
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
            self._base = sqlite3.connect(path, timeout=2, isolation_level=None)
            try:
                self._base.execute("PRAGMA journal_mode = WAL")
                found = self._base.execute("PRAGMA user_version").fetchone()[0]
                if found == 0:
                    self._make()
                elif found > VERSION:
                    raise StateDamaged(f"{path} was written by a newer octojobs", "use that one, or a newer one")
            except BaseException:
                self._base.close()
                raise

    def close(self) -> None:
        """Let go of the file; twice is once."""
        self._base.close()

    @contextmanager
    def change(self, *, durable: bool = True) -> Iterator[None]:
        """All that is put inside is recorded, or nothing; on the disk afterwards unless the next change may bring it there."""
        with _told(self._path):
            self._base.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._base.rollback()  # SQLite may have done so itself, as when the disk is full: then this is nothing
                raise
            self._base.execute("COMMIT")

    def put(self, kept: Kept, *happened: Happened) -> None:
        """Record the task as it is to be, and what happened to it."""
        task, claim = kept.task, kept.claim
        header = json.dumps(encode(replace(task, body="")), ensure_ascii=False)
        values = (
            *(task.id, kept.name, kept.state, task.priority.rank, _instant(task.created_at), task.dedupe, task.run),
            *(_instant(task.expires_at), header, kept.data, kept.stamp, kept.pending),
            *(json.dumps(encode(claim)) if claim else "", _instant(claim.until if claim else None)),
            claim.process.pid if claim and claim.process else None,
        )
        self._base.execute(f"INSERT OR REPLACE INTO tasks ({_COLUMNS}) VALUES (?{',?' * 14})", values)  # noqa: S608 - the names are ours
        for one in happened:
            self._tell(one)

    def forget(self, task: str, *happened: Happened) -> None:
        """The task is no more; what happened to it stays."""
        self._base.execute("DELETE FROM tasks WHERE id = ?", (task,))
        for one in happened:
            self._tell(one)

    def unsay(self, task: str) -> None:
        """Take back what happened to the task last: it did not."""
        self._base.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events WHERE task = ?)", (task,))

    def find(self, task: str) -> Kept | None:
        """The task of that id."""
        return next(iter(self._select("id = ?", task)), None)

    def with_dedupe(self, key: str) -> Kept | None:
        """The task with that key, in whatever state."""
        return next(iter(self._select("dedupe = ? AND dedupe <> ''", key)), None)

    def beginning_with(self, text: str) -> list[Kept]:
        """The tasks whose ids begin so, two at most."""
        return list(self._select("id >= ? AND id < ? LIMIT 2", text, text + "~"))

    def pending(self) -> list[Kept]:
        """What was recorded and may not be done yet."""
        return list(self._select("pending <> ''"))

    def overdue(self, now: datetime) -> list[Kept]:
        """The tasks whose lease has ended."""
        return list(self._select("until IS NOT NULL AND until <= ? ORDER BY until", _instant(now)))

    def with_process(self) -> list[Kept]:
        """The tasks whose claims name a process."""
        return list(self._select("pid IS NOT NULL"))

    def expired(self, now: datetime) -> list[Kept]:
        """The tasks that were to be begun by now, whatever their state."""
        return list(self._select("expires_at IS NOT NULL AND expires_at <= ?", _instant(now)))

    def in_states(self, states: Sequence[str]) -> Iterator[Kept]:
        """The tasks in these states, in the order in which they are claimed; read as far as they are wanted."""
        marks = ",".join("?" * len(states))
        for start in itertools.count(0, _AT_ONCE):
            found = list(self._select(f"state IN ({marks}) ORDER BY rank, created_at, id LIMIT {_AT_ONCE} OFFSET {start}", *states))
            yield from found
            if len(found) < _AT_ONCE:
                return

    def places(self) -> dict[str, tuple[str, str, str]]:
        """State, file name and stamp of each task by its id."""
        return {one: (state, name, stamp) for one, state, name, stamp in self._ask("SELECT id, state, name, stamp FROM tasks")}

    def count_in(self, states: Sequence[str]) -> int:
        """How many tasks are recorded in these states."""
        marks = ",".join("?" * len(states))
        found: int = self._ask(f"SELECT count(*) FROM tasks WHERE state IN ({marks})", *states)[0][0]  # noqa: S608 - the marks are ours
        return found

    @property
    def looked(self) -> tuple[str, str]:
        """When every file was looked at last, as an instant that sorts as text, and how the folders were left; "" for never."""
        return next(((at, folders) for at, folders in self._ask("SELECT at, folders FROM looked")), ("", ""))

    def left(self, at: str, folders: str) -> None:
        """How the folders are left, and when every file was looked at."""
        with self.change(durable=False):
            self._base.execute("DELETE FROM looked")
            self._base.execute("INSERT INTO looked VALUES (?, ?)", (at, folders))

    def count_of_run(self, run: str) -> int:
        """How many tasks the run has enqueued."""
        found: int = self._ask("SELECT count(*) FROM tasks WHERE run = ? AND run <> ''", run)[0][0]
        return found

    def history(self, task: str) -> list[Happened]:
        """What happened to the task, oldest first."""
        return self._happened("task = ?", task)

    def mark(self) -> str:
        """The place in what happened up to now: `after` tells what comes then. It is of this record, and of no other."""
        found = self._ask("SELECT seq, at FROM events ORDER BY seq DESC LIMIT 1")
        return f"{found[0][0]} {found[0][1]}" if found else _BEGINNING

    def after(self, mark: str) -> list[Happened] | None:
        """What happened since the mark, oldest first; None when that is one of another record, since lost."""
        number, _, at = mark.partition(" ")
        if mark != _BEGINNING and (not number.isdigit() or not self._ask("SELECT 1 FROM events WHERE seq = ? AND at = ?", int(number), at)):
            return None
        return self._happened("seq > ?", int(number))

    def _happened(self, terms: str, value: object) -> list[Happened]:
        columns = ", ".join(Happened.__slots__)
        found = self._ask(f"SELECT {columns} FROM events WHERE {terms} ORDER BY seq", value)  # noqa: S608 - the names are ours
        return [decode(Happened, dict(zip(Happened.__slots__, row, strict=True))) for row in found]

    def _tell(self, one: Happened) -> None:
        values = (format_instant(one.at), one.task, one.event, one.source, one.target, one.version, one.by, one.reason)
        self._base.execute("INSERT INTO events (at, task, event, source, target, version, by, reason) VALUES (?,?,?,?,?,?,?,?)", values)

    def _select(self, terms: str, *values: object) -> Iterator[Kept]:
        rows = self._ask(f"SELECT task, state, name, data, stamp, pending, claim FROM tasks WHERE {terms}", *values)  # noqa: S608 - as above
        for task, state, name, data, stamp, pending, claim in rows:
            held = decode(Claim, json.loads(claim)) if claim else None
            yield Kept(decode(Task, json.loads(task)), state, name, data, stamp, pending, held)

    def _ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with _told(self._path):
            return self._base.execute(statement, values).fetchall()

    def _make(self) -> None:
        self._base.execute("BEGIN IMMEDIATE")
        if self._base.execute("PRAGMA user_version").fetchone()[0] == 0:  # else somebody was faster
            for statement in _SCHEMA.split(";"):
                self._base.execute(statement)
        self._base.execute("COMMIT")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors in our words: damage, a disk that refuses, and somebody else who does not let go."""
    try:
        yield
    except sqlite3.Error as error:
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if kind in _NO_ROOM:
            raise StorageFailed(f"can't write {path}: {error}", "see to the disk, and try again") from None
        if kind in _WAITS:
            raise StorageFailed(f"{path} is in use by a program that is not octojobs", "end it, and try again") from None
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StateDamaged(f"{path} is damaged: {error}") from None
        raise


def sortable(at: datetime) -> str:
    """An instant that sorts as text."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _instant(at: datetime | None) -> str | None:
    return None if at is None else sortable(at)
