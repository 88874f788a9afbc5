"""Tells outside what has ended, on a thread of its own: a channel that is slow, or down, delays no tick and changes no run.

The thread is begun by the first definitions in which a job has `notify`. It reads the history from where it stopped, whoever ended
in between, so that what was recorded before a crash is told after it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from octojobs.core.channel import Channel, find, kept_in
from octojobs.core.codec import parse_instant
from octojobs.core.definitions import Definitions
from octojobs.core.identity import JobId
from octojobs.core.notices import Streak
from octojobs.core.task import line
from octojobs.engine.deliveries import Deliveries, Ended
from octojobs.engine.ground import Ground
from octojobs.notify.delivery import Sender
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.message import OUTPUT
from octojobs.notify.news import News, news
from octojobs.store.aside import set_aside
from octojobs.store.index import rows_between
from octojobs.store.outbox import Outbox, Place, Waiting, is_damage

if TYPE_CHECKING:
    from octojobs.config.own_channels import OwnChannels

log = logging.getLogger("octojobs.notify")

AT_ONCE = 500
"""Rows of history that become messages in one transaction."""
RETRY_S = 10.0
"""Until an outbox that can't be used is tried again, unless something ends before."""
PATIENCE_S = 15.0
"""How long the end of the daemon waits for deliveries that are under way; they are made again otherwise."""


class Courier:
    """`follow` and `recorded` are called by the engine's thread and return at once; the rest is the courier's thread's own."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._sender = Sender(ground.root, ground.environ, ground.paths)
        self._changed = threading.Condition()
        self._definitions: Definitions | None = None
        self._since = 0
        self._seq = 0
        self._news = False
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._outbox: Outbox | None = None
        self._told = ""
        self._own: OwnChannels | None = None
        self._deliveries = Deliveries(self._ring)
        self._given_up = False

    def follow(self, definitions: Definitions, seq: int) -> None:
        """These are in force, and the history is complete up to the batch `seq`."""
        with self._changed:
            self._definitions = definitions
            self._news = True
            self._changed.notify()
        self.recorded(seq)
        # Where there is an outbox it is kept up to date: whoever adds `notify` again later is not told of what was before.
        if self._thread is None and (any(job.tells for job in definitions.jobs.values()) or self._ground.paths.outbox.exists()):
            self._since = seq
            self._thread = threading.Thread(target=self._serve, name="octojobs-notify", daemon=True)
            self._thread.start()

    def recorded(self, seq: int) -> None:
        """The history is complete up to this batch."""
        if seq == self._seq:
            return
        with self._changed:
            self._seq = seq
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
                    if stopping and wait_s != 0 and not self._deliveries.under_way:
                        return
                    if not self._news and wait_s != 0 and (stopping or not self._stopping):
                        self._changed.wait(wait_s)
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
        """Record what has ended, read what is new, and give each channel its oldest message; seconds until there is more to do."""
        for ended in self._deliveries.ended():
            self._record(outbox, ended)
        more = self._take(outbox, definitions, seq)
        waits = [wait_s for one in outbox.waiting() if (wait_s := self._deliver(outbox, one, definitions)) is not None]
        return 0 if more else min(waits, default=None)

    def _take(self, outbox: Outbox, definitions: Definitions, seq: int) -> bool:
        """Make messages of what the history says since the last look; whether there may be more."""
        place: Place = outbox.place
        rows = rows_between(self._ground.paths, place, seq, AT_ONCE)
        streaks: dict[str, Streak] = {}
        messages: list[News] = []
        for row in rows:
            place = (row["seq"], row["n"])
            if row["correction"] or "+" in row["id"]:
                continue
            job = row["job"]
            before = streaks.get(job) or outbox.streak(job)
            streaks[job], made = news(row, before, definitions.jobs.get(JobId(job)), self._ground.paths)
            messages += made
        if rows:
            outbox.put(place, streaks, messages, self._ground.clock.now())
        return len(rows) == AT_ONCE

    def _deliver(self, outbox: Outbox, one: Waiting, definitions: Definitions) -> float | None:
        """Let a message go if its time has come; seconds until the channel's next try, None where the end of a delivery rings."""
        now: datetime = self._ground.clock.now()
        if one.next_at and (wait_s := (parse_instant(one.next_at) - now).total_seconds()) > 0:
            return wait_s
        own = self._own_channels().look()
        if own.wrong:  # it may be the one where this message belongs, instead of the repository's of that name
            self._settle(outbox, one, Unreachable(own.wrong))
            return 1.0
        channel, to = find({**definitions.settings.channels, **own.channels}, one.channel)
        if channel is None and one.message["event"] == OUTPUT:
            channel = Channel(_name(one), file=str(self._ground.paths.root / kept_in(one.channel)))
        if channel is None:
            self._settle(outbox, one, Refused(f"there is no channel {_name(one)} any more"))
            return 0
        if not self._deliveries.has_room(channel.name):
            return None
        message = {**one.message, "channel": one.channel, "to": to}
        send = partial(self._sender.send, channel, one.id, message, int(now.timestamp()), definitions.settings)
        try:
            self._deliveries.begin(channel.name, one, send)
        except RuntimeError as error:
            self._tell(f"nobody is notified for now: {error}")
            return RETRY_S
        return None

    def _own_channels(self) -> OwnChannels:
        if self._own is None:
            from octojobs.config.own_channels import OwnChannels  # only where somebody is told

            self._own = OwnChannels(self._ground.environ)
        return self._own

    def _record(self, outbox: Outbox, ended: Ended) -> None:
        self._settle(outbox, ended.one, ended.failure)
        self._deliveries.recorded(_name(ended.one), ended)

    def _settle(self, outbox: Outbox, one: Waiting, failure: Unreachable | Refused | None) -> None:
        if failure is None:
            outbox.delivered(one)
            if one.message["event"] == OUTPUT:
                log.info("%s: %s: %s", one.channel, one.message["title"], line(one.message["body"]))
            return
        log.warning("%s: %s is not told: %s", one.channel, one.message["title"], failure)
        outbox.failed(one, str(failure), self._ground.clock.now(), final=isinstance(failure, Refused))


def _name(one: Waiting) -> str:
    """The channel's name, without to whom the message goes there."""
    return one.channel.partition(":")[0]
