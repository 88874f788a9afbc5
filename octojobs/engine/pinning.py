"""Runs that do not start because a script that they name is not the approved one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from octojobs.config.pins import objections
from octojobs.core.definitions import Definitions
from octojobs.core.events import RunDropped
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.named_files import spelled
from octojobs.core.run import Outcome, Run


def withheld(runs: Iterable[Run], definitions: Definitions, root: Path, now: datetime) -> tuple[RunDropped, ...]:
    """The end of each of these runs that must not start: a pinned file that its definition names is another one on disk.

    Skipped, not held: who approves the change hours later need not expect a burst. One that waits for a retry has failed.
    Reads the named files of these runs; nothing at all where nothing is pinned.
    """
    if not definitions.pins:
        return ()
    dropped = []
    for run in runs:
        if run.cancel:
            continue
        if reason := objection(run.definition, definitions, root):
            tried = [attempt.outcome for attempt in run.attempts if not attempt.void]
            dropped.append(RunDropped(run.id, tried[-1] if tried else Outcome.SKIPPED, reason, now))
    return tuple(dropped)


def withheld_jobs(definitions: Definitions, root: Path) -> Iterator[tuple[JobId, str]]:
    """The enabled jobs that would not start now, each with the reason."""
    for job in definitions.jobs.values() if definitions.pins else ():
        if job.enabled and (reason := objection(job, definitions, root)):
            yield job.id, reason


def objection(job: Job, definitions: Definitions, root: Path) -> str:
    """Why nothing of the job may run now; "" when all scripts that it names are the approved ones, or none has to be."""
    if not definitions.pins:
        return ""
    named = spelled(job, definitions.settings, str(root), definitions.agents)
    return "; ".join(objections(root, definitions.pins, named))
