"""Runs that do not start because a script that they name is not the approved one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from octojobs.config.pins import objections
from octojobs.core.definitions import Definitions
from octojobs.core.events import RunDropped
from octojobs.core.identity import ASKED, JobId
from octojobs.core.job import Job
from octojobs.core.named_files import spelled
from octojobs.core.run import Outcome, Run
from octojobs.engine.questions import agents_for


def withheld(runs: Iterable[Run], definitions: Definitions, root: Path, now: datetime) -> tuple[RunDropped, ...]:
    """The end of each of these runs that must not start: a pinned file that its definition names is another one on disk.

    Skipped, not held: who approves the change hours later need not expect a burst. One that waits for a retry has failed.
    Reads the named files of these runs; nothing at all where nothing is pinned.
    """
    if not (definitions.pins or definitions.keeps_plan):
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
    if job.id == ASKED:
        return _objection_by_hand(job, definitions, root)
    if not definitions.pins:
        return ""
    named = spelled(job, definitions.settings, str(root), definitions.agents)
    return "; ".join(objections(root, definitions.pins, named))


def _objection_by_hand(job: Job, definitions: Definitions, root: Path) -> str:
    """The same for what no job names: a file that is there and has no pin is none that anybody has approved."""
    if not definitions.keeps_plan:
        return ""
    named = {*spelled(job, definitions.settings, str(root), agents_for(job, definitions))}
    unpinned = sorted(path for path in named - definitions.pins.keys() if os.path.isfile(root / path))
    found = [*objections(root, definitions.pins, named)]
    if unpinned:
        found.append(f"{', '.join(unpinned)}: not part of the approved plan; name the agent in a job, and `octojobs allow`")
    return "; ".join(found)
