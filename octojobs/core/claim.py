"""Claims: a plan's decisions, a request or the end of a run, turned into the runs and events that the ledger records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from octojobs.core.events import Event, NotRun, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import NOTHING, CommandAction, Job, RetryPolicy, TaskAction
from octojobs.core.ledger import Ledger
from octojobs.core.plan import Action, Decision, Plan, missed_once
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.core.sighting import sight
from octojobs.core.trigger import Trigger
from octojobs.core.when import ManualWhen

_OUTCOMES = {Action.SKIP: Outcome.SKIPPED, Action.MISS: Outcome.MISSED}
_FAILURES = (Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST)


def events_of(plan: Plan, jobs: Mapping[JobId, Job], now: datetime, source: str) -> tuple[Event, ...]:
    """All that the plan says, in the order in which the ledger must learn it; empty when there is nothing to record.

    `jobs` are the definitions that were planned with, `source` is where they were read: a commit id or "worktree".
    """
    decided = (_decided(decision, jobs[decision.job], now, source) for decision in plan.decisions)
    return (*plan.sightings, *plan.cursors, *plan.cancels, *plan.replaced, *decided)


def _decided(decision: Decision, job: Job, now: datetime, source: str) -> NotRun | RunClaimed:
    if decision.action is Action.START:
        return RunClaimed(_run(job, RunId.of(job.id, decision.due), decision.due, decision.cause, now, source))
    return NotRun(
        decision.job,
        decision.due,
        _OUTCOMES[decision.action],
        decision.reason,
        now,
        count=decision.count,
        first_due=decision.first_due,
    )


def first_sight(job: Job, ledger: Ledger, now: datetime, salt: str) -> tuple[Event, ...]:
    """What the ledger must learn of a job that is paused, or asked for, before it was ever planned; empty when it is known.

    Pauses, failures and the last success stand in the job's state. A disabled job gets one, too: the plan calls it absent. An
    `@once` that is past is missed, as it is where a plan sees the job first; a disabled job has no due instants.
    """
    if job.id in ledger.jobs:
        return ()
    sighting = sight(replace(job, enabled=True), None, now)
    missed = missed_once(job, sighting.state.cursor, salt) if job.enabled and sighting.state is not None else ()
    return (*sighting.events, *(_decided(decision, job, now, "") for decision in missed))


def manual_run(job: Job, now: datetime, suffix: str, *, forced: bool, by: str, source: str) -> Run:
    """A run that somebody (`by`) asked for, due now; `suffix` is four hex digits; `forced` starts it past its guards, and says so.

    What the job holds is waited for all the same: somebody else is at work on it.

    >>> from datetime import UTC
    >>> from octojobs.core.job import CommandAction
    >>> job = Job(JobId("nightly"), ManualWhen(), CommandAction("make nightly"))
    >>> manual_run(job, datetime(2026, 11, 20, 10, 15, 12, tzinfo=UTC), "3f2c", forced=False, by="ada", source="worktree").id
    'nightly@20261120T101512Z-3f2c'
    """
    due = now.replace(microsecond=0)
    run = _run(job, RunId.of(job.id, due, suffix), due, Cause.MANUAL, now, source)
    phase = Phase.QUEUED if forced and job.hold is None else run.phase
    return replace(run, phase=phase, forced=forced, requested_by=by)


def triggered_run(job: Job, trigger: Trigger, cause: Cause, now: datetime, suffix: str, source: str) -> Run:
    """A run that something in the repository has brought about, due in the second in which that was noticed; `suffix` as above."""
    due = now.replace(microsecond=0)
    return replace(_run(job, RunId.of(job.id, due, suffix), due, cause, now, source), trigger=trigger)


def _run(job: Job, run_id: RunId, due: datetime, cause: Cause, now: datetime, source: str) -> Run:
    deadline = None if job.start_deadline_s is None else due + timedelta(seconds=job.start_deadline_s)
    phase = Phase.WAITING if job.conditions or job.hold is not None else Phase.QUEUED
    return Run(run_id, job, due, cause, now, phase, deadline=deadline, definitions=source)


def follow_ups(run: Run, now: datetime) -> tuple[Run, ...]:
    """The runs of the commands, or tasks, that the finished run's `on_success` or `on_failure` names: none or one.

    Skipped, missed and cancelled runs have none, and neither has a follow-up. Its environment tells of the run that ended.
    """
    if run.outcome is Outcome.SUCCEEDED:
        event, cause, follow_up = "on_success", Cause.ON_SUCCESS, run.definition.on_success
    elif run.outcome in _FAILURES:
        event, cause, follow_up = "on_failure", Cause.ON_FAILURE, run.definition.on_failure
    else:
        return ()
    if follow_up.action is None or run.is_follow_up:
        return ()
    return (follow_up_run(run, event, cause, follow_up.action, now),)


def follow_up_run(run: Run, event: str, cause: Cause, action: CommandAction | TaskAction, now: datetime) -> Run:
    """The run `RUN+EVENT` that carries out what a hook of the run names.

    It shares the job's surroundings (environment, folder, limits, pool) and nothing of its rules: no guards, retries or deadline.
    """
    definition = replace(
        run.definition,
        when=ManualWhen(),
        action=action,
        env={**run.definition.env, **_told(run)},
        conditions=(),
        hold=None,
        retries=RetryPolicy(),
        start_deadline_s=None,
        pause_after=None,
        on_start=NOTHING,
        on_success=NOTHING,
        on_failure=NOTHING,
    )
    return Run(run.id.follow_up(event), definition, run.due, cause, now, definitions=run.definitions, trigger=run.trigger)


def _told(run: Run) -> dict[str, str]:
    """What a follow-up's environment says of the run, which has ended or begun; values, never part of a shell string (trust.md, 5)."""
    last = run.attempts[-1] if run.outcome is not None else None
    return {
        "OCTOJOBS_PARENT_RUN_ID": run.id,
        "OCTOJOBS_PARENT_ATTEMPT": str(last.number if last else run.attempt),
        "OCTOJOBS_OUTCOME": last.outcome.value if last else "",
        "OCTOJOBS_EXIT_CODE": "" if last is None or last.exit_code is None else str(last.exit_code),
        "OCTOJOBS_REASON": last.reason if last else "",
    }
