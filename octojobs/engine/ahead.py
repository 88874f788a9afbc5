"""What a start can be spared at its instant: the folder of its run is made shortly before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.core.when import IntervalWhen, ScheduleWhen

SOON = timedelta(seconds=3)
"""What is due later than that is left for a later look."""
SPARE = timedelta(milliseconds=100)
"""How long before the instant all else has to rest."""
MOST = 1000
"""Jobs of one instant whose folders are made ahead: two or three calls of the system each."""


def coming(jobs: Mapping[JobId, Job], due: Iterable[JobId], ledger: Ledger, at: datetime) -> Iterator[RunId]:
    """The runs of these jobs at the instant `at` that will start, as far as can be known: no guard, pause or open run is in their way.

    A folder of one that does not start after all is nobody's, until retention forgets it.
    """
    for name in due:
        job = jobs.get(name)
        if job is None or not isinstance(job.when, ScheduleWhen | IntervalWhen) or job.conditions or job.hold is not None:
            continue
        if ledger.pause_of(name, at) is None and next(ledger.runs_of(name), None) is None:
            yield RunId.of(name, at)
