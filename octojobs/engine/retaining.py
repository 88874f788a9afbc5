"""Once a day, while nothing else happens, what exceeds the retention is forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from contextlib import suppress
from datetime import date, datetime

from octojobs.core.definitions import Retention
from octojobs.core.identity import RunId
from octojobs.store.atomic import replace_file
from octojobs.store.paths import StatePaths
from octojobs.store.retention import prune

log = logging.getLogger("octojobs.retention")


class Retainer:
    """Prunes on a thread of its own: walking a year of folders takes seconds, and the loop has better to do."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths
        self._day: date | None = None
        self._thread: threading.Thread | None = None

    def at_rest(self, now: datetime, retention: Retention, open_runs: Collection[RunId]) -> None:
        """Prune if this day has not been pruned yet; returns at once. The folders of open runs are kept."""
        if self._day == now.date() or (self._thread is not None and self._thread.is_alive()):
            return
        self._day = now.date()
        if self._pruned_today(now):
            return
        arguments = (retention, frozenset(open_runs), now)
        thread = threading.Thread(target=self._prune, args=arguments, name="octojobs-retention", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no room for a thread
            self._prune(*arguments)
        else:
            self._thread = thread

    def stop(self) -> None:
        """Wait for a prune that is under way; twice is once."""
        if self._thread is not None:
            self._thread.join()

    def _pruned_today(self, now: datetime) -> bool:
        """Whether the file of the last prune says so: a `tick` a minute must not walk the folders each time."""
        day = f"{now:%Y-%m-%d}"
        with suppress(OSError, ValueError):
            if self._paths.pruned.read_text() == day:
                return True
        with suppress(OSError):
            replace_file(self._paths.pruned, day.encode(), durable=False)
        return False

    def _prune(self, retention: Retention, keep: Collection[RunId], now: datetime) -> None:
        try:
            pruned = prune(self._paths, retention, keep, now, names=False)
        except OSError as error:
            log.warning("can't prune the history: %s", error)
            return
        for problem in pruned.problems:
            log.warning("can't prune the history: %s", problem)
        if pruned.number or pruned.days or pruned.patches:
            told = (pruned.number, len(pruned.days), pruned.patches, pruned.bytes)
            log.info("forgot %d runs, %d days of history and %d patches, %d bytes", *told)
