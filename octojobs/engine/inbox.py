"""The requests that people and programs left for the engine, read once each."""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path

from octojobs.core.definitions import Definitions
from octojobs.core.events import Event
from octojobs.core.identity import InvalidId
from octojobs.core.ledger import Ledger
from octojobs.engine.asked import Refused, events_for
from octojobs.engine.questions import jobs_for
from octojobs.store import requests
from octojobs.store.paths import StatePaths
from octojobs.store.requests import Refusal

log = logging.getLogger("octojobs.inbox")


class Inbox:
    """Reads `requests/`; a file stays until what it asked for is on disk, so a crash repeats it and never drops it."""

    def __init__(self, paths: StatePaths, salt: str = "") -> None:
        self._paths = paths
        self._salt = salt
        self._taken: dict[Path, Refusal | None] = {}
        self._sweeps = True  # answers of the daemon before this one may lie about

    def take(self, definitions: Definitions, ledger: Ledger, now: datetime) -> tuple[Event, ...]:
        """What has been asked for since the last look, in the order of asking."""
        events: list[Event] = []
        if self._sweeps:
            requests.forget_answers(self._paths, now)
            self._sweeps = False
        for path, request in requests.take(self._paths):
            if path in self._taken:
                continue
            self._taken[path], self._sweeps = None, True
            try:
                asked = events_for(request, jobs_for(request, definitions), ledger, now, definitions.source, self._salt)
            except (Refused, InvalidId) as refused:
                log.error("request %s of %s refused: %s", request.kind, request.by or "somebody", refused)
                self._taken[path] = Refusal(str(refused), isinstance(refused, InvalidId) or refused.wrong_usage)
                continue
            log.info("%s asked: %s %s", request.by or "somebody", request.kind, request.run or request.job or "all")
            events += asked
        return tuple(events)

    @property
    def is_waiting(self) -> bool:
        """Whether something was taken that is not recorded yet."""
        return bool(self._taken)

    def recorded(self) -> None:
        """All that was taken is durable: the files may go, a refused one with an answer to whoever asked.

        One that can't be removed now is not taken again, and tried again.
        """
        self._taken = {path: refusal for path, refusal in self._taken.items() if not _removed(path, refusal)}


def _removed(path: Path, refusal: Refusal | None) -> bool:
    try:
        if refusal is None:
            requests.done(path)
        else:
            requests.refuse(path, refusal)
    except OSError as error:
        log.warning("can't remove %s: %s", path, os.strerror(error.errno or 0))
        return False
    return True
