"""One tick of the engine: read what changed, decide, record, then act.

The order is the protocol of `runs.md`; what breaks if a line moves:
events are *staged* (the ledger in memory has them) and *flushed* in one durable write; nothing outside this process is
touched before the flush, so a crash, or a full disk, at any line leaves only what the next start can settle. One thing is:
the lease of a run whose guards have passed, which is bound to this process until it is bound to the run's (`holding.py`).
When a flush fails, what was staged stays staged: the engine decides nothing new until a later flush succeeds (P7).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import islice

from octojobs.core.absence import absences, withdrawn
from octojobs.core.claim import events_of
from octojobs.core.events import AttemptEnded, Event
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.ledger import Row
from octojobs.core.plan import plan
from octojobs.core.when import ActivityWhen, AfterWhen
from octojobs.engine import ahead
from octojobs.engine.aftermath import Aftermath
from octojobs.engine.agenda import Agenda
from octojobs.engine.clock import Watch
from octojobs.engine.courier import Courier
from octojobs.engine.feed import Feed
from octojobs.engine.ground import Ground
from octojobs.engine.inbox import Inbox
from octojobs.engine.pacing import Pacing
from octojobs.engine.recorder import Recorder
from octojobs.engine.running import Running
from octojobs.engine.scope import EVERYTHING, Scope
from octojobs.engine.starter import Starter, fields_of, retried_or_final
from octojobs.engine.starts import Starts
from octojobs.engine.triggers import Triggers
from octojobs.store.activity import touch_activity
from octojobs.store.store import Store

log = logging.getLogger("octojobs.engine")


class Engine:
    """Decides and starts. One thread owns it, its ledger and its store.

    It plans and settles; `starts` has what lies between.
    """

    def __init__(self, ground: Ground, store: Store, feed: Feed, starter: Starter, scope: Scope = EVERYTHING) -> None:
        self.ground = ground
        self.store = store
        self.feed = feed
        self.scope = scope
        self.running = Running(ground.paths, starter.pool, ground.environ)
        self.recorder = Recorder(store, ground.clock, self._plan_again)
        self._starter = starter
        self._inbox = Inbox(ground.paths, ground.salt)
        self._agenda = Agenda()
        self._pacing = Pacing(ground)
        self.triggers = Triggers(ground)
        self._watch = Watch(ground.clock)
        self._digest: str | None = None
        self._jobs: Mapping[JobId, Job] = {}
        self.running.adopt(self.store.ledger)
        self._aftermath = Aftermath(ground, self.recorder, feed)
        self.starts = Starts(ground, feed, self.recorder, self._aftermath, starter)
        self.starts.guards.unwritten = store.unwritten
        self.courier = Courier(ground)

    def tick(self) -> None:
        """One pass. Never raises for a full disk or a refused process: it holds new starts and says so in `held`."""
        now = self.ground.clock.now()
        self.starts.unfinished = False
        if note := self._watch.look():
            log.warning("%s; every job is planned anew", note)
            self._look_at_all(now)
        if not self.recorder.flush():
            # Ends are noticed all the same: an ended shim's descriptor stays readable, and the loop must not spin on it.
            self._settle(now)
            return
        self._inbox.recorded()
        self._follow_definitions(now)
        if not self._take_requests(now):
            self._settle(now)
            return
        self._settle(now)
        self._aftermath.begun(now)
        if self.scope.plan:
            self._plan(now)
            self._look_at_refs(now)
        self.starts.judge(self.scope, self._agenda.next_of, now)
        self.starts.admit(self.scope, now)
        if self.recorder.flush():
            self._act()
        self.store.write_out()  # after the gates have opened: no process waits for a line of history
        if not self.store.failed:
            self.courier.recorded(self.store.seq)
        self.courier.look(self.store.ledger, partial(self.starts.waiting_for, now), now)

    def wake_at(self) -> datetime | None:
        """The earliest instant at which a tick has something to do, None when only an event can bring it."""
        hold_ends_at = self.recorder.hold_ends_at()
        if not self.recorder.writes:
            return hold_ends_at  # what is due can't be claimed before that
        if self.starts.unfinished and hold_ends_at is None:
            return self.ground.clock.now()
        planned, triggered = (self._agenda.wake_at(), self.triggers.wake_at()) if self.scope.plan else (None, None)
        instants = (planned, triggered, self.starts.wake_at, self._aftermath.wake_at, hold_ends_at)
        return min((at for at in instants if at is not None), default=None)

    @property
    def held(self) -> str:
        """Why nothing starts for now, in words; empty when nothing is held."""
        return self.recorder.held

    def record(self, *events: Event) -> None:
        """What a caller on the engine's thread has decided (a claim, a drop): durable with the next tick, before it acts."""
        self._stage(events)

    def get_ready(self) -> None:
        """Something is about to fall due: ask git, fork shims and make folders now, so that the starts need not wait for them."""
        self.ground.refresh_revision()
        wake_at = self.wake_at()
        due = list(islice(self._agenda.until(wake_at), ahead.MOST)) if wake_at is not None else []
        self._starter.pool.get_ready(max(1, min(len(due), self.starts.room)))
        # Where something else is the reason to wake up, what lies on the agenda by then is of other instants.
        if wake_at is not None and wake_at == self._agenda.wake_at() and self.ground.clock.now() + ahead.SOON > wake_at:
            self._starter.make_folders(ahead.coming(self._jobs, due, self.store.ledger, wake_at), wake_at - ahead.SPARE)

    def has_news(self) -> bool:
        """Whether something has happened in the repository that changes when jobs are due."""
        return self.scope.plan and (self._pacing.is_news() or self.triggers.is_news())

    def rest(self) -> None:
        """There is nothing to do for a while."""
        self.store.rest()
        self._starter.pool.rest()

    def close(self) -> None:
        """Write what is staged if the disk takes it, snapshot, and give the repository free. Running jobs go on."""
        if self.recorder.flush():
            self.store.write_out()
            if not self.store.failed:
                self.courier.recorded(self.store.seq)
        self.courier.stop()
        self.starts.close(self.ground.clock.now())
        self.running.close()
        self.store.close()

    # Each step below stages events; none touches anything outside.

    def _follow_definitions(self, now: datetime) -> None:
        definitions = self.feed.current()
        if definitions.digest == self._digest:
            return
        self._digest = definitions.digest
        self.courier.follow(definitions, self.store.seq)
        self.ground.forget_revision()
        self._stage(absences(definitions.jobs, self.store.ledger, now))
        self._stage(withdrawn(definitions.jobs, self.store.ledger, now))
        before, self._jobs = self._jobs, definitions.jobs
        self._pacing.follow(definitions.jobs)
        self.triggers.follow(definitions.jobs)
        self._aftermath.follow(definitions.jobs.values())
        for gone in before.keys() - definitions.jobs.keys():
            self._agenda.put(gone, None)
        for name, job in definitions.jobs.items():
            # What was built from a file that did not change is the same object: its next instant is known.
            if before.get(name) is not job:
                self._agenda.put(name, now)

    def _look_at_all(self, now: datetime) -> None:
        for job in self._jobs:
            self._agenda.put(job, now)

    def _take_requests(self, now: datetime) -> bool:
        """What was asked for, in a write of its own; False when the disk refuses it.

        A run that was asked for may end in this very tick (its guard does not hold). If the request outlived that end, the
        next daemon would take it for a new one.
        """
        self._stage(self._inbox.take(self.feed.current(), self.store.ledger, now))
        if self._inbox.is_waiting:
            if not self.recorder.flush():
                return False
            self._inbox.recorded()
        return True

    def _settle(self, now: datetime) -> None:
        matters = False
        for event in self.running.settled(self.store.ledger, now):
            self._aftermath.ending(event, now)
            rows = self._stage((event,))
            if isinstance(event, AttemptEnded):
                (log.info if event.attempt.outcome.value == "succeeded" else log.warning)(
                    "%s", retried_or_final(event), extra=fields_of(event)
                )
            for row in rows:
                self._aftermath.ended(row, now)
                # A job that follows activity would keep itself awake.
                matters |= row.run is not None and not isinstance(row.run.definition.when, ActivityWhen)
        if matters:
            touch_activity(self.ground.paths, now)

    def _plan(self, now: datetime) -> None:
        definitions = self.feed.current()
        for name in self._pacing.look():
            self._agenda.put(name, now)
        candidates = [definitions.jobs[job] for job in self._agenda.take(now) if job in definitions.jobs]
        if not candidates:
            return
        decided = plan(candidates, self.store.ledger, now, salt=self.ground.salt, activity=self._pacing.activity)
        self._stage(events_of(decided, definitions.jobs, now, definitions.source))
        for job, at in decided.next_due.items():
            self._agenda.put(job, at)

    def _look_at_refs(self, now: datetime) -> None:
        for events in self.triggers.look(self.feed.current(), self.store.ledger, now):
            self._stage(events)
        if self.triggers.rests:
            self.get_ready()

    def _act(self) -> None:
        """From here on the outside is touched: everything it rests on is durable."""
        for run, shim in self.starts.act(self.ground.clock.now()):
            self.running.watch(run, shim)
            self._aftermath.opened(run)
            self.courier.begun(run, self.store.seq)
        self.running.stop_cancelled(self.store.ledger)
        self._starter.pool.recorded()

    def _stage(self, events: Iterable[Event]) -> list[Row]:
        return self.recorder.stage(events)

    def _plan_again(self, row: Row) -> None:
        """However a run ended: an `after` job has no next instant until it is planned again, in this tick if that is still to come.

        So with an interval that adapts, and no other job. The end may lie in the future when the clock was set back.
        """
        job = self._jobs.get(row.job)
        if job is not None and (isinstance(job.when, AfterWhen) or job.adapts):
            self._agenda.put(row.job, min(row.at, self.ground.clock.now()))
