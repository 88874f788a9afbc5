"""Deliveries under way: each on a thread of its own that ends with it, one for a channel, and only so many at once.

A channel bounds its own deliveries, to ten seconds or so. What hangs all the same (a library, a file on a server that is gone) is
given up after `LONGEST_S`: that is a failure as any other, and its thread takes no room. Until it ends the channel gets no other one;
when that is a success at last, the message was delivered, and is not sent again.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable

from octojobs.notify.failures import Refused, Unreachable
from octojobs.slotted import dataclass
from octojobs.store.outbox import Waiting

log = logging.getLogger("octojobs.notify")

MOST = 8
"""Deliveries at once: as many channels may hang before another one has to wait, and then for `LONGEST_S`."""
LONGEST_S = 30.0
"""How long one may take before it is given up: a mail server may be slow."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A delivery that was made, or (`failure`) was not."""

    one: Waiting
    failure: Unreachable | Refused | None = None


class Deliveries:
    """Begun and looked after by the courier's thread; `on_end` is called from another one."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._lock = threading.Lock()
        self._channels: set[str] = set()
        self._begun: dict[str, tuple[Waiting, float]] = {}
        self._hung: set[str] = set()
        self._ended: list[Ended] = []

    @property
    def under_way(self) -> bool:
        """Whether one is, or has ended and was not looked at."""
        with self._lock:
            return bool(self._channels)

    def has_room(self, channel: str) -> bool:
        """Whether a delivery to the channel may begin: its last one has ended, and not too many others are under way."""
        with self._lock:
            return channel not in self._channels and len(self._channels) < MOST

    def begin(self, channel: str, one: Waiting, send: Callable[[], object], now: float) -> None:
        """Deliver; `now` is monotonic. Raises RuntimeError where the system has no room for a thread."""
        with self._lock:
            self._channels.add(channel)
            if channel in self._hung:
                self._ended.append(Ended(one, Unreachable("an earlier delivery still hangs")))
                return
            self._begun[channel] = (one, now)
        try:
            # A daemon thread: a channel that hangs must not keep the daemon from ending.
            threading.Thread(target=self._deliver, args=(channel, one, send), name=f"octojobs-notify-{channel}", daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._channels.discard(channel)
                del self._begun[channel]
            raise

    def give_up(self, now: float) -> None:
        """What has taken too long by now has ended, and was not made."""
        with self._lock:
            for channel, (one, began) in [*self._begun.items()]:
                if now - began >= LONGEST_S:
                    del self._begun[channel]
                    self._hung.add(channel)
                    self._ended.append(Ended(one, Unreachable(f"it did not end within {LONGEST_S:g} s")))

    def patience_s(self, now: float) -> float | None:
        """Seconds until something ends, or is to be given up; 0 for what has ended, None for never."""
        with self._lock:
            if self._ended:
                return 0
            return min((max(0.0, began + LONGEST_S - now) for _, began in self._begun.values()), default=None)

    def ended(self) -> list[Ended]:
        """Those that have ended and are not `recorded`, in the order of their ends."""
        with self._lock:
            return list(self._ended)

    def recorded(self, channel: str, ended: Ended) -> None:
        """The outbox knows of it: the channel may have its next message."""
        with self._lock:
            self._ended.remove(ended)
            self._channels.discard(channel)

    def _deliver(self, channel: str, one: Waiting, send: Callable[[], object]) -> None:
        failure: Unreachable | Refused | None = None
        try:
            send()
        except (Unreachable, Refused) as told:
            failure = told
        except Exception as error:  # noqa: BLE001 -- a library may raise anything
            # What it says may hold the address: where it was raised is told, and no more.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s: %s can't be delivered: %s\n%s", channel, one.id, type(error).__name__, where)
            failure = Unreachable(f"{type(error).__name__}, see the log")
        with self._lock:
            if channel not in self._hung:
                del self._begun[channel]
                self._ended.append(Ended(one, failure))
            elif failure is None:
                self._channels.add(channel)
                self._ended.append(Ended(one))
            self._hung.discard(channel)
        self._on_end()
