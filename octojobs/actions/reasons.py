"""Why a job ran or did not: the recorded decision for a due instant, and what would happen now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from octojobs.actions.catalog import find_job
from octojobs.actions.foresight import Foresight, decisions, facts_of, foresee
from octojobs.actions.history import find_run, known_job
from octojobs.actions.results import with_result
from octojobs.actions.workspace import Workspace
from octojobs.conditions.judging import judge_jobs
from octojobs.core.due import next_after
from octojobs.core.identity import ASKED, JobId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger
from octojobs.errors import InvalidDefinitions, UsageError
from octojobs.store.index import query
from octojobs.views.agents import limit_view
from octojobs.views.jobs import adapted_text, adapted_view, waiting_text
from octojobs.views.prose import condition_lines, sentences
from octojobs.views.runs import past_view, run_view, scheduled_at
from octojobs.views.values import View, instant, verdict_views

SECOND = timedelta(seconds=1)
MOST_RECORDS = 10


def explain(workspace: Workspace, name: str, at: datetime | None = None) -> View:
    """Of a job: `job`, `at`, `records` (views of the runs and non-runs of that due instant; the latest without `at`), `now`, `text`.

    `name` may be a run instead, its id shortened or not: the one record is that run then, its follow-up commands after it.

    `now` has `decisions`, `conditions` (verdicts of the job's guards), `next`, `limit` and `adapted`; None for one that is not declared.
    `text` is all of it in sentences. UsageError for a job or run that nobody knows.
    """
    ledger, run = workspace.ledger(), ""
    if "@" in name:
        found = find_run(workspace, name)
        if at is not None:
            raise UsageError(f"{found['id']} names its due instant itself", f"leave out --at, or ask about {found['job']}")
        run, name, at = found["id"], found["job"], scheduled_at(found)
    job_name = JobId(known_job(workspace, ledger, name))
    records = _records(workspace, ledger, job_name, at)
    if run:
        records = [record for record in records if record["id"].partition("+")[0] == run.partition("+")[0]]
    text = [sentence for record in records for sentence in sentences(record)]
    job = _declared(workspace, job_name)
    foresight = foresee(workspace, [job]) if job is not None else None
    if not records:
        text.append(_nothing_recorded(workspace, job_name, job, foresight, at))
    now = _now(workspace, job, foresight) if job is not None and foresight is not None else None
    text += _now_sentences(job, now) if job is not None and now is not None else [_undeclared(job_name)]
    return {"job": str(job_name), "at": instant(at), "records": records, "now": now, "text": text}


def _declared(workspace: Workspace, name: JobId) -> Job | None:
    try:
        return find_job(workspace, name)
    except (UsageError, InvalidDefinitions):
        return None


def _undeclared(name: JobId) -> str:
    return "No job declares it: it was asked by hand." if name == ASKED else f"{name} is not declared any more."


def _records(workspace: Workspace, ledger: Ledger, job: JobId, at: datetime | None) -> list[View]:
    """Of the instant `at`: all of them, the scheduled one first; without it the latest open run, else the latest row."""
    open_runs = [run for run in ledger.runs.values() if run.job == job and (at is None or run.due == at)]
    views = [run_view(run) for run in sorted(open_runs, key=lambda run: run.claimed_at, reverse=True)]
    if at is None and views:
        return views[:1]
    past = query(workspace.paths, job=job, scheduled_at=at, limit=1 if at is None else MOST_RECORDS)
    if at is None and past and "+" in past[0]["id"]:
        # The latest row is a follow-up command's: its run is what was asked about, and both belong together.
        past = query(workspace.paths, run=past[0]["id"].partition("+")[0], limit=MOST_RECORDS)
    views += [with_result(workspace.paths, past_view(row)) for row in past]
    return sorted(views, key=lambda view: (view["id"].count("+"), view["id"].count("-", view["id"].index("@"))))


def _nothing_recorded(workspace: Workspace, name: JobId, job: Job | None, foresight: Foresight | None, at: datetime | None) -> str:
    if at is None:
        return f"Nothing is recorded of {name} yet: it was never due while a daemon or `octojobs tick` looked."
    shown = instant(at)
    if job is None or foresight is None:
        return f"Nothing is recorded of {name} at {shown}."
    known = foresight.outlook.schedule_of(job, at)
    is_due = known is not None and next_after(known[0], at - SECOND) == at
    state = foresight.outlook.ledger.jobs.get(name)
    if not is_due:
        following = next_after(known[0], at) if known is not None else None
        after = f"; the next due instant after that is {instant(following)}" if following else ""
        return f"{name} does not fall due at {shown} by its present schedule{after}."
    if at > workspace.clock.now():
        return f"{name} falls due at {shown}: that is still to come."
    if state is None or at > state.cursor:
        return f"{name} fell due at {shown}, and nobody has decided about it yet: no daemon has run since."
    return f"Nothing is recorded of {name} at {shown}: it was before the job was first seen, or the record was pruned."


def _now(workspace: Workspace, job: Job, foresight: Foresight) -> View:
    verdicts = judge_jobs([job], facts_of(workspace, foresight.ledger, foresight.outlook.now, job))[job.id]
    return {
        "decisions": [decision for decision in decisions(foresight) if decision["job"] == job.id],
        "conditions": verdict_views(verdicts),
        "next": instant(foresight.next_due.get(job.id)),
        "limit": limit_view(job.provider, foresight.ledger.limit(job.provider, foresight.outlook.now)),
        "adapted": adapted_view(job, foresight.ledger.jobs.get(job.id)),
    }


def _now_sentences(job: Job, now: View) -> Iterator[str]:
    verbs = {"start": "would start", "wait": "waits", "go_on": "goes on", "cancel": "is being cancelled", "skip": "would be skipped"}
    for decision in now["decisions"]:
        what = decision["id"] or f"the instant {decision['scheduled_at']}"
        if decision["count"] > 1:
            what = f"{decision['count']} instants from {decision['first_scheduled_at']} to {decision['scheduled_at']}"
        reason = f": {decision['reason']}" if decision["reason"] else ""
        yield f"Now: {what} {verbs.get(decision['action'], 'would be missed')}{reason}."
    if (limit := now["limit"]) is not None:
        where = f"until {limit['until']}, met by {limit['run']}"
        yield f"Now: {limit['provider']} has a rate limit {where}; no run of its agents starts before."
    if not job.enabled:
        yield f"Now: {job.id} is disabled; `octojobs enable {job.id}` and a commit let it run."
    elif not now["decisions"]:
        waits = waiting_text(job)
        yield f"Now: nothing is due{'; the next instant is ' + now['next'] if now['next'] else '; it ' + waits if waits else ''}."
    elif now["next"]:
        yield f"The next instant is {now['next']}."
    if adapted := adapted_text(now["adapted"]):
        yield f"It is due {adapted}; a run that changes something brings the declared interval back."
    if not now["decisions"]:
        yield from condition_lines(now["conditions"])
