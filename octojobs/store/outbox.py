"""The outbox: what is to be told, and to whom, until it is; one SQLite file in the state folder.

The history says what ended; the outbox keeps how far it has been read (`seq`, `n`), the streaks of failing jobs, and the messages.
All three change in one transaction, so a kill at any instant neither loses a message nor makes one twice. A message that was
delivered, and whose delivery a kill kept from being recorded, goes out again with the same id.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from octojobs.core.codec import decode, encode, format_instant
from octojobs.core.notices import CALM, Streak
from octojobs.errors import StateDamaged
from octojobs.slotted import dataclass
from octojobs.store.paths import FILE_MODE, StatePaths

VERSION = 2
ATTEMPTS = 8
"""Tries of a message before it is a dead letter: twenty minutes, all in all."""
DELAY_S, LONGEST_S = 10, 3600
KEPT = timedelta(days=7)
"""How long a message that was delivered, or is dead, is remembered."""
MOST_PENDING = 1000
"""Messages that wait for one channel; beyond it the oldest are dead letters."""
MOST_TOGETHER = 200
"""Messages that go out as one."""

_SCHEMA = f"""
PRAGMA user_version = {VERSION};
CREATE TABLE place (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, n INTEGER NOT NULL);
CREATE TABLE streaks (job TEXT PRIMARY KEY, streak TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, message TEXT NOT NULL, at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
    next_at TEXT NOT NULL DEFAULT '', why TEXT NOT NULL DEFAULT '', bundle TEXT NOT NULL DEFAULT ''
);
CREATE INDEX by_state ON messages (state, channel, number);
"""

_FROM_1 = f"""
PRAGMA user_version = {VERSION};
ALTER TABLE messages ADD COLUMN bundle TEXT NOT NULL DEFAULT '';
"""

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest message that a channel still has to get; `next_at` is when it may be tried, "" for now, `at` when it came.

    `behind` is how many wait for that channel, with it.
    `bundle` is the id of the first of those that go out with it, which stay together at every try, "" before that is decided;
    `together` has them all once they were gathered.
    """

    number: int
    id: str
    channel: str
    message: Mapping[str, Any]
    attempts: int
    next_at: str
    at: str = ""
    bundle: str = ""
    behind: int = 1
    together: tuple[Mapping[str, Any], ...] = ()


def pause_s(attempts: int) -> int:
    """Seconds until the next try after so many: 10·2^(n-1), an hour at most.

    >>> [pause_s(n) for n in (1, 2, 3, 20)]
    [10, 20, 40, 3600]
    """
    return min(DELAY_S << min(attempts - 1, 16), LONGEST_S)


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault, and not the disk or somebody else who has it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Outbox:
    """The open outbox: for the thread that opened it, which belongs to the holder of `daemon.lock`. All methods may raise sqlite3.Error."""

    def __init__(self, paths: StatePaths, seq: int) -> None:
        """Open it, making it where there is none; what the history says up to the batch `seq` is no news for a new one."""
        if not paths.outbox.exists():
            # sqlite3 would make it with the umask's mode.
            os.close(os.open(paths.outbox, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
        self._base = sqlite3.connect(paths.outbox, timeout=5, isolation_level=None)
        try:
            self._begin(seq)
        except BaseException:
            self._base.close()
            raise

    def _begin(self, seq: int) -> None:
        self._base.execute("PRAGMA synchronous = FULL")
        version = self._base.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            with self._whole():
                for statement in (_FROM_1 if version == 1 else _SCHEMA).split(";"):
                    self._base.execute(statement)
                self._base.execute("INSERT OR IGNORE INTO place VALUES (1, ?, ?)", (seq, 1 << 40))
        # A state that was recovered from damage may count batches anew.
        self._base.execute("UPDATE place SET seq = min(seq, ?)", (seq,))

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    @property
    def place(self) -> Place:
        """The last row of history that was read."""
        seq, n = self._base.execute("SELECT seq, n FROM place").fetchone()
        return seq, n

    def streak(self, job: str) -> Streak:
        """How often the job has failed in a row."""
        row = self._base.execute("SELECT streak FROM streaks WHERE job = ?", (job,)).fetchone()
        kept: Streak = decode(Streak, json.loads(row[0])) if row else CALM
        return kept

    def put(
        self, place: Place, streaks: Mapping[str, Streak], messages: Iterable[tuple[str, str, Mapping[str, Any]]], now: datetime
    ) -> None:
        """Everything up to `place` is read: what follows from it, as (id, channel, message), is kept with that, or none of it is."""
        with self._whole():
            for job, streak in streaks.items():
                if streak == CALM:
                    self._base.execute("DELETE FROM streaks WHERE job = ?", (job,))
                else:
                    self._base.execute("INSERT OR REPLACE INTO streaks VALUES (?, ?)", (job, json.dumps(encode(streak))))
            for name, channel, message in messages:
                statement = "INSERT OR IGNORE INTO messages (id, channel, message, at) VALUES (?, ?, ?, ?)"
                self._base.execute(statement, (name, channel, json.dumps(message), format_instant(now)))
                self._bound(channel)
            self._base.execute("DELETE FROM messages WHERE state <> 'pending' AND at < ?", (format_instant(now - KEPT),))
            self._base.execute("UPDATE place SET seq = ?, n = ?", place)

    def waiting(self) -> list[Waiting]:
        """The oldest pending message of each channel: a later one never overtakes it."""
        statement = (
            "SELECT number, id, channel, message, attempts, next_at, at, bundle, behind FROM messages JOIN "
            "(SELECT min(number) AS first, count(*) AS behind FROM messages WHERE state = 'pending' GROUP BY channel) ON number = first "
            "ORDER BY number"
        )
        rows = self._base.execute(statement).fetchall()
        return [Waiting(number, name, channel, json.loads(text), *rest) for number, name, channel, text, *rest in rows]

    def gather(self, one: Waiting) -> Waiting:
        """The message with all that wait for its channel, MOST_TOGETHER at most: from now on they are one, also after a kill."""
        if not one.bundle:
            statement = (
                "UPDATE messages SET bundle = ? WHERE number IN "
                "(SELECT number FROM messages WHERE state = 'pending' AND channel = ? ORDER BY number LIMIT ?)"
            )
            self._base.execute(statement, (one.id, one.channel, MOST_TOGETHER))
            one = replace(one, bundle=one.id)
        statement = "SELECT message FROM messages WHERE bundle = ? AND state = 'pending' ORDER BY number"
        return replace(one, together=tuple(json.loads(text) for (text,) in self._base.execute(statement, (one.bundle,))))

    def delivered(self, one: Waiting) -> None:
        """The channel has it, and what went with it."""
        statement = (
            "UPDATE messages SET state = 'delivered', attempts = attempts + 1, why = '' "
            "WHERE state = 'pending' AND (id = ? OR (bundle <> '' AND bundle = ?))"
        )
        self._base.execute(statement, (one.id, one.bundle))

    def failed(self, one: Waiting, why: str, now: datetime, *, final: bool = False) -> None:
        """The channel did not take it: it is tried again later, or (`final`, or after the last try) is a dead letter."""
        tries = one.attempts + 1
        state = "dead" if final or tries >= ATTEMPTS else "pending"
        next_at = format_instant(now + timedelta(seconds=pause_s(tries)))
        statement = (
            "UPDATE messages SET state = ?, attempts = ?, next_at = ?, why = ? "
            "WHERE state = 'pending' AND (id = ? OR (bundle <> '' AND bundle = ?))"
        )
        self._base.execute(statement, (state, tries, next_at, why, one.id, one.bundle))

    def _bound(self, channel: str) -> None:
        statement = (
            "UPDATE messages SET state = 'dead', why = 'too many messages wait for this channel' WHERE number IN "
            "(SELECT number FROM messages WHERE state = 'pending' AND channel = ? ORDER BY number DESC LIMIT -1 OFFSET ?)"
        )
        self._base.execute(statement, (channel, MOST_PENDING))

    @contextmanager
    def _whole(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            self._base.rollback()  # SQLite may have done so itself, as when the disk is full: then this is nothing
            raise


def standing(paths: StatePaths, most: int = 5) -> tuple[int, int, Sequence[Mapping[str, Any]]]:
    """For a reader: how many messages wait, how many are dead letters, and the newest of those; nothing where there is no outbox.

    Raises StateDamaged when that can't be told.
    """
    if not paths.outbox.exists():
        return 0, 0, ()
    with _read(paths) as base:
        counts = dict(base.execute("SELECT state, count(*) FROM messages GROUP BY state"))
        statement = "SELECT id, channel, at, attempts, why FROM messages WHERE state = 'dead' ORDER BY number DESC LIMIT ?"
        dead = [dict(zip(("id", "channel", "at", "attempts", "why"), row, strict=True)) for row in base.execute(statement, (most,))]
    return counts.get("pending", 0), counts.get("dead", 0), dead


def undelivered(paths: StatePaths) -> Mapping[tuple[str, str], int]:
    """For a reader: how many messages are `pending` and `dead`, by (channel as it was written, state); no such key for none.

    Asks the index alone, and walks nothing that was delivered. Raises StateDamaged when that can't be told.
    """
    if not paths.outbox.exists():
        return {}
    with _read(paths) as base:
        statement = "SELECT channel, state, count(*) FROM messages WHERE state IN ('pending', 'dead') GROUP BY state, channel"
        return {(channel, state): count for channel, state, count in base.execute(statement)}


@contextmanager
def _read(paths: StatePaths) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{paths.outbox}?mode=ro", uri=True, timeout=2)) as base:
            yield base
    except sqlite3.Error as error:
        raise StateDamaged(f"{paths.outbox} can't be read: {error}", "a daemon sets it aside and begins another") from None
