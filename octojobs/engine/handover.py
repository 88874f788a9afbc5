"""Hands messages over to their channels: who gets which now, what waits until when, and what became of it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from octojobs.core.channel import Channel, find, kept_in
from octojobs.core.codec import parse_instant
from octojobs.core.definitions import Definitions
from octojobs.core.quiet import gathers, held_until
from octojobs.core.task import line
from octojobs.engine.clock import SystemClock
from octojobs.engine.deliveries import Deliveries
from octojobs.engine.ground import Ground
from octojobs.notify.delivery import Sender
from octojobs.notify.digest import digest
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.message import OUTPUT
from octojobs.notify.pings import is_ping, ping_channel
from octojobs.store.outbox import Outbox, Waiting, pause_s

if TYPE_CHECKING:
    from octojobs.config.own_channels import Own, OwnChannels

log = logging.getLogger("octojobs.notify")

AGAIN_S = 10.0
"""Until a delivery is begun again for which the system had no room, or the user's own channels can't be read."""


class Handover:
    """Belongs to the courier's thread; `on_end` is called from another one when a delivery has ended."""

    def __init__(self, ground: Ground, on_end: Callable[[], None]) -> None:
        self._ground = ground
        self._sender = Sender(ground.root, ground.environ, ground.paths)
        self._deliveries = Deliveries(on_end)
        self._real = SystemClock()  # how long a delivery takes is real, whatever clock the schedules run on
        self._own: OwnChannels | None = None
        self._wrong = ""
        self._delivered: dict[str, int] = {}
        self._backlog = 0

    @property
    def backlog(self) -> int:
        """How many messages wait for a channel that takes them, as far as anybody knows: the longest such queue at the last look."""
        return self._backlog

    @property
    def delivered(self) -> Mapping[str, int]:
        """How many messages were delivered, by channel as it was written; for any thread."""
        return self._delivered.copy()

    @property
    def under_way(self) -> bool:
        """Whether a delivery is, or has ended and is not recorded."""
        return self._deliveries.under_way

    def record(self, outbox: Outbox) -> None:
        """Let the outbox know of the deliveries that have ended, or are given up."""
        self._deliveries.give_up(self._real.monotonic())
        for ended in self._deliveries.ended():
            self._settle(outbox, ended.one, ended.failure)
            self._deliveries.recorded(_name(ended.one), ended)

    def begin(self, outbox: Outbox, definitions: Definitions) -> float | None:
        """Give each channel its oldest message; seconds until there is more to do, None for never: the end of a delivery rings."""
        self._backlog = 0
        waits = [self._looked_at(outbox, one, definitions) for one in outbox.waiting()]
        waits.append(self._deliveries.patience_s(self._real.monotonic()))
        return min((wait_s for wait_s in waits if wait_s is not None), default=None)

    def _looked_at(self, outbox: Outbox, one: Waiting, definitions: Definitions) -> float | None:
        try:
            return self._hand_over(outbox, one, definitions)
        except (sqlite3.Error, OSError):
            raise
        except Exception as error:
            # Whatever is wrong with one message, the others must not wait behind it for ever.
            log.exception("%s: %s can't be handed over", one.channel, one.id)
            outbox.failed(one, f"{type(error).__name__}, see the log", self._ground.clock.now(), final=True)
            return 0

    def _hand_over(self, outbox: Outbox, one: Waiting, definitions: Definitions) -> float | None:
        """Let a message go if its time has come; otherwise seconds until then."""
        now: datetime = self._ground.clock.now()
        # A longer wait than its pause was when the clock was ahead: it has been set back since.
        if one.next_at and 0 < (wait_s := (parse_instant(one.next_at) - now).total_seconds()) <= pause_s(one.attempts):
            return wait_s
        own = self._own_channels()
        if own.wrong and not is_ping(one.channel):  # it may be the one where this message belongs, instead of the repository's of that name
            return AGAIN_S  # no try: eight of them are twenty minutes, and a person may be away for longer
        channel, to = ping_channel(one.channel, definitions.jobs), ""
        if not is_ping(one.channel):
            channel, to = find({**definitions.settings.channels, **own.channels}, one.channel)
        if channel is None and one.message["event"] == OUTPUT:
            channel = Channel(_name(one), file=str(self._ground.paths.root / kept_in(one.channel)))
        if channel is None:
            self._settle(outbox, one, Refused(f"there is no {'' if is_ping(one.channel) else 'channel '}{_name(one)} any more"))
            return 0
        put_at = parse_instant(one.at)
        if (held := held_until(channel, put_at, now)) is not None:
            return (held - now).total_seconds()
        if not one.attempts:
            self._backlog = max(self._backlog, one.behind)
        if not self._deliveries.has_room(channel.name):
            return None
        if one.bundle or gathers(channel, put_at):
            one = outbox.gather(one)
        name, message = _as_one(one)
        send = partial(self._sender.send, channel, name, {**message, "channel": one.channel, "to": to}, int(now.timestamp()), definitions)
        try:
            self._deliveries.begin(channel.name, one, send, self._real.monotonic())
        except RuntimeError as error:
            log.error("nobody is notified for now: %s", error)
            return AGAIN_S
        return None

    def _own_channels(self) -> Own:
        if self._own is None:
            from octojobs.config.own_channels import OwnChannels  # only where somebody is told

            self._own = OwnChannels(self._ground.environ)
        own = self._own.look()
        if own.wrong and own.wrong != self._wrong:
            log.error("nobody is notified for now: %s", own.wrong)
        self._wrong = own.wrong
        return own

    def _settle(self, outbox: Outbox, one: Waiting, failure: Unreachable | Refused | None) -> None:
        title = one.message.get("title", one.id)
        if len(one.together) > 1:
            title = f"{title}, and {len(one.together) - 1} more"
        if failure is None:
            outbox.delivered(one)
            self._delivered[one.channel] = self._delivered.get(one.channel, 0) + max(1, len(one.together))
            if one.message.get("event") == OUTPUT:
                log.info("%s: %s: %s", one.channel, title, line(one.message["body"]))
            return
        log.warning("%s: %s is not told: %s", one.channel, title, failure)
        outbox.failed(one, str(failure), self._ground.clock.now(), final=isinstance(failure, Refused))


def _as_one(one: Waiting) -> tuple[str, Mapping[str, Any]]:
    """The id and the message that go out: those of a digest, the same at every try, where several go together."""
    if len(one.together) < 2:
        return one.id, {**one.message, "count": 1}
    return f"{one.bundle}+{len(one.together) - 1}", digest(one.together)


def _name(one: Waiting) -> str:
    """The channel's name, without to whom the message goes there."""
    return one.channel.partition(":")[0]
