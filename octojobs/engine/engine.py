"""One tick of the engine: read what changed, decide, record, then act.

The order is the protocol of `runs.md`; what breaks if a line moves:
events are *staged* (the ledger in memory has them) and *flushed* in one durable write; nothing outside this process is
touched before the flush, so a crash, or a full disk, at any line leaves only what the next start can settle. One thing is:
the lease of a run whose guards have passed, which is bound to this process until it is bound to the run's (`holding.py`).
When a flush fails, what was staged stays staged: the engine decides nothing new until a later flush succeeds (P7).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from octojobs.core.absence import absences, withdrawn
from octojobs.core.admit import Admission, admit
from octojobs.core.blocked import CHECK_EVERY
from octojobs.core.claim import events_of
from octojobs.core.codec import format_instant
from octojobs.core.events import AttemptEnded, AttemptStarting, Event, RunBlocked
from octojobs.core.guards import Status
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Row
from octojobs.core.plan import plan
from octojobs.core.run import Phase, Run
from octojobs.core.when import ActivityWhen, AfterWhen
from octojobs.engine import ahead
from octojobs.engine.aftermath import Aftermath
from octojobs.engine.agenda import Agenda
from octojobs.engine.clock import Watch
from octojobs.engine.courier import Courier
from octojobs.engine.feed import Feed
from octojobs.engine.ground import Ground
from octojobs.engine.guarding import Guards, Holds
from octojobs.engine.holding import Holding
from octojobs.engine.inbox import Inbox
from octojobs.engine.others import OtherAgents
from octojobs.engine.pacing import Pacing
from octojobs.engine.pinning import withheld
from octojobs.engine.recorder import Recorder
from octojobs.engine.running import Running
from octojobs.engine.starter import Gated, Starter, fields_of, retried_or_final
from octojobs.engine.triggers import Triggers
from octojobs.runners.base import Shim
from octojobs.store.activity import touch_activity
from octojobs.store.store import Store

log = logging.getLogger("octojobs.engine")


@dataclass(frozen=True, slots=True)
class Scope:
    """What this engine may do: `plan` due instants, and start any run or (`only`) the named ones.

    `only` may be a live set that the engine's thread changes between two ticks: other runs take none of its room then. Whether
    they will be in it `later` decides if a run whose guards pass gets its lease: for one that never starts, others would wait.
    """

    plan: bool = True
    only: Collection[RunId] | None = None
    later: bool = False


EVERYTHING = Scope()


@dataclass(slots=True)
class Intent:
    """What is recorded but not acted on: kept over a failed flush."""

    gated: dict[RunId, Gated] = field(default_factory=dict)


class Engine:
    """Decides and starts. One thread owns it, its ledger and its store.

    `unfinished` says that another tick has something to do at once. `trace_env` are variables by which a run joins a trace.
    """

    def __init__(self, ground: Ground, store: Store, feed: Feed, starter: Starter, scope: Scope = EVERYTHING) -> None:
        self.ground = ground
        self.store = store
        self.feed = feed
        self.scope = scope
        self.running = Running(ground.paths, starter.pool, ground.environ)
        self.guards = Guards(ground)
        self.guards.unwritten = store.unwritten
        self.recorder = Recorder(store, ground.clock, self._plan_again)
        self._starter = starter
        self._inbox = Inbox(ground.paths, ground.salt)
        self._agenda = Agenda()
        self._pacing = Pacing(ground)
        self._others = OtherAgents(ground, store.ledger)
        self.triggers = Triggers(ground)
        self._watch = Watch(ground.clock)
        self._intent = Intent()
        self._admission = Admission()
        self._recheck_at: datetime | None = None
        self.unfinished = False
        self._digest: str | None = None
        self._jobs: Mapping[JobId, Job] = {}
        self.running.adopt(self.store.ledger)
        self._aftermath = Aftermath(ground, self.recorder, feed)
        self._holding = Holding(ground, store.ledger)
        self._freed = False
        self.courier = Courier(ground)
        self.trace_env: Callable[[Run], Mapping[str, str]] = lambda _: {}

    def tick(self) -> None:
        """One pass. Never raises for a full disk or a refused process: it holds new starts and says so in `held`."""
        now = self.ground.clock.now()
        self.unfinished = False
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
        self._judge(now)
        self._admit(now)
        if self.recorder.flush():
            self._act()
        self.store.write_out()  # after the gates have opened: no process waits for a line of history
        if not self.store.failed:
            self.courier.recorded(self.store.seq)
        self.courier.look(self.store.ledger, self.waiting_for, now)

    def wake_at(self) -> datetime | None:
        """The earliest instant at which a tick has something to do, None when only an event can bring it."""
        hold_ends_at = self.recorder.hold_ends_at()
        if not self.recorder.writes:
            return hold_ends_at  # what is due can't be claimed before that
        if self.unfinished and hold_ends_at is None:
            return self.ground.clock.now()
        planned, triggered = (self._agenda.wake_at(), self.triggers.wake_at()) if self.scope.plan else (None, None)
        instants = (planned, triggered, self._admission.wake_at, self._recheck_at, self._aftermath.wake_at, hold_ends_at)
        return min((at for at in instants if at is not None), default=None)

    @property
    def held(self) -> str:
        """Why nothing starts for now, in words; empty when nothing is held."""
        return self.recorder.held

    def waiting_for(self) -> dict[RunId, str]:
        """Why each ready run does not start, in words; walks all open runs."""
        return dict(admit(self.store.ledger, self._pools(), self.ground.clock.now(), others=self._others.seen).held)

    @property
    def ready(self) -> tuple[Run, ...]:
        """The runs that had room to start at the last tick, in starting order, whether the scope lets them or not."""
        return self._admission.start

    def record(self, *events: Event) -> None:
        """What a caller on the engine's thread has decided (a claim, a drop): durable with the next tick, before it acts."""
        self._stage(events)

    def get_ready(self) -> None:
        """Something is about to fall due: ask git, fork shims and make folders now, so that the starts need not wait for them."""
        self.ground.refresh_revision()
        wake_at = self.wake_at()
        due = list(islice(self._agenda.until(wake_at), ahead.MOST)) if wake_at is not None else []
        self._starter.pool.get_ready(max(1, min(len(due), max(self._pools().values()))))
        if wake_at is not None and self.ground.clock.now() + ahead.SOON > wake_at:
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
        for gated in self._intent.gated.values():
            gated.shim.close()
        self._holding.close(self.ground.clock.now())
        self._starter.close()
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

    def _judge(self, now: datetime) -> None:
        if self.feed.current().pins or self.feed.current().keeps_plan:
            # Before the guards: one of them may be a script that nobody has approved.
            self._withhold([run for run in self.store.ledger.unqueued() if run.phase is Phase.WAITING], now)
        freed = self._holding.follow(now) or self._freed
        self._freed = False
        holds = Holds(lambda run: self._holding.take(run, now), lambda run: self._may_start(run.id), freed)
        judged = self.guards.judge(self.store.ledger, self.feed.current().settings, now, self._agenda.next_of, holds)
        self._stage(judged.events)
        self._recheck_at = judged.wake_at

    def _admit(self, now: datetime) -> None:
        backlog, settings = self.recorder.backlog, self.feed.current().settings
        self._admission = self._others.admitted(lambda others: backlog.admit(self._pools(), now, others), settings, now)
        self._stage(self._admission.dropped)
        if self.recorder.holds():
            return
        starts = self._admission.start if self.scope.only is None else self._admitted(self.scope.only, now)
        if self._withhold(starts, now):
            self.unfinished = True  # there is room for others, now
            starts = tuple(run for run in starts if run.id in self.store.ledger.runs)
        starts = tuple(run for run in starts if self._holding.has(run) or self._holds_again(run, now))
        if not starts:
            return
        shims, refusal = self._starter.reserve(starts)
        if refusal:
            self.recorder.refused(refusal)
        if shims:
            self.recorder.started()
            self._gate(starts[: len(shims)], shims, now)

    def _gate(self, starts: Sequence[Run], shims: Sequence[Shim], now: datetime) -> None:
        """Stage the starts together with the processes that will carry them out: one durable write, and the gates may open."""
        revision = self.ground.revision()
        self._stage(AttemptStarting(run.id, run.attempt, now, revision.commit, revision.dirty) for run in starts)
        runs = [self.store.ledger.runs[run.id] for run in starts]
        batch = self._starter.prepare(runs, shims, self.feed.current(), self._extra_env)
        for row in self._stage(batch.events):
            self._aftermath.ended(row, now)
        self._intent.gated |= batch.gated
        # A run that could not be started has ended or is queued again: there is room for another, now.
        self.unfinished |= len(batch.gated) < len(starts)

    def _withhold(self, runs: Iterable[Run], now: datetime) -> bool:
        """End those that must not start, since a script that they name is not the approved one; whether there were any."""
        events = withheld(runs, self.feed.current(), self.ground.root, now)
        for event in events:
            log.info("%s does not start: %s", event.run, event.reason)
        rows = self._stage(events)
        for row in rows:
            self._aftermath.ended(row, now)
        return bool(rows)

    def _may_start(self, run: RunId) -> bool:
        """Whether this engine ever starts the run."""
        return self.scope.only is None or self.scope.later or run in self.scope.only

    def _holds_again(self, run: Run, now: datetime) -> bool:
        """A run that was ready before has no lease: an earlier daemon had it, or a pause ended it. Whether it has one now."""
        verdict = self._holding.take(run, now)
        if verdict.status is Status.PASSED:
            return True
        guards = tuple(one for one in run.verdicts if one.guard != verdict.guard)
        self._stage((RunBlocked(run.id, (*guards, verdict), now + CHECK_EVERY),))
        self._recheck_at = min(filter(None, (self._recheck_at, now + CHECK_EVERY)))
        return False

    def _admitted(self, only: Collection[RunId], now: datetime) -> tuple[Run, ...]:
        """Of these runs alone, those that start: one of them must not wait for the room of a run that never will."""
        ledger = self.store.ledger
        named = [ledger.runs[run] for run in only if run in ledger.runs and not ledger.runs[run].holds_slot]
        chosen = [*(run for run in ledger.unqueued() if run.holds_slot), *named]
        return self._others.admitted(
            lambda others: admit(ledger, self._pools(), now, chosen, others), self.feed.current().settings, now
        ).start

    def _pools(self) -> dict[str, int]:
        return self.feed.current().settings.pool_sizes

    # From here on the outside is touched: everything it rests on is durable.

    def _act(self) -> None:
        intent, self._intent = self._intent, Intent()
        if self._holding.follow(self.ground.clock.now()):
            self._freed = self.unfinished = True  # somebody may wait for what a run had that ended in this tick
        for run, gated in intent.gated.items():
            gated.shim.start(gated.launch)
            self.running.watch(self.store.ledger.runs[run], gated.shim)
            self._aftermath.opened(self.store.ledger.runs[run])
            self.courier.begun(self.store.ledger.runs[run], self.store.seq)
        self.running.stop_cancelled(self.store.ledger)
        self._starter.pool.recorded()

    def _extra_env(self, run: Run) -> dict[str, str]:
        extra = dict(self.trace_env(run))
        state = self.store.ledger.jobs.get(run.job)
        if state is not None and state.last_success_at is not None:
            extra["OCTOJOBS_LAST_SUCCESS_AT"] = format_instant(state.last_success_at)
        if run.is_follow_up:
            parent, attempt = RunId(run.id.partition("+")[0]), int(run.definition.env["OCTOJOBS_PARENT_ATTEMPT"])
            extra["OCTOJOBS_PARENT_LOG"] = str(self.ground.paths.run_dir(parent, attempt) / "output.log")
        return extra

    def _stage(self, events: Iterable[Event]) -> list[Row]:
        return self.recorder.stage(events)

    def _plan_again(self, row: Row) -> None:
        """However a run ended: an `after` job has no next instant until it is planned again, in this tick if that is still to come.

        So with an interval that adapts, and no other job. The end may lie in the future when the clock was set back.
        """
        job = self._jobs.get(row.job)
        if job is not None and (isinstance(job.when, AfterWhen) or job.adapts):
            self._agenda.put(row.job, min(row.at, self.ground.clock.now()))
