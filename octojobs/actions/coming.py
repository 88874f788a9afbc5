"""The coming due instants of a job, or of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from octojobs.actions.catalog import find_job
from octojobs.actions.outlook import Outlook
from octojobs.actions.workspace import Workspace
from octojobs.core.due import next_after
from octojobs.core.job import Job
from octojobs.core.ledger import JobState, Ledger
from octojobs.core.schedule import Schedule
from octojobs.core.when import AfterWhen, ManualWhen
from octojobs.errors import StateDamaged
from octojobs.views.agents import limit_view
from octojobs.views.jobs import adapted_view, waiting_text, when_text
from octojobs.views.values import View, instant


def coming(workspace: Workspace, name: str, start: datetime | None, count: int) -> View:
    """`job`, `when`, `timezone`, `note` (why there are fewer than `count`), `limit` (the rate limit that its runs wait for),
    `adapted` and `instants`: those after `start` (now), as `{"at": …}`.

    An interval that was never seen counts from `start`, which is its first instant.
    """
    job = find_job(workspace, name)
    return _instants(_outlook(workspace), job, start, count)


def coming_of_all(workspace: Workspace, start: datetime | None, count: int) -> list[View]:
    """`coming` of each job; those with the earliest instant first, those without one last."""
    outlook = _outlook(workspace)
    found = [_instants(outlook, job, start, count) for job in workspace.definitions.jobs.values()]
    return sorted(found, key=lambda view: (not view["instants"], view["instants"][0]["at"] if view["instants"] else "", view["job"]))


def _outlook(workspace: Workspace) -> Outlook:
    try:
        return Outlook.of(workspace)
    except StateDamaged:
        # Instants follow from the definitions; what can't be read only moves the anchor of an interval.
        return Outlook.of(workspace, Ledger())


def _instants(outlook: Outlook, job: Job, start: datetime | None, count: int) -> View:
    known = outlook.schedule_of(job, start)
    instants: list[datetime] = []
    if known is not None:
        schedule, state = known
        instants = list(islice(_due(outlook, job, schedule, state, start), count))
    return {
        "job": str(job.id),
        "when": when_text(job),
        "timezone": job.timezone,
        "note": "" if len(instants) == count else _why_no_more(job),
        "adapted": adapted_view(job, known[1]) if known is not None else None,
        "instants": [{"at": instant(at)} for at in instants],
        "limit": limit_view(job.provider, outlook.ledger.limit(job.provider, outlook.now)),
    }


def _due(outlook: Outlook, job: Job, schedule: Schedule, state: JobState, start: datetime | None) -> Iterator[datetime]:
    begin = start or outlook.now
    if isinstance(job.when, AfterWhen):
        # due at max(end + delay, now), and the end of an open run is nobody's to know
        ready = None if any(outlook.ledger.runs_of(job.id)) else next_after(schedule, state.cursor)
        yield from () if ready is None else (max(ready, begin.replace(microsecond=0)),)
        return
    # First sight puts the cursor before what is due at once; a job that is known has settled all up to its cursor.
    after = begin if job.id in outlook.ledger.jobs else state.cursor
    while (found := next_after(schedule, after)) is not None:
        yield found
        after = found


def _why_no_more(job: Job) -> str:
    if not job.enabled:
        return "disabled"
    match job.when:
        case ManualWhen():
            return "runs when asked"
        case AfterWhen():
            return "the next one counts from the end of the run"
        case _:
            return waiting_text(job) or "no later instant"
