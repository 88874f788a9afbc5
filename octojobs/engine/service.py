"""The loop: sleeps until something is due, has ended, has changed or is asked for, then lets the engine tick."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable
from datetime import datetime
from math import isinf

from octojobs.engine.clock import nap
from octojobs.engine.engine import Engine
from octojobs.engine.feed import Feed
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.engine.running import POLL_S
from octojobs.engine.supervisor import Supervisor
from octojobs.engine.wake import Wake

log = logging.getLogger("octojobs.service")

LOOK_S = 1.0
"""How often the handful of definition files and `requests/` is looked at: correctness rests on this, not on file events."""

WATCHED_LOOK_S = 2.0
"""How often where events come too, which are quicker: most of what an idle daemon costs is waking up."""

SLEEP_S = 30.0
"""The longest sleep, so that a stepped clock is noticed."""

MILLISECOND_S = 0.001
"""What the kernel's waiting for events counts in, rounded up: the rest of the way to a due instant is slept."""

AHEAD_S = 0.25
"""All is made ready for a start at the last look before it: what is due within one look's time and this much more."""

CALM_S = 3600.0
"""What is done at rest (forgetting old runs) is done after this long at the latest: a job every three seconds leaves no rest."""

REST_S = 5.0
"""How long nothing may happen before the state is written out whole and the journal cut."""


class Service:
    """Runs an engine until it is told to stop, or until a caller's condition holds. One thread owns it.

    `look_s` is how often files are looked at. `on_look` is called after each look: the files that are worth watching may be
    others now.
    `on_rest` is called once whenever nothing has happened for a while, and once an hour. `supervisor` is told of each turn.
    `on_turn` is called when there is nothing left to do for the moment, `on_tick` after each tick with the seconds that it took.
    """

    def __init__(self, engine: Engine, feed: Feed, wake: Wake, heartbeat: Heartbeat, vitals: Callable[[], Vitals]) -> None:
        self._engine = engine
        self._feed = feed
        self._wake = wake
        self._heartbeat = heartbeat
        self._vitals = vitals
        self._clock = engine.ground.clock
        self._selector = selectors.DefaultSelector()
        self._selector.register(wake.fileno(), selectors.EVENT_READ)
        self._selector.register(engine.running.fileno(), selectors.EVENT_READ)
        self.look_s = LOOK_S
        self._looked_at = float("-inf")
        self._requests_seen: int | None = None
        self.on_look: Callable[[], None] = lambda: None
        self.on_rest: Callable[[], None] = lambda: None
        self.supervisor: Supervisor | None = None
        self.on_turn: Callable[[], None] = lambda: None
        self.on_tick: Callable[[float], None] | None = None
        self._note = ""
        self._calm_at = self._clock.monotonic()

    def run(self, done: Callable[[], bool] = lambda: False) -> str:
        """Tick and sleep until `done()` or a stop; returns why it was stopped, "" when it is done."""
        idle_since = self._clock.monotonic()
        rested = False
        self._tick()
        while not self._wake.stopping and not done():
            self._tell(self._vitals())
            woken = self._sleep()
            # What is due goes before a look at the files, unless somebody has said that one of them changed.
            ticked = not isinf(self._looked_at) and (woken or self._due())
            if ticked:
                self._tick()
            # Also when it was woken: runs that end all the time must not keep a commit from being seen.
            if self._look() or (not ticked and (woken or self._due())):
                self._tick()
                ticked = True
            if ticked:
                idle_since, rested = self._clock.monotonic(), False
            elif not rested and self._clock.monotonic() - idle_since > REST_S:
                self._engine.rest()
                self._calm()
                rested = True
            if self._clock.monotonic() - self._calm_at > CALM_S:
                self._calm()
        if self.supervisor is not None and self._wake.stopping:
            self.supervisor.stopping(self._wake.stopping)
        return self._wake.stopping

    def close(self) -> None:
        """Let go of the descriptors; the engine is the caller's to close."""
        self._selector.close()

    def _tell(self, vitals: Vitals) -> None:
        self._heartbeat.beat(vitals)
        if self.supervisor is not None:
            self.supervisor.turn(vitals.in_words)
        self.on_turn()

    def _tick(self) -> None:
        began = self._clock.monotonic()
        self._engine.tick()
        if self.on_tick is not None:
            self.on_tick(self._clock.monotonic() - began)

    def _calm(self) -> None:
        self._calm_at = self._clock.monotonic()
        self.on_rest()

    def _due(self) -> bool:
        wake_at = self._engine.wake_at()
        return wake_at is not None and wake_at <= self._clock.now()

    def _sleep(self) -> bool:
        """Wait for a run's end, a ring or the time; whether a ring or an end came."""
        wake_at = self._engine.wake_at()
        ready = self._selector.select(self._timeout(wake_at))
        if not ready and wake_at is not None and 0 < (left_s := (wake_at - self._clock.now()).total_seconds()) <= MILLISECOND_S:
            nap(left_s)
        if ready and self._wake.drain():
            # Somebody said that something changed: look now, not at the next second.
            self._looked_at = float("-inf")
        return bool(ready) or self._engine.running.polls

    def _timeout(self, wake_at: datetime | None) -> float:
        bounds = [SLEEP_S, self._looked_at + self.look_s - self._clock.monotonic()]
        if wake_at is not None:
            bounds.append((wake_at - self._clock.now()).total_seconds() - MILLISECOND_S)
        if self._engine.running.polls:
            bounds.append(POLL_S)
        return max(0.0, min(bounds))

    def _look(self) -> bool:
        """Every `look_s`: stat what can change, ask git only when it did. Whether there is something to tick for."""
        now = self._clock.monotonic()
        # Whoever is stopped asks git nothing more: a signal to the whole group would end that too, and look like a fault.
        if self._wake.stopping or now - self._looked_at < self.look_s:
            return False
        forced = isinf(self._looked_at)
        self._looked_at = now
        changed = self._feed.check(ask=forced)
        if changed:
            definitions = self._feed.current()
            log.info("live: %d jobs of %s", len(definitions.jobs), definitions.source[:12])
            if self.supervisor is not None:
                self.supervisor.reloading()
        self.on_look()
        self._tell_note()
        wake_at = self._engine.wake_at()
        if wake_at is not None and (wake_at - self._clock.now()).total_seconds() < self.look_s + AHEAD_S:
            self._engine.get_ready()
        return self._requests_changed() or changed or self._engine.has_news()

    def _requests_changed(self) -> bool:
        try:
            stamp = self._engine.ground.paths.requests.stat().st_mtime_ns
        except OSError:
            stamp = None
        changed, self._requests_seen = stamp != self._requests_seen, stamp
        return changed

    def _tell_note(self) -> None:
        note = self._feed.note
        if note != self._note:
            self._note = note
            log.error("%s", note) if note else log.info("the newest definitions are in force again")
