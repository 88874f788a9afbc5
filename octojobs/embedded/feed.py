"""The scheduler's jobs as the engine takes them: frozen, and the same object until something changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from octojobs.core.definitions import Definitions, Settings
from octojobs.core.identity import JobId
from octojobs.core.job import Job as Definition
from octojobs.embedded.job import Job
from octojobs.embedded.jobs import Jobs

SOURCE = "python"
"""What the records say about where a job was declared."""


class JobsFeed:
    """An engine's feed over a mapping that a program changes. Owned by the engine's thread, but for `effective`.

    `follow` is asked to bring the jobs up to date before each look, and returns why it can't, or "".
    """

    def __init__(self, jobs: Jobs, settings: Settings, default_timeout_s: float | None) -> None:
        self.note = ""
        self.follow: Callable[[], str] = str
        self._jobs = jobs
        self._timeout_s = default_timeout_s
        self._changes = 0
        self._seen: dict[str, tuple[Definition, Definition]] = {}
        self._definitions = Definitions({}, settings, SOURCE, "0")
        self.check()

    def current(self) -> Definitions:
        """The jobs as they were at the last look."""
        return self._definitions

    def check(self, *, ask: bool = False) -> bool:
        """Look at the jobs; whether one was added, taken away or changed."""
        self.note = self.follow()
        seen = {job.id: self._effective(job) for job in self._jobs.all()}
        if [made for made, _ in seen.values()] == [made for made, _ in self._seen.values()]:
            return False
        self._seen = seen
        self._changes += 1
        jobs = {JobId(name): effective for name, (_, effective) in seen.items()}
        self._definitions = replace(self._definitions, jobs=jobs, digest=str(self._changes))
        return True

    def effective(self, job: Job) -> Definition:
        """The job's definition with what the scheduler's configuration adds to it."""
        return self._effective(job)[1]

    def _effective(self, job: Job) -> tuple[Definition, Definition]:
        definition = job.definition
        before = self._seen.get(definition.id)
        if before is not None and before[0] is definition:
            return before
        if definition.limits.timeout_s is not None or self._timeout_s is None:
            return definition, definition
        return definition, replace(definition, limits=replace(definition.limits, timeout_s=self._timeout_s))
