"""When each job is looked at next: a heap, so that a tick costs what is due and not what is declared."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from octojobs.core.identity import JobId


class Agenda:
    """The next due instant of each job. Owned by the engine's thread.

    Entries that were overtaken stay in the heap until they surface; `_next` says which of them is the true one.
    """

    def __init__(self) -> None:
        self._next: dict[JobId, datetime] = {}
        self._heap: list[tuple[datetime, JobId]] = []

    def put(self, job: JobId, at: datetime | None) -> None:
        """Look at the job at `at`; None takes it off the agenda."""
        if at is None:
            self._next.pop(job, None)
        elif self._next.get(job) != at:
            self._next[job] = at
            heapq.heappush(self._heap, (at, job))

    def take(self, now: datetime) -> list[JobId]:
        """The jobs whose instant has come; they are off the agenda until they are put again. O(due · log n)."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, job = heapq.heappop(self._heap)
            if self._next.get(job) == at:
                del self._next[job]
                due.append(job)
        return due

    def wake_at(self) -> datetime | None:
        """The earliest instant on the agenda, None when it is empty."""
        while self._heap and self._next.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def until(self, at: datetime) -> Iterator[JobId]:
        """The jobs that are to be looked at by then, in no order, perhaps one of them twice; what is not asked for costs nothing."""
        places = [0]
        while places:
            place = places.pop()
            # What lies below an entry of the heap is no earlier than it.
            if place < len(self._heap) and self._heap[place][0] <= at:
                entry_at, job = self._heap[place]
                if self._next.get(job) == entry_at:
                    yield job
                places += (2 * place + 1, 2 * place + 2)

    def next_of(self, job: JobId) -> datetime | None:
        """When the job is looked at next."""
        return self._next.get(job)
