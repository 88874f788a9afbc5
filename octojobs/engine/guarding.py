"""Asks the guards of the runs that wait for them: one gathering of facts for all of them, and only of those that are named.

Guards may start commands and ask git, which can take as long as their time limits allow. So a gathering has a thread of
its own: the tick waits a moment for it, as most answer within milliseconds, and else goes on; the answer is taken in by
the tick that it wakes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime

from octojobs.conditions.judging import judge
from octojobs.core.admit import order_at
from octojobs.core.blocked import after_guards
from octojobs.core.definitions import DEFAULT_POOL, Settings
from octojobs.core.events import RunBlocked, RunDropped, RunReady
from octojobs.core.guards import Status, Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run
from octojobs.core.usage import Spent
from octojobs.engine.ground import Ground
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.slotted import dataclass

_Event = RunReady | RunBlocked | RunDropped

log = logging.getLogger("octojobs.guards")

MOMENT_S = 0.1
"""How long a tick waits for its guards: files and git answer in a tenth of it; runs that are due meanwhile start this late."""


def fact_context(ledger: Ledger, ground: Ground, settings: Settings, now: datetime, unwritten: Iterable[Run] = ()) -> FactContext:
    """Where the guards look for their facts; processes of our own open runs are no agents.

    `unwritten` are runs that have ended and that the history may have no row of yet.
    """
    own = frozenset(run.process.pid for run in ledger.unqueued() if run.process is not None)
    slots: dict[str, tuple[str, ...]] = {}
    for run in ledger.unqueued():
        if run.takes_room:
            pool = run.definition.pool or DEFAULT_POOL
            slots[pool] = (*slots.get(pool, ()), run.id)

    def seen(job: JobId) -> Mapping[str, str]:
        # Asked on the gathering's thread: one look into a dictionary whose values never change.
        state = ledger.jobs.get(job)
        return state.seen if state is not None else {}

    tried = (*unwritten, *(run for run in ledger.unqueued() if run.attempts))

    def spent(since: datetime) -> tuple[Spent, ...]:
        from octojobs.store.usage import used  # lazily: few repositories have budgets

        found = used(ground.paths, since, tried)
        if found.problems:
            raise Unreadable("; ".join(found.problems))
        return found.spent

    return FactContext(
        ground.repository,
        ground.root,
        ground.paths.root,
        settings,
        now,
        ground.environ,
        own,
        seen=seen,
        slots=slots,
        spent=spent,
        memory=ground.memory,
    )


OnJudged = Callable[[Run, Sequence[Verdict], datetime, datetime], None]


def unobserved(_run: Run, _verdicts: Sequence[Verdict], _asked_at: datetime, _answered_at: datetime) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the guards said, as events, and when the next run is to be judged."""

    events: tuple[_Event, ...] = ()
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """What a judgement needs to know of holds: `take` one, which runs `may_take` theirs, and whether something was `freed` just now."""

    take: Callable[[Run], Verdict]
    may_take: Callable[[Run], bool]
    freed: bool = False

    def concern(self, run: Run) -> bool:
        """Whether the run may have waited for what is free now."""
        return self.freed and run.definition.hold is not None


@dataclass(slots=True, eq=False)
class _Gathering:
    """One look at the facts for some runs, on its way; `verdicts` is complete when `done` is set."""

    runs: Sequence[Run]
    asked_at: datetime
    answered_at: datetime | None = None
    done: threading.Event = field(default_factory=threading.Event)
    verdicts: Mapping[RunId, tuple[Verdict, ...]] = field(default_factory=dict)

    def end_unknown(self, why: str) -> None:
        """Nothing could be found out: every guard of these runs is unknown."""
        self.verdicts = {run.id: (Verdict(Status.UNKNOWN, why, "conditions"),) for run in self.runs}
        self.done.set()


class Guards:
    """Judges waiting runs. Owned by the engine's thread; `ring` is called from another one when a late answer is there.

    `judged` is shown each answer, with the instants at which it was asked for and came.
    `unwritten` gives the runs that have ended and are in no file of the history yet.
    """

    def __init__(self, ground: Ground) -> None:
        self.ring: Callable[[], None] = lambda: None
        self.judged: OnJudged = unobserved
        self.unwritten: Callable[[], Iterable[Run]] = tuple
        self._ground = ground
        self._under_way: list[_Gathering] = []

    @property
    def asking(self) -> bool:
        """Whether some guard has not answered yet."""
        return bool(self._under_way)

    def judge(
        self, ledger: Ledger, settings: Settings, now: datetime, next_due: Callable[[JobId], datetime | None], holds: Holds
    ) -> Judged:
        """What has become of the runs in phase `waiting`: those that were judged by now get an event each."""
        waiting = [run for run in ledger.unqueued() if run.phase is Phase.WAITING and (run.definition.hold is None or holds.may_take(run))]
        asked = {run.id for gathering in self._under_way for run in gathering.runs}
        ready = [run for run in waiting if run.id not in asked and (run.not_before is None or run.not_before <= now or holds.concern(run))]
        if ready:
            self._ask(ready, fact_context(ledger, self._ground, settings, now, self.unwritten()))
        answers = sorted(self._answers(ledger), key=lambda answer: order_at(answer[0], now))
        events = tuple(
            _told(_after(run, verdicts, now, next_due(run.job), holds), first=run.not_before is None) for run, verdicts in answers
        )
        settled = {event.run for event in events}
        rechecks = [run.not_before for run in waiting if run.id not in settled and run.not_before is not None and run.not_before > now]
        rechecks += [event.not_before for event in events if isinstance(event, RunBlocked)]
        return Judged(events, min(rechecks, default=None))

    def _ask(self, runs: Sequence[Run], context: FactContext) -> None:
        gathering = _Gathering(runs, context.now)
        self._under_way.append(gathering)
        try:
            # A daemon thread: a guard that hangs must not keep the daemon from ending.
            threading.Thread(target=self._gather, args=(gathering, context), name="octojobs-guards", daemon=True).start()
        except RuntimeError as error:  # the system has no room for a thread
            gathering.end_unknown(str(error))
        gathering.done.wait(MOMENT_S)

    def _gather(self, gathering: _Gathering, context: FactContext) -> None:
        try:
            gathering.verdicts = judge(gathering.runs, context)
        except Exception as error:
            log.exception("the guards could not be judged")
            gathering.end_unknown(f"{type(error).__name__}: {error}")
        gathering.answered_at = self._ground.clock.now()
        gathering.done.set()
        self.ring()

    def _answers(self, ledger: Ledger) -> Iterator[tuple[Run, tuple[Verdict, ...]]]:
        """The runs whose guards have answered, if they still wait: one may have been cancelled or replaced meanwhile."""
        answered = [gathering for gathering in self._under_way if gathering.done.is_set()]
        self._under_way = [gathering for gathering in self._under_way if gathering not in answered]
        for gathering in answered:
            for asked in gathering.runs:
                run = ledger.runs.get(asked.id)
                if run is not None and run.phase is Phase.WAITING and not run.cancel:
                    self.judged(run, gathering.verdicts[run.id], gathering.asked_at, gathering.answered_at or gathering.asked_at)
                    yield run, gathering.verdicts[run.id]


def _after(run: Run, verdicts: tuple[Verdict, ...], now: datetime, next_due: datetime | None, holds: Holds) -> _Event:
    """What becomes of the run. What it holds is taken in the step in which all else has passed; somebody may have been quicker."""
    event = after_guards(run, verdicts, now, next_due)
    if run.definition.hold is None or not isinstance(event, RunReady):
        return event
    return after_guards(run, (*verdicts[:-1], holds.take(run)), now, next_due)


def _told(event: _Event, *, first: bool) -> _Event:
    """The event, said in the log when it is news."""
    if isinstance(event, RunBlocked) and first:
        why = "; ".join(f"{v.guard}: {v.evidence}" for v in event.verdicts if v.status is not Status.PASSED)
        log.info("%s waits: %s", event.run, why, extra=_fields("run_waits", event.run, why))
    elif isinstance(event, RunDropped):
        log.info("%s skipped: %s", event.run, event.reason, extra=_fields("run_skipped", event.run, event.reason))
    return event


def _fields(event: str, run: RunId, reason: str) -> dict[str, dict[str, str]]:
    return {"told": {"event": event, "run": str(run), "job": str(run.job), "reason": reason}}
