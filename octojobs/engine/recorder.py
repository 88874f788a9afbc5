"""Stages and flushes the engine's events, and holds new starts while the disk or the system refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from octojobs.core.backlog import Backlog
from octojobs.core.events import Event, RunClaimed, RunEvent
from octojobs.core.ledger import Ledger, Row
from octojobs.core.run import Run
from octojobs.engine.clock import Clock
from octojobs.errors import StorageFailed
from octojobs.store.store import Store

log = logging.getLogger("octojobs.recorder")

OnEvent = Callable[[Event, Run | None], None]
OnRow = Callable[[Row], None]

HOLD_S, LONGEST_HOLD_S = 5.0, 60.0
"""After the disk had no room for a record, or the system none for a process, how long until the next try.

It doubles while the system goes on refusing processes, for each try asks it for more of what it lacks.
"""


class Recorder:
    """What the engine decides goes through here. Owned by the engine's thread.

    `held` says why nothing starts for now, in words; `writes` whether the disk took the last record. `on_row` is told of each
    line of history when it is staged, and `on_end` of those that end a run.
    """

    def __init__(self, store: Store, clock: Clock, on_end: Callable[[Row], None]) -> None:
        self.held = ""
        self._on_end = on_end
        self.on_row: Callable[[Row], None] = lambda _: None
        self._observers: list[tuple[OnEvent, OnRow]] = []
        self.backlog = Backlog(store.ledger)
        self._store = store
        self._clock = clock
        self._hold_s = HOLD_S
        self._hold_until: float | None = None
        self.writes = True

    @property
    def ledger(self) -> Ledger:
        """The state in memory: what was staged is in it, whether it is durable or not."""
        return self._store.ledger

    def stage(self, events: Iterable[Event]) -> list[Row]:
        """Apply the events to the ledger; they are written by the next `flush`."""
        staged = tuple(events)
        if not staged:
            return []
        rows = self._store.stage(staged)
        for event in staged:
            if isinstance(event, RunClaimed | RunEvent):
                run_id = event.run.id if isinstance(event, RunClaimed) else event.run
                if (run := self.ledger.runs.get(run_id)) is not None:
                    self.backlog.add(run)
        for row in rows:
            if row.run is not None:
                self._on_end(row)
            self.on_row(row)
        if self._observers:
            self._show(staged, rows)
        return rows

    def observe(self, on_event: OnEvent, on_row: OnRow) -> Callable[[], None]:
        """Show each event that is staged, with its run as it is then, and each row; returns what ends that.

        They are shown before they are durable, and what they raise is raised here.
        """
        observer = (on_event, on_row)
        self._observers.append(observer)
        return lambda: self._observers.remove(observer)

    def _show(self, events: Sequence[Event], rows: Sequence[Row]) -> None:
        ended = {row.run.id: row.run for row in rows if row.run is not None}
        for on_event, on_row in tuple(self._observers):
            for event in events:
                run_id = event.run.id if isinstance(event, RunClaimed) else event.run if isinstance(event, RunEvent) else None
                run = (self.ledger.runs.get(run_id) or ended.get(run_id)) if run_id is not None else None
                on_event(event, run)
            for row in rows:
                on_row(row)

    def flush(self) -> bool:
        """Make what is staged durable; False, and new starts are held, when the disk refuses: nothing may be acted on then."""
        try:
            self._store.flush()
        except StorageFailed as failure:
            self.writes = False
            self._hold_s = HOLD_S
            self.hold(str(failure))
            return False
        if not self.writes:
            self.writes = True
            log.warning("the state can be written again")
        return True

    def hold(self, why: str) -> None:
        """Start nothing for a while."""
        if why != self.held:
            log.error("no new starts for now: %s", why)
        self.held = why
        self._hold_until = self._clock.monotonic() + self._hold_s

    def refused(self, why: str) -> None:
        """The system had no room for a process: hold, longer each time in a row."""
        self.hold(why)
        self._hold_s = min(self._hold_s * 2, LONGEST_HOLD_S)

    def started(self) -> None:
        """A process was started: the system has room again."""
        self._hold_s = HOLD_S

    def holds(self) -> bool:
        """Whether new starts are held now; a hold whose time is over ends here."""
        if self._hold_until is None:
            return False
        if self._clock.monotonic() < self._hold_until:
            return True
        self._hold_until, self.held = None, ""
        return False

    def hold_ends_at(self) -> datetime | None:
        """When the hold ends, None without one."""
        if self._hold_until is None:
            return None
        return self._clock.now() + timedelta(seconds=max(self._hold_until - self._clock.monotonic(), 0))
