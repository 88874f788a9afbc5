"""Triggers become runs: what a moved ref, a new tag, a task or the end of another job's run brings about, as events of the ledger.

One run for the newest: one that has not begun gives way to it, and what it was to deal with is then the new one's. Each tag, and each task,
has a run of its own. Everything else (overlap, guards, pools) is as for a due instant. Source: "triggers" in the reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from octojobs.core.claim import first_sight, triggered_run
from octojobs.core.events import CancelAsked, Event, NotRun, RunClaimed, RunDropped
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job, Overlap
from octojobs.core.ledger import Ledger
from octojobs.core.overlap import STILL, OpenRun, make_room
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.core.trigger import Trigger
from octojobs.core.when import Ending, JobWhen

MOST_IN_A_ROW = 50
"""How many jobs may follow one another: declared circles are refused, and this ends one that edits have made meanwhile."""

_ENDINGS = {
    Ending.SUCCEEDED: (Outcome.SUCCEEDED,),
    Ending.FAILED: (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST),
    Ending.FINISHED: (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST, Outcome.CANCELLED),
}


def triggered(
    job: Job, trigger: Trigger, cause: Cause, ledger: Ledger, now: datetime, source: str, *, coalesced: int = 0
) -> tuple[Event, ...]:
    """The run that the trigger brings about, or the record that it brings none; the job is known to the ledger, and not paused.

    `coalesced` is how many older commits the run deals with besides: they are recorded with it.
    """
    due = now.replace(microsecond=0)
    runs = tuple(ledger.runs_of(job.id))
    replaced = _replaced(job, cause, trigger, runs)
    room = make_room(job, [OpenRun(run.id, run.phase) for run in runs if run.phase in STILL and run not in replaced])
    if not room.starts:
        return (NotRun(job.id, due, Outcome.SKIPPED, f"{trigger.why}; {room.reason}", now, count=coalesced + 1),)
    run = triggered_run(job, _since_oldest(trigger, replaced), cause, now, _suffix(job, trigger, due, ledger), source)
    return (
        *(CancelAsked(open_run.id, "overlap: cancel_running") for open_run in runs if open_run.id in room.cancel and not open_run.cancel),
        *(RunDropped(old.id, Outcome.SKIPPED, f"coalesced into {run.id}", now, old.verdicts) for old in replaced),
        *([NotRun(job.id, due, Outcome.SKIPPED, f"coalesced into {run.id}", now, count=coalesced)] if coalesced else ()),
        RunClaimed(run),
    )


def _replaced(job: Job, cause: Cause, trigger: Trigger, runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs that have not begun and were to deal with what the new one deals with too, oldest first."""
    one_each = job.overlap in (Overlap.QUEUE_ALL, Overlap.ALLOW)
    if cause is Cause.TAG or (one_each and cause is not Cause.TASK):
        return ()
    phases = (Phase.WAITING,) if job.overlap in (Overlap.SKIP, Overlap.CANCEL_RUNNING) else (Phase.WAITING, Phase.QUEUED)
    waiting = (run for run in runs if run.cause is cause and run.phase in phases and all(attempt.void for attempt in run.attempts))
    return tuple(run for run in waiting if not one_each or (run.trigger is not None and run.trigger.task == trigger.task))


def _since_oldest(trigger: Trigger, replaced: Sequence[Run]) -> Trigger:
    """The trigger of a run that stands for those that it replaced."""
    befores = [run.trigger.before for run in replaced if run.trigger is not None and run.trigger.ref == trigger.ref]
    return replace(trigger, before=befores[0]) if befores else trigger


def _suffix(job: Job, trigger: Trigger, due: datetime, ledger: Ledger) -> str:
    """Four hex digits that follow from the trigger, so that asking twice asks for one run; others where they are taken."""
    text = f"{trigger.ref} {trigger.before} {trigger.commit} {trigger.run}{trigger.task and f' task {trigger.task} {trigger.at}'}"
    while True:
        suffix = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:4]
        if RunId.of(job.id, due, suffix) not in ledger.runs:
            return suffix
        text += "+"


def followers(jobs: Iterable[Job]) -> Mapping[JobId, tuple[Job, ...]]:
    """The enabled jobs that wait for the end of a run of another, by that other's name."""
    found: dict[JobId, tuple[Job, ...]] = {}
    for job in jobs:
        if isinstance(job.when, JobWhen) and job.enabled:
            found[job.when.job] = (*found.get(job.when.job, ()), job)
    return found


def following(run: Run, waiting: Iterable[Job], ledger: Ledger, now: datetime, source: str, salt: str) -> tuple[Event, ...]:
    """What the end of a run brings about among the jobs that wait for one of its job; nothing for a follow-up's end.

    A run that nobody could begin (skipped, missed) is none. Which commit the run was about is passed on.
    """
    if run.is_follow_up:
        return ()
    before = run.trigger or Trigger("")
    trigger = replace(before, why=f"{run.id} {_ENDED[run.outcome]}" if run.outcome in _ENDED else "", run=run.id, depth=before.depth + 1)
    events: list[Event] = []
    for job in waiting:
        if not isinstance(job.when, JobWhen) or run.outcome not in _ENDINGS[job.when.ending]:
            continue
        events += first_sight(job, ledger, now, salt)
        if trigger.depth > MOST_IN_A_ROW:
            reason = f"{trigger.why}; {MOST_IN_A_ROW} jobs have followed one another, and no more are started"
            events.append(NotRun(job.id, now.replace(microsecond=0), Outcome.SKIPPED, reason, now))
        else:
            events += triggered(job, trigger, Cause.JOB, ledger, now, source)
    return tuple(events)


_ENDED = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "ran into its time limit",
    Outcome.CANCELLED: "was cancelled",
    Outcome.LOST: "was lost",
}
