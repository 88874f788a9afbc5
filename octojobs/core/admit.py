"""Admission: which of the open runs start now, in what order, and in words why the others don't."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta

from octojobs.core.blocked import blocking
from octojobs.core.catchup import start_deadline_reason
from octojobs.core.definitions import DEFAULT_POOL
from octojobs.core.events import RunDropped
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Overlap, Priority
from octojobs.core.ledger import Ledger, Pause
from octojobs.core.overlap import OpenRun
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.slotted import dataclass

RAISED_AFTER = timedelta(hours=1)
"""A low job that has been overtaken for so long is raised one level, so that it can't starve (runs.md)."""

_SECOND = timedelta(seconds=1)
_SOONER = {"local": 0, "remote": 2}
"""Of the same instant, `group: local` starts before the others and `remote` after them (formats.md)."""


@dataclass(frozen=True, slots=True)
class Others:
    """Who else takes room in a pool, that is nobody's run: so many, None when nobody can tell; and in words."""

    count: int | None = 0
    words: str = ""

    def room(self, size: int) -> int:
        """What they leave of a pool of that size; nothing, when nobody can tell."""
        return 0 if self.count is None else max(0, size - self.count)


NO_OTHERS: Mapping[str, Others] = {}
_NOBODY = Others()


@dataclass(frozen=True, slots=True)
class Admission:
    """`start` in starting order; `held` says why each other ready run is not started; `dropped` ends runs that won't start.

    `wake_at` is when the answer may change by time alone (a retry, a guard's next check, a deadline, a pause's end); None for never.
    """

    start: tuple[Run, ...] = ()
    held: Mapping[RunId, str] = field(default_factory=dict)
    dropped: tuple[RunDropped, ...] = ()
    wake_at: datetime | None = None


@dataclass(slots=True)
class _Desk:
    """The admission while it is made."""

    ledger: Ledger
    now: datetime
    held: dict[RunId, str] = field(default_factory=dict)
    dropped: list[RunDropped] = field(default_factory=list)
    wake_at: list[datetime] = field(default_factory=list)
    ready: dict[JobId, list[Run]] = field(default_factory=dict)
    active: dict[JobId, list[Run]] = field(default_factory=dict)
    follow_ups: list[Run] = field(default_factory=list)
    beside: list[Run] = field(default_factory=list)
    used: dict[str, int] = field(default_factory=dict)
    others: Mapping[str, Others] = field(default_factory=dict)


def admit(
    ledger: Ledger, pools: Mapping[str, int], now: datetime, among: Iterable[Run] | None = None, others: Mapping[str, Others] = NO_OTHERS
) -> Admission:
    """The runs that may start at `now`; `pools` has the sizes by name, that of `default` included. O(runs); changes nothing.

    `among` is all open runs, or fewer of the queued ones when the caller knows which would start (`core/backlog.py`).
    `others` are who else takes room, by pool.

    Ready is a queued run, and one whose retry is due. They start by (priority, due instant, local before remote, id) as far as
    their pools have room, and at most one of a job at a time unless its overlap allows more. Source: runs.md, "Retries, overlap, pools".
    """
    desk = _Desk(ledger, now, others=others)
    for run in ledger.runs.values() if among is None else among:
        _sort(desk, run)
    by_pool: dict[str, list[Run]] = {}
    for run in (*_startable(desk), *desk.follow_ups):
        by_pool.setdefault(run.definition.pool or DEFAULT_POOL, []).append(run)
    start: list[Run] = []
    for pool, runs in by_pool.items():
        start += _fill(desk, pool, pools.get(pool), runs)
    start += desk.beside
    start.sort(key=lambda run: order_at(run, now))
    return Admission(tuple(start), desk.held, tuple(desk.dropped), min((at for at in desk.wake_at if at > now), default=None))


def _sort(desk: _Desk, run: Run) -> None:
    """Puts an open run where it belongs: active, dropped, held or ready."""
    if run.takes_room:
        pool = run.definition.pool or DEFAULT_POOL
        desk.used[pool] = desk.used.get(pool, 0) + 1
        _put(desk.active, run)
    elif run.holds_slot:
        return
    elif ending := _ending(run, desk.now):
        desk.dropped.append(ending)
    else:
        if run.deadline is not None and not _has_started(run):
            desk.wake_at.append(run.deadline + _SECOND)
        if run.not_before is not None and run.not_before > desk.now:
            desk.wake_at.append(run.not_before)
            if run.phase is Phase.RETRYING:
                _put(desk.active, run)
        elif run.phase is not Phase.WAITING:
            _queue(desk, run)


def _put(runs_by_job: dict[JobId, list[Run]], run: Run) -> None:
    # a follow-up is its parent's echo: it neither waits for runs of the job nor keeps them waiting
    if not run.is_follow_up:
        runs_by_job.setdefault(run.job, []).append(run)


def _ending(run: Run, now: datetime) -> RunDropped | None:
    if run.cancel:
        return RunDropped(run.id, Outcome.CANCELLED, f"cancelled by {run.cancel}", now)
    if run.deadline is not None and now > run.deadline and not _has_started(run):
        reason = start_deadline_reason(run.definition)
        if run.phase is Phase.WAITING and run.verdicts:
            reason += f"; {blocking(run.verdicts)}"
        return RunDropped(run.id, Outcome.MISSED, reason, now, run.verdicts)
    return None


def _has_started(run: Run) -> bool:
    return any(not attempt.void for attempt in run.attempts)


def stopping_pause(ledger: Ledger, run: Run, now: datetime) -> Pause | None:
    """The pause that keeps a run that is ready from starting, None for none."""
    if run.definition.run_when_paused or run.cause is Cause.MANUAL or run.forced or run.is_follow_up:
        return None
    return ledger.pause_of(run.job, now)


def waiting_for_limit(ledger: Ledger, run: Run, now: datetime) -> str:
    """The rate limit whose end the run waits for, in words; "" for none."""
    limit = ledger.limit_of(run, now)
    if limit is not None:
        return f"{run.definition.provider}'s {limit}"
    return run.attempts[-1].reason if run.is_deferred else ""


def _queue(desk: _Desk, run: Run) -> None:
    """Ready, unless the job is paused, or its agent's provider has a rate limit.

    A run that was asked for starts in spite of a pause, and so does the word of a failure.
    """
    pause = stopping_pause(desk.ledger, run, desk.now)
    if pause is not None:
        desk.held[run.id] = str(pause)
        if pause.until is not None:
            desk.wake_at.append(pause.until)
    elif (limit := desk.ledger.limit_of(run, desk.now)) is not None:
        desk.held[run.id] = f"queued: {waiting_for_limit(desk.ledger, run, desk.now)}"
        desk.wake_at.append(limit.until)
        if run.phase is Phase.RETRYING:
            _put(desk.active, run)
    elif run.is_follow_up:
        (desk.beside if run.is_beside else desk.follow_ups).append(run)
    else:
        _put(desk.ready, run)


def _startable(desk: _Desk) -> Iterable[Run]:
    """Of each job's ready runs those that its overlap lets start, oldest first; the others are held."""
    for job, ready in desk.ready.items():
        active = desk.active.get(job, ())
        definition = ready[0].definition
        room = definition.max_instances if definition.overlap is Overlap.ALLOW else 1
        room = max(0, room - len(active))
        if len(ready) > room:
            ready.sort(key=lambda run: (run.phase is not Phase.RETRYING, run.due, run.id))
            blocker = active[0] if active else ready[0]
            reason = f"queued: {OpenRun(blocker.id, blocker.phase)}"
            desk.held.update((run.id, reason) for run in ready[room:])
        yield from ready[:room]


def _fill(desk: _Desk, pool: str, size: int | None, runs: Sequence[Run]) -> list[Run]:
    if size is None:
        desk.held.update((run.id, f"queued: there is no pool {pool} in octojobs.yaml") for run in runs)
        return []
    others = desk.others.get(pool, _NOBODY)
    room = max(0, others.room(size) - desk.used.get(pool, 0))
    if len(runs) <= room:
        return list(runs)
    start = heapq.nsmallest(room, runs, key=lambda run: order_at(run, desk.now))
    started = {run.id for run in start}
    reason = f"queued: pool {pool} {size}/{size}" + (f": {others.words}" if others.words else "")
    desk.held.update((run.id, reason) for run in runs if run.id not in started)
    return start


def start_order(run: Run) -> tuple[datetime, int, RunId]:
    """The order in which runs of one priority start: due instant, local before remote, id."""
    return run.due, _SOONER.get(run.definition.group, 1), run.id


def order_at(run: Run, now: datetime) -> tuple[int, datetime, int, RunId]:
    """What ready runs are sorted by: the priority's rank, a low one that has waited long raised, then as `start_order`."""
    priority = run.definition.priority
    rank = _RANKS[priority]
    if priority is Priority.LOW and now - run.claimed_at >= RAISED_AFTER:
        rank -= 1
    return (rank, *start_order(run))


_RANKS = {priority: priority.rank for priority in Priority}
