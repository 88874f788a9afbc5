"""Tells outside what has ended, on a thread of its own: a channel that is slow, or down, delays no tick and changes no run.

The thread is begun by the first definitions in which a job has `notify`. It reads the history from where it stopped, whoever ended
in between, so that what was recorded before a crash is told after it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from octojobs.core.definitions import Definitions
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import Ledger
from octojobs.core.notices import Streak
from octojobs.core.run import Run
from octojobs.engine.ground import Ground
from octojobs.engine.handover import Handover
from octojobs.engine.lateness import Late, waiting, watched
from octojobs.notify.hooks import hook_messages
from octojobs.notify.news import News, late_news, news
from octojobs.notify.pings import end_ping, start_ping
from octojobs.store.aside import set_aside
from octojobs.store.index import rows_between
from octojobs.store.outbox import Outbox, Place, is_damage

log = logging.getLogger("octojobs.notify")

AT_ONCE = 100
"""Rows of history that become messages in one transaction."""
ENOUGH = 500
"""Messages that wait for a channel that takes them: the history waits then, which has no bound, and the outbox has one."""
MOST_BEGUN = 1000
"""Runs that have begun and whose first ping is not in the outbox yet."""
RETRY_S = 10.0
"""Until an outbox that can't be used is tried again, unless something ends before."""
LOOK_S = 30.0
"""The longest sleep while something waits for its time: a wait knows nothing of a suspend, nor of a clock that is set."""
PATIENCE_S = 15.0
"""How long the end of the daemon waits for deliveries that are under way; they are made again otherwise."""


class Courier:
    """`follow` and `recorded` are called by the engine's thread and return at once; the rest is the courier's thread's own."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._changed = threading.Condition()
        self._definitions: Definitions | None = None
        self._since = 0
        self._seq = 0
        self._watched: tuple[JobId, ...] = ()
        self._waiting: tuple[Late, ...] = ()
        self._news = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._outbox: Outbox | None = None
        self._told = ""
        self._handover = Handover(ground, self._ring)
        self._given_up = False
        self._begun: deque[tuple[int, Run]] = deque(maxlen=MOST_BEGUN)
        self._taken: list[tuple[int, Run]] = []

    @property
    def delivered(self) -> Mapping[str, int]:
        """How many messages this daemon has delivered, by channel as it was written; for any thread."""
        return self._handover.delivered

    def follow(self, definitions: Definitions, seq: int) -> None:
        """These are in force, and the history is complete up to the batch `seq`."""
        with self._changed:
            self._definitions = definitions
            self._news = True
            self._changed.notify()
        self._watched = watched(definitions)
        self.recorded(seq)
        # Where there is an outbox it is kept up to date: whoever adds `notify` again later is not told of what was before.
        if self._thread is None and (self._ground.paths.outbox.exists() or any(job.tells for job in definitions.jobs.values())):
            self._since = seq
            self._thread = threading.Thread(target=self._serve, name="octojobs-notify", daemon=True)
            self._thread.start()

    def begun(self, run: Run, seq: int) -> None:
        """The run's gate was opened, by the batch `seq`. A first ping is worth no record: if a daemon is killed, the last one tells."""
        if run.definition.ping is not None and not run.is_follow_up and all(attempt.void for attempt in run.attempts):
            self._begun.append((seq, run))

    def recorded(self, seq: int) -> None:
        """The history is complete up to this batch."""
        if seq == self._seq:
            return
        with self._changed:
            self._seq = seq
            self._news = True
            self._changed.notify()

    def look(self, ledger: Ledger, held: Callable[[], Mapping[RunId, str]], now: datetime) -> None:
        """Which runs are due and don't start; `held` walks all open ones, and says why of those that are ready."""
        if not self._watched and not self._waiting:
            return
        known = {one.run: one.why for one in self._waiting}
        late = waiting(self._watched, ledger, known, held, now)
        news = [(one.run, one.budget) for one in late] != [(one.run, one.budget) for one in self._waiting]
        with self._changed:
            self._waiting = late
            if news:
                self._news = True
                self._changed.notify()

    def stop(self) -> None:
        """Tell what can be told at once, then end; twice is once."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
            self._given_up = True
            self._ring()

    def _serve(self) -> None:
        try:
            while not self._given_up:
                with self._changed:
                    stopping, self._news = self._stopping, False
                    definitions, seq = self._definitions, self._seq
                assert definitions is not None
                wait_s = self._try(definitions, seq)
                with self._changed:
                    if stopping and wait_s != 0 and not self._handover.under_way:
                        return
                    if not self._news and wait_s != 0 and (stopping or not self._stopping):
                        self._changed.wait(None if wait_s is None else min(wait_s, LOOK_S))
        finally:
            self._close()

    def _ring(self) -> None:
        with self._changed:
            self._news = True
            self._changed.notify()

    def _try(self, definitions: Definitions, seq: int) -> float | None:
        """A round, as far as the disk lets it; a damaged outbox is set aside, and the next round begins another."""
        try:
            if self._outbox is None:
                self._outbox = Outbox(self._ground.paths, self._since)
            wait_s = self._round(self._outbox, definitions, seq)
        except (sqlite3.Error, OSError) as error:
            self._close()
            self._tell(
                self._set_aside(error, seq) if is_damage(error) else f"nobody is notified for now: the outbox can't be used: {error}"
            )
            return RETRY_S
        except Exception:
            # A fault of ours in one row must not end the telling of all others without a word.
            log.exception("nobody is notified for now")
            return RETRY_S
        self._told = ""
        return wait_s

    def _set_aside(self, error: Exception, seq: int) -> str:
        """What became of it, in words. Nobody knows how far the damaged one had read: what comes from now on is told."""
        self._since = seq
        try:
            aside = set_aside(self._ground.paths.outbox, self._ground.clock.now())
        except OSError as refused:
            return f"nobody is notified for now: the outbox is damaged ({error}) and can't be set aside: {refused}"
        return f"the outbox was damaged ({error}); it is {aside} now, and what waited in it is not told"

    def _close(self) -> None:
        outbox, self._outbox = self._outbox, None
        if outbox is not None:
            outbox.close()

    def _tell(self, what: str) -> None:
        if what != self._told:
            log.error("%s", what)
        self._told = what

    def _round(self, outbox: Outbox, definitions: Definitions, seq: int) -> float | None:
        """Record what has ended, read what is new, hand over what may go; seconds until there is more to do, None for never."""
        self._handover.record(outbox)
        more = self._handover.backlog < ENOUGH and self._take(outbox, definitions, seq)
        late_s = self._tell_late(outbox, definitions)
        waits = (0 if more else None, late_s, self._handover.begin(outbox, definitions))
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    def _take(self, outbox: Outbox, definitions: Definitions, seq: int) -> bool:
        """Make messages of what the history says since the last look; whether there may be more."""
        place: Place = outbox.place
        # What the last round took and could not put: its outbox refused.
        self._begun.extendleft(reversed(self._taken))
        self._taken.clear()
        rows = rows_between(self._ground.paths, place, seq, AT_ONCE)
        streaks: dict[str, Streak] = {}
        messages: list[News] = []
        for row in rows:
            messages += self._starts(row["seq"] - 1)
            place = (row["seq"], row["n"])
            job = row["job"]
            messages += hook_messages(row, definitions.jobs.get(job), self._ground.paths)
            messages += end_ping(row, definitions.jobs.get(job), self._ground.paths)
            if row["correction"] or "+" in row["id"]:
                continue
            before = streaks.get(job) or outbox.streak(job)
            streaks[job], made = news(row, before, definitions.jobs.get(JobId(job)), self._ground.paths)
            messages += made
        if len(rows) < AT_ONCE:
            messages += self._starts(seq)
        if rows or messages:
            outbox.put(place, streaks, messages, self._ground.clock.now())
        self._taken.clear()
        return len(rows) == AT_ONCE

    def _tell_late(self, outbox: Outbox, definitions: Definitions) -> float | None:
        """Make messages of the runs that don't start; seconds until there is one to tell of, None for never."""
        now = self._ground.clock.now()
        waits = []
        for one in self._waiting:
            job = definitions.jobs.get(one.job)
            if job is None:
                continue
            before = outbox.streak(one.job)
            streak, made, at = late_news(before, job, one.run, one.due, one.why, now, blocked=one.blocked, budget=one.budget)
            if made:
                outbox.put(outbox.place, {one.job: streak}, made, now)
            if at is not None:
                waits.append((at - now).total_seconds())
        return min(waits, default=None)

    def _starts(self, seq: int) -> Iterator[News]:
        """The first pings of the runs that began up to the batch `seq`: all that ended before them is told before them."""
        while self._begun and self._begun[0][0] <= seq:
            self._taken.append(self._begun.popleft())
            yield start_ping(self._taken[-1][1])
