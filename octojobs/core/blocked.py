"""Blocked runs: what the verdicts of a run's guards make of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.events import RunBlocked, RunDropped, RunReady
from octojobs.core.guards import Status, Verdict, overall
from octojobs.core.job import OnUnknown, WhenBlocked
from octojobs.core.run import Cause, Outcome, Run

CHECK_EVERY = timedelta(seconds=30)
"""How often a guard that does not hold is looked at again: "when_blocked" in formats.md."""

LONGEST_WAIT = timedelta(hours=24)
"""How long a run waits for its guards when no next due instant replaces it and the job names no start_deadline."""


def after_guards(run: Run, verdicts: tuple[Verdict, ...], now: datetime, next_due: datetime | None) -> RunReady | RunBlocked | RunDropped:
    """What becomes of a waiting run now that its guards have been judged.

    They hold, or nobody asks (`forced`): ready. Unknown does not hold, unless `on_unknown: run`. Else `when_blocked` decides: `skip`
    ends the run; `wait` looks again in 30 s, until the next due instant (`next_due`, None for none) replaces it. A manual run is
    not replaced, and one without a next due instant can't be: they wait for `start_deadline`, or 24 h.

    With a `hold` the last verdict is about that. It has to pass whatever else is said: what may be held is not free.
    Source: formats.md, "guards".
    """
    job = run.definition
    guards, held = (verdicts[:-1], verdicts[-1:]) if job.hold is not None else (verdicts, ())
    verdict = overall(guards)
    passes = verdict.status is Status.PASSED or (verdict.status is Status.UNKNOWN and job.on_unknown is OnUnknown.RUN)
    if (run.forced or passes) and overall(held).status is Status.PASSED:
        return RunReady(run.id, verdicts)
    if job.when_blocked is WhenBlocked.SKIP:
        return RunDropped(run.id, Outcome.SKIPPED, blocking(verdicts), now, verdicts)
    check_at = now + CHECK_EVERY
    if next_due is not None and run.cause is not Cause.MANUAL:
        return RunBlocked(run.id, verdicts, check_at)
    until = run.deadline or run.due + LONGEST_WAIT
    if now >= until:
        return RunDropped(run.id, Outcome.SKIPPED, f"{blocking(verdicts)}; nothing changed in time", now, verdicts)
    return RunBlocked(run.id, verdicts, min(check_at, until))


def blocking(verdicts: tuple[Verdict, ...]) -> str:
    """The guard that keeps a run from starting, with its evidence; all guards must hold, so one is reason enough.

    >>> blocking((Verdict(Status.FAILED, "on feature/x", "on_branch(name: main)"),))
    'on_branch(name: main): on feature/x'
    """
    if not verdicts:
        return "conditions not judged yet"
    verdict = overall(verdicts)
    if verdict.status is Status.PASSED:
        return "conditions hold"
    unknown = " is unknown" if verdict.status is Status.UNKNOWN else ""
    return f"{verdict.guard}{unknown}: {verdict.evidence}"
