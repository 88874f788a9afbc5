"""Asks the guards of the runs that wait for them: one gathering of facts a tick, and only of those that are named."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from octojobs.conditions.judging import judge
from octojobs.core.blocked import after_guards
from octojobs.core.definitions import Settings
from octojobs.core.events import Event, RunBlocked, RunDropped
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase
from octojobs.engine.ground import Ground
from octojobs.facts.fact import FactContext

log = logging.getLogger("octojobs.guards")


def fact_context(ledger: Ledger, ground: Ground, settings: Settings, now: datetime) -> FactContext:
    """Where the guards look for their facts; processes of our own open runs are no agents."""
    own = frozenset(run.process.pid for run in ledger.runs.values() if run.process is not None)
    return FactContext(ground.repository, ground.root, ground.paths.root, settings, now, ground.environ, own)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the guards said, as events, and when the next run is to be judged."""

    events: tuple[Event, ...]
    wake_at: datetime | None


def judge_waiting(
    ledger: Ledger, ground: Ground, settings: Settings, now: datetime, next_due: Callable[[JobId], datetime | None]
) -> Judged:
    """Judge every run in phase `waiting` whose time has come; the others only say when theirs comes."""
    waiting = [run for run in ledger.unqueued() if run.phase is Phase.WAITING]
    if not waiting:
        return Judged((), None)
    ready = [run for run in waiting if run.not_before is None or run.not_before <= now]
    rechecks = [run.not_before for run in waiting if run.not_before is not None and run.not_before > now]
    if not ready:
        return Judged((), min(rechecks))
    verdicts = judge(ready, fact_context(ledger, ground, settings, now))
    events: list[Event] = []
    for run in ready:
        event = after_guards(run, verdicts[run.id], now, next_due(run.job))
        events.append(event)
        match event:
            case RunBlocked(not_before=not_before):
                rechecks.append(not_before)
                if run.not_before is None:
                    log.info("%s waits: %s", run.id, "; ".join(f"{v.guard}: {v.evidence}" for v in event.verdicts if v.status != "passed"))
            case RunDropped(reason=reason):
                log.info("%s skipped: %s", run.id, reason)
    return Judged(tuple(events), min(rechecks, default=None))
