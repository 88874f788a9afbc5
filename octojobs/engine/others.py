"""Who else takes room in the pool of agents: looked at when one of our agents would start, and not more often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from octojobs.core.admit import NO_OTHERS, Admission, Others
from octojobs.core.blocked import CHECK_EVERY
from octojobs.core.definitions import AGENTS_POOL, Settings
from octojobs.core.ledger import Ledger
from octojobs.core.run import Run
from octojobs.engine.ground import Ground
from octojobs.engine.guarding import fact_context
from octojobs.facts.slots import others

Admit = Callable[[Mapping[str, Others]], Admission]


class OtherAgents:
    """Counts the agents that other programs run, where the settings say so. Owned by the engine's thread."""

    def __init__(self, ground: Ground, ledger: Ledger) -> None:
        self._ground = ground
        self._ledger = ledger
        self._seen: Mapping[str, Others] = NO_OTHERS
        self._until: datetime | None = None

    def admitted(self, admit: Admit, settings: Settings, now: datetime) -> Admission:
        """What `admit` makes of those who take room. A start rests on a fresh look; who was held back is looked for again in 30 s."""
        if not settings.capacity.count_external:
            return admit(NO_OTHERS)
        if self._until is not None and now < self._until:
            held = admit(self._seen)
            if not _agents_of(held):
                return _woken(held, self._until)
        wanted = admit(NO_OTHERS)
        self._seen, self._until = NO_OTHERS, None
        if not _agents_of(wanted):
            return wanted
        seen = {AGENTS_POOL: others(fact_context(self._ledger, self._ground, settings, now))}
        found = admit(seen)
        if len(_agents_of(found)) < len(_agents_of(wanted)):
            self._seen, self._until = seen, now + CHECK_EVERY
            return _woken(found, self._until)
        return found

    @property
    def seen(self) -> Mapping[str, Others]:
        """Who has held somebody back at the last look."""
        return self._seen


def _agents_of(admission: Admission) -> list[Run]:
    return [run for run in admission.start if run.definition.pool == AGENTS_POOL]


def _woken(admission: Admission, at: datetime) -> Admission:
    return replace(admission, wake_at=min(filter(None, (admission.wake_at, at))))
