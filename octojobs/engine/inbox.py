"""The requests that people and programs left for the engine, read once each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from octojobs.core.definitions import Definitions
from octojobs.core.events import Event
from octojobs.core.identity import InvalidId
from octojobs.core.ledger import Ledger
from octojobs.engine.asked import Refused, events_for
from octojobs.store import requests
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.inbox")


@dataclass(frozen=True, slots=True)
class Taken:
    """The files that were read and what they ask for."""

    paths: tuple[Path, ...] = ()
    events: tuple[Event, ...] = ()


class Inbox:
    """Reads `requests/`; a file stays until what it asked for is on disk, so a crash repeats it and never drops it."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths
        self._seen: set[Path] = set()

    def take(self, definitions: Definitions, ledger: Ledger, now: datetime) -> Taken:
        """The requests that have come since the last look, in the order in which they were made."""
        paths: list[Path] = []
        events: list[Event] = []
        for path, request in requests.take(self._paths):
            if path in self._seen:
                continue
            self._seen.add(path)
            paths.append(path)
            try:
                asked = events_for(request, definitions.jobs, ledger, now, definitions.source)
            except (Refused, InvalidId) as refusal:
                log.error("request %s of %s refused: %s", request.kind, request.by or "somebody", refusal)
                continue
            log.info("%s asked: %s %s", request.by or "somebody", request.kind, request.run or request.job or "all")
            events += asked
        return Taken(tuple(paths), tuple(events))

    def done(self, paths: Sequence[Path]) -> None:
        """What these files asked for is durable: they may go."""
        for path in paths:
            requests.done(path)
            self._seen.discard(path)
