"""The queued runs in the order in which they would start, so that admission looks at a few of them and not at all."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from octojobs.core.admit import NO_OTHERS, Admission, Others, admit, order_at, start_order
from octojobs.core.definitions import DEFAULT_POOL
from octojobs.core.identity import RunId
from octojobs.core.job import Priority
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run

LATE = timedelta(seconds=1)
"""A run is too late when its deadline has passed, not when it has come."""

MORE = 2
"""How many runs are offered beyond the room of their pool, for some may be held by their overlap or a pause."""


class Backlog:
    """Admission in O(started · log n): a heap for each pool and priority, and one for deadlines. Owned by the engine's thread.

    A property compares `admit` here with `core.admit.admit` over all open runs. Entries of runs that are queued no more
    stay in the heaps until they surface.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._heaps: dict[tuple[str, Priority], list[tuple[tuple[datetime, int, RunId], RunId]]] = {}
        self._deadlines: list[tuple[datetime, RunId]] = []
        self._cancelled: list[RunId] = []
        self._beside: dict[RunId, None] = {}
        for run in ledger.runs.values():
            self.add(run)

    def add(self, run: Run) -> None:
        """A run has come to be queued, or a queued one is to be cancelled; any other run is left alone."""
        if run.phase is not Phase.QUEUED:
            return
        if run.cancel:
            self._cancelled.append(run.id)
            return
        if run.is_beside:
            self._beside[run.id] = None  # there are as many as runs have just begun, and none waits for room
            return
        self._push(run)
        if run.deadline is not None:
            heapq.heappush(self._deadlines, (run.deadline, run.id))

    def admit(self, pools: Mapping[str, int], now: datetime, others: Mapping[str, Others] = NO_OTHERS) -> Admission:
        """As `core.admit.admit`; `held` names only the runs that were looked at."""
        unqueued = self._ledger.unqueued()
        room = _room(unqueued, {pool: others[pool].room(size) if pool in others else size for pool, size in pools.items()})
        offered = self._urgent(now)
        beside = [run for run in map(self._queued, list(self._beside)) if run is not None and run.id not in offered]
        self._beside = dict.fromkeys(run.id for run in beside)
        width = MORE
        while True:
            fresh = self._offer({pool: left + width for pool, left in room.items() if left > 0})
            offered |= fresh
            admission = admit(self._ledger, pools, now, [*unqueued, *beside, *offered.values()], others)
            if not fresh or not self._goes_on(admission, room, now):
                break
            width *= 4
        dropped = {ending.run for ending in admission.dropped}
        for run in offered.values():
            # One that starts becomes stale in its heap; one that does not start after all (a full disk) is still there.
            if run.id not in dropped:
                self._push(run)
        deadline = self._deadlines[0][0] + LATE if self._deadlines else None
        wake_at = min((at for at in (admission.wake_at, deadline) if at is not None), default=None)
        return Admission(admission.start, admission.held, admission.dropped, wake_at)

    def _push(self, run: Run) -> None:
        key = (run.definition.pool or DEFAULT_POOL, run.definition.priority)
        heapq.heappush(self._heaps.setdefault(key, []), (start_order(run), run.id))

    def _queued(self, run_id: RunId) -> Run | None:
        run = self._ledger.runs.get(run_id)
        return run if run is not None and run.phase is Phase.QUEUED else None

    def _urgent(self, now: datetime) -> dict[RunId, Run]:
        """The queued runs that are to end: cancelled, or too late."""
        due = list(self._cancelled)
        while self._deadlines and self._deadlines[0][0] < now:
            due.append(heapq.heappop(self._deadlines)[1])
        self._cancelled = []
        return {run.id: run for run in map(self._queued, due) if run is not None}

    def _offer(self, widths: Mapping[str, int]) -> dict[RunId, Run]:
        """The next runs of each priority of these pools, as many of each as their width says; they leave their heaps."""
        offered: dict[RunId, Run] = {}
        for (pool, _), heap in self._heaps.items():
            left = widths.get(pool, 0)
            while heap and left > 0:
                run = self._queued(heapq.heappop(heap)[1])
                if run is not None and run.id not in offered:
                    offered[run.id] = run
                    left -= 1
        return offered

    def _goes_on(self, admission: Admission, room: Mapping[str, int], now: datetime) -> bool:
        """Whether a queued run that was not looked at might start: its pool has room, or gave it to one that comes after."""
        in_pools = [run for run in admission.start if not run.is_beside]
        started = Counter(run.definition.pool or DEFAULT_POOL for run in in_pools)
        last = {run.definition.pool or DEFAULT_POOL: order_at(run, now) for run in in_pools}
        for (pool, _), heap in self._heaps.items():
            if not heap or room.get(pool, 0) <= 0:
                continue
            first = self._queued(heap[0][1])
            if started[pool] < room[pool] or first is None or order_at(first, now) < last[pool]:
                return True
        return False


def _room(unqueued: Iterable[Run], pools: Mapping[str, int]) -> dict[str, int]:
    used = Counter(run.definition.pool or DEFAULT_POOL for run in unqueued if run.takes_room)
    return {pool: size - used[pool] for pool, size in pools.items()}
