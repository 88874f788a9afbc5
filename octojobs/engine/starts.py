"""From a run that waits to a gate that opens: its guards, its lease, its room, its shim.

`judge` and `admit` stage what they decide, a lease being the one thing that is taken before that is durable (`holding.py`).
`act` opens the gates, and is called when everything is: what was staged stays an intent over a flush that fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from octojobs.core.admit import Admission, admit
from octojobs.core.blocked import CHECK_EVERY
from octojobs.core.codec import format_instant
from octojobs.core.events import AttemptStarting, RunBlocked
from octojobs.core.guards import Status
from octojobs.core.identity import JobId, RunId
from octojobs.core.run import Phase, Run
from octojobs.engine.aftermath import Aftermath
from octojobs.engine.feed import Feed
from octojobs.engine.ground import Ground
from octojobs.engine.guarding import Guards, Holds
from octojobs.engine.holding import Holding
from octojobs.engine.others import OtherAgents
from octojobs.engine.pinning import withheld
from octojobs.engine.recorder import Recorder
from octojobs.engine.scope import Scope
from octojobs.engine.starter import Gated, Starter
from octojobs.runners.base import Shim

log = logging.getLogger("octojobs.engine")


class Starts:
    """Decides which runs start, and starts them. Owned by the engine's thread.

    `unfinished` says that another tick has something to do at once, `recheck_at` when guards are asked again. `trace_env` are
    variables by which a run joins a trace.
    """

    def __init__(self, ground: Ground, feed: Feed, recorder: Recorder, aftermath: Aftermath, starter: Starter) -> None:
        self.guards = Guards(ground)
        self.trace_env: Callable[[Run], Mapping[str, str]] = lambda _: {}
        self.unfinished = False
        self.recheck_at: datetime | None = None
        self._ground = ground
        self._feed = feed
        self._recorder = recorder
        self._ledger = recorder.ledger
        self._aftermath = aftermath
        self._starter = starter
        self._holding = Holding(ground, self._ledger)
        self._others = OtherAgents(ground, self._ledger)
        self._admission = Admission()
        self._gated: dict[RunId, Gated] = {}
        self._freed = False

    @property
    def ready(self) -> tuple[Run, ...]:
        """The runs that had room to start at the last tick, in starting order, whether the scope lets them or not."""
        return self._admission.start

    @property
    def wake_at(self) -> datetime | None:
        """The earliest instant at which a run may start that does not now."""
        return min((at for at in (self._admission.wake_at, self.recheck_at) if at is not None), default=None)

    @property
    def room(self) -> int:
        """How many runs the largest pool has room for."""
        return max(self._pools().values())

    def waiting_for(self, now: datetime) -> dict[RunId, str]:
        """Why each ready run does not start, in words; walks all open runs."""
        return dict(admit(self._ledger, self._pools(), now, others=self._others.seen).held)

    def judge(self, scope: Scope, next_due: Callable[[JobId], datetime | None], now: datetime) -> None:
        """What the guards of those that wait say."""
        if self._feed.current().pins:
            # Before the guards: one of them may be a script that nobody has approved.
            self._withhold([run for run in self._ledger.unqueued() if run.phase is Phase.WAITING], now)
        freed = self._holding.follow(now) or self._freed
        self._freed = False
        holds = Holds(lambda run: self._holding.take(run, now), lambda run: _may_start(scope, run.id), freed)
        judged = self.guards.judge(self._ledger, self._feed.current().settings, now, next_due, holds)
        self._recorder.stage(judged.events)
        self.recheck_at = judged.wake_at

    def admit(self, scope: Scope, now: datetime) -> None:
        """Which of the ready runs have room, each with a shim then."""
        backlog, settings = self._recorder.backlog, self._feed.current().settings
        self._admission = self._others.admitted(lambda others: backlog.admit(self._pools(), now, others), settings, now)
        self._recorder.stage(self._admission.dropped)
        if self._recorder.holds():
            return
        starts = self._admission.start if scope.only is None else self._admitted(scope.only, now)
        if self._withhold(starts, now):
            self.unfinished = True  # there is room for others, now
            starts = tuple(run for run in starts if run.id in self._ledger.runs)
        starts = tuple(run for run in starts if self._holding.has(run) or self._holds_again(run, now))
        if not starts:
            return
        shims, refusal = self._starter.reserve(starts)
        if refusal:
            self._recorder.refused(refusal)
        if shims:
            self._recorder.started()
            self._gate(starts[: len(shims)], shims, now)

    def act(self, now: datetime) -> Iterator[tuple[Run, Shim]]:
        """Everything this rests on is durable: open the gate of each run, one by one."""
        gated, self._gated = self._gated, {}
        if self._holding.follow(now):
            self._freed = self.unfinished = True  # somebody may wait for what a run had that ended in this tick
        for run, one in gated.items():
            one.shim.start(one.launch)
            yield self._ledger.runs[run], one.shim

    def close(self, now: datetime) -> None:
        """What was not started is not; leases that nobody looks after end."""
        for gated in self._gated.values():
            gated.shim.close()
        self._holding.close(now)
        self._starter.close()

    def _gate(self, starts: Sequence[Run], shims: Sequence[Shim], now: datetime) -> None:
        """Stage the starts together with the processes that will carry them out: one durable write, and the gates may open."""
        revision = self._ground.revision()
        self._recorder.stage(AttemptStarting(run.id, run.attempt, now, revision.commit, revision.dirty) for run in starts)
        runs = [self._ledger.runs[run.id] for run in starts]
        batch = self._starter.prepare(runs, shims, self._feed.current(), self._extra_env)
        for row in self._recorder.stage(batch.events):
            self._aftermath.ended(row, now)
        self._gated |= batch.gated
        # A run that could not be started has ended or is queued again: there is room for another, now.
        self.unfinished |= len(batch.gated) < len(starts)

    def _withhold(self, runs: Iterable[Run], now: datetime) -> bool:
        """End those that must not start, since a script that they name is not the approved one; whether there were any."""
        events = withheld(runs, self._feed.current(), self._ground.root, now)
        for event in events:
            log.info("%s does not start: %s", event.run, event.reason)
        rows = self._recorder.stage(events)
        for row in rows:
            self._aftermath.ended(row, now)
        return bool(rows)

    def _holds_again(self, run: Run, now: datetime) -> bool:
        """A run that was ready before has no lease: an earlier daemon had it, or a pause ended it. Whether it has one now."""
        verdict = self._holding.take(run, now)
        if verdict.status is Status.PASSED:
            return True
        guards = tuple(one for one in run.verdicts if one.guard != verdict.guard)
        self._recorder.stage((RunBlocked(run.id, (*guards, verdict), now + CHECK_EVERY),))
        self.recheck_at = min(filter(None, (self.recheck_at, now + CHECK_EVERY)))
        return False

    def _admitted(self, only: Collection[RunId], now: datetime) -> tuple[Run, ...]:
        """Of these runs alone, those that start: one of them must not wait for the room of a run that never will."""
        ledger = self._ledger
        named = [ledger.runs[run] for run in only if run in ledger.runs and not ledger.runs[run].holds_slot]
        chosen = [*(run for run in ledger.unqueued() if run.holds_slot), *named]
        settings = self._feed.current().settings
        return self._others.admitted(lambda others: admit(ledger, self._pools(), now, chosen, others), settings, now).start

    def _pools(self) -> dict[str, int]:
        return self._feed.current().settings.pool_sizes

    def _extra_env(self, run: Run) -> dict[str, str]:
        extra = dict(self.trace_env(run))
        state = self._ledger.jobs.get(run.job)
        if state is not None and state.last_success_at is not None:
            extra["OCTOJOBS_LAST_SUCCESS_AT"] = format_instant(state.last_success_at)
        if run.is_follow_up:
            parent, attempt = RunId(run.id.partition("+")[0]), int(run.definition.env["OCTOJOBS_PARENT_ATTEMPT"])
            extra["OCTOJOBS_PARENT_LOG"] = str(self._ground.paths.run_dir(parent, attempt) / "output.log")
        return extra


def _may_start(scope: Scope, run: RunId) -> bool:
    """Whether an engine of this scope ever starts the run."""
    return scope.only is None or scope.later or run in scope.only
