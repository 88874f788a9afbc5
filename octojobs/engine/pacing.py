"""Tells the jobs whose interval follows activity when there is some: by the times of two files, asked only where such jobs are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.pace import NEWS_AFTER
from octojobs.core.when import ActivityWhen
from octojobs.engine.ground import Ground
from octojobs.facts.activity import latest_activity
from octojobs.facts.fact import Unreadable

log = logging.getLogger("octojobs.pacing")


class Pacing:
    """The last activity as far as it was told to the plan. Owned by the engine's thread."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._jobs: tuple[JobId, ...] = ()
        self.activity: datetime | None = None

    def follow(self, jobs: Mapping[JobId, Job]) -> None:
        """These are the jobs that are declared."""
        self._jobs = tuple(name for name, job in jobs.items() if isinstance(job.when, ActivityWhen))

    def is_news(self) -> bool:
        """Whether something has happened that the plan has not been told of."""
        return self._fresh() is not None

    def look(self) -> tuple[JobId, ...]:
        """The jobs that must be planned anew because something has happened: none, or all that follow activity."""
        fresh = self._fresh()
        if fresh is None:
            return ()
        self.activity = fresh
        return self._jobs

    def _fresh(self) -> datetime | None:
        if not self._jobs:
            return None
        try:
            repository = self._ground.repository
            at = latest_activity(self._ground.paths.root, repository.common_dir if repository else None)
        except Unreadable as why:
            log.warning("the last activity can't be told: %s", why)
            return None
        # A file whose time lies ahead is one of just now: the clock was set back.
        at = None if at is None else min(at, self._ground.clock.now())
        known = self.activity
        return at if at is not None and (known is None or at >= known + NEWS_AFTER or at < known) else None
