"""The open engine of a scheduler: one thread at a time drives it, and the others hand it orders and wait.

An *order* is a run in the hands of `execute_job`. The engine may start exactly the runs whose orders were taken, that is,
whose `execute_job` has come down to the scheduler's own. Orders reach the driving thread through two queues, which any
thread may append to; all else here is the driver's. Whoever waits for an order while nobody drives becomes the driver,
so a run ends although the call that drove the engine before has returned.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from octojobs.core.claim import manual_run
from octojobs.core.events import RunClaimed, RunDropped
from octojobs.core.identity import RunId
from octojobs.core.ledger import Row
from octojobs.core.run import Outcome, Phase, Run
from octojobs.embedded.feed import SOURCE, JobsFeed
from octojobs.embedded.job import Job
from octojobs.engine.engine import Engine
from octojobs.engine.scope import Scope
from octojobs.engine.service import Service
from octojobs.engine.wake import Wake
from octojobs.errors import OctojobsError, UsageError
from octojobs.slotted import dataclass


class SchedulerStopped(OctojobsError):
    """The scheduler was told to stop while `execute_job` waited: the run goes on, and the next scheduler takes it over."""


@dataclass(slots=True, eq=False)
class Order:
    """A run for `execute_job`; `taken` when the scheduler's own has it, `row` is its line of history once it has ended."""

    run: Run
    job: Job
    taken: bool = False
    row: Row | None = None


class Session:
    """Drives an engine for calls of `cycle` and `execute`; these and `give_back` may be called from any thread.

    `face` finds the program's job of a run, `on_end` is told of runs that end in nobody's hands.
    """

    def __init__(
        self,
        engine: Engine,
        service: Service,
        wake: Wake,
        feed: JobsFeed,
        width: int,
        face: Callable[[Run], Job],
        on_end: Callable[[Row], None],
    ) -> None:
        self.engine = engine
        self.wake = wake
        self.rows = 0
        self._service = service
        self._feed = feed
        self._width = width
        self._face = face
        self._on_end = on_end
        self._turn = threading.Condition()
        self._driver: int | None = None
        self._cycling = False
        self._closed = False
        self._give: Callable[[Order], None] | None = None
        self._given: list[Order] = []
        self._orders: dict[RunId, Order] = {}
        self._allowed: set[RunId] = set()
        self._taken: deque[Order] = deque()
        self._returned: deque[tuple[Order, Outcome, str]] = deque()
        self._suffixes = itertools.count(random.randrange(1 << 16))
        engine.recorder.on_row = self._end
        self._scope(plan=False)

    @property
    def in_cycle(self) -> bool:
        """Whether a `cycle` is under way."""
        return self._cycling

    @contextmanager
    def cycling(self, stop_asked: Callable[[], str]) -> Iterator[None]:
        """One `cycle` at a time, with all that its threads do; it is stopped at once if that was asked for before.

        Raises UsageError when there is one already.
        """
        with self._turn:
            if self._cycling:
                raise UsageError("this scheduler runs already", "stop() it, or wait for its end")
            self._cycling = True
        try:
            if stop_asked():
                self.stop(stop_asked())
            yield
        finally:
            with self._turn:
                self._cycling = False
                self._turn.notify_all()

    def cycle(self, give: Callable[[Order], None], *, once: bool) -> None:
        """Plan, and give each run that may start to `give`, in starting order, as many at a time as the width says.

        `once` plans the present instant alone and returns when all that follows from it has ended; else it goes on
        until it is stopped. Each order must be given back, from whichever thread. For use within `cycling`.
        """
        with self._driving(lambda: False) as mine:
            if mine:
                self._cycle(give, once=once)

    def execute(self, job: Job) -> Row:
        """The end of the run that was given out for the job, else of a new one, started by hand past its guards.

        Raises SchedulerStopped.
        """
        order = self._take(job)
        self._taken.append(order)
        self._ring()
        try:
            with self._driving(lambda: order.row is not None) as mine:
                if mine:
                    self._loop(lambda: order.row is not None)
        finally:
            if order not in self._given:
                self.give_back(order, Outcome.CANCELLED, "the scheduler was stopped before it started")
        if order.row is None:
            what = f"the scheduler was stopped while execute_job({order.job.id!r}) waited"
            raise SchedulerStopped(what, "what runs goes on, and the next scheduler takes it over")
        return order.row

    def give_back(self, order: Order, outcome: Outcome = Outcome.SKIPPED, reason: str = "") -> None:
        """The order is out of `execute_job`'s hands. A run that did not start ends with this outcome if there is a reason."""
        self._returned.append((order, outcome, reason))
        self._ring()

    def stop(self, why: str) -> None:
        """End what goes on: a cycle returns, whoever waits gets SchedulerStopped."""
        with self._turn:
            if not self._closed:
                self.wake.stop(why)

    def close(self, last: Callable[[], None]) -> None:
        """End what goes on, wait until it has ended, call `last`, and let go of everything but the engine; twice is once."""
        self.stop("close()")
        with self._turn:
            self._turn.wait_for(lambda: self._driver is None and not self._cycling)
            if self._closed:
                return
            self._closed = True
            self._carry_out()
            last()
            self._service.close()
            self.wake.close()

    def _ring(self) -> None:
        # A closed pipe's number may be another file's by now: nobody writes to it after close().
        with self._turn:
            if not self._closed:
                self.wake.ring()

    @contextmanager
    def _driving(self, until: Callable[[], bool]) -> Iterator[bool]:
        """Be the one thread that touches the engine; False when `until()` holds, or a stop came, before its turn."""
        me = threading.get_ident()
        with self._turn:
            self._turn.wait_for(lambda: self._driver in (None, me) or until() or bool(self.wake.stopping))
            mine = not until() and not self.wake.stopping
            before = self._driver
            self._driver = me if mine else before
        try:
            yield mine
        finally:
            if mine:
                with self._turn:
                    self._driver = before
                    self._turn.notify_all()

    def _cycle(self, give: Callable[[Order], None], *, once: bool) -> None:
        self._give = give
        self._feed.check()
        self._scope(plan=True)
        try:
            if once:
                self._carry_out()
                self.engine.tick()
                self._scope(plan=False)
            self._loop(lambda: once and self._is_idle())
        finally:
            self._give = None
            self._scope(plan=False)

    def _loop(self, until: Callable[[], bool]) -> None:
        while not until() and not self.wake.stopping:
            self._carry_out()
            self._service.run(lambda: until() or self._has_work())
            for run in self._offers():
                order = Order(run, self._face(run))
                self._orders[run.id] = order
                with self._turn:
                    self._given.append(order)
                if self._give is not None:
                    self._give(order)

    def _carry_out(self) -> None:
        """Tell the engine what was taken and what was given back; its next tick acts on that."""
        while self._taken:
            order = self._taken.popleft()
            if order.row is not None:
                continue
            if order.run.id not in self._orders:
                self._orders[order.run.id] = order
                self.engine.record(RunClaimed(order.run))
            self._allowed.add(order.run.id)
        while self._returned:
            order, outcome, reason = self._returned.popleft()
            run = self.engine.store.ledger.runs.get(order.run.id)
            if reason and run is not None and (run.phase is Phase.QUEUED or not order.taken):
                self.engine.record(RunDropped(run.id, outcome, reason, self.engine.ground.clock.now()))
            self._orders.pop(order.run.id, None)
            self._allowed.discard(order.run.id)
            with self._turn:
                self._given = [other for other in self._given if other is not order]
        self._allowed.update(run.id for run in self.engine.starts.ready if run.is_follow_up)

    def _has_work(self) -> bool:
        follow_ups = (run.id for run in self.engine.starts.ready if run.is_follow_up)
        return bool(self._taken or self._returned or self._offers()) or any(run not in self._allowed for run in follow_ups)

    def _offers(self) -> list[Run]:
        """The runs to give out now, in starting order."""
        if self._give is None or len(self._given) >= self._width or self._returned:
            return []
        runs = self.engine.store.ledger.runs
        waiting = (run for run in self.engine.starts.ready if run.id in runs and run.id not in self._orders and not run.is_follow_up)
        return list(itertools.islice(waiting, self._width - len(self._given)))

    def _is_idle(self) -> bool:
        running = any(run.holds_slot for run in self.engine.store.ledger.unqueued())
        return not (running or self._given or self._has_work())

    def _take(self, job: Job) -> Order:
        with self._turn:
            for order in self._given:
                if order.job.id == job.id and not order.taken:
                    order.taken = True
                    return order
        definition = self._feed.effective(job)
        now = self.engine.ground.clock.now()
        suffix = f"{next(self._suffixes) % (1 << 16):04x}"
        return Order(manual_run(definition, now, suffix, forced=True, by="execute_job()", source=SOURCE), job, taken=True)

    def _end(self, row: Row) -> None:
        self.rows += 1
        order = self._orders.get(row.run.id) if row.run is not None else None
        if order is None:
            self._on_end(row)
            return
        self._allowed.discard(order.run.id)
        with self._turn:
            order.row = row
            self._turn.notify_all()

    def _scope(self, *, plan: bool) -> None:
        self.engine.scope = Scope(plan=plan, only=self._allowed, later=True)
