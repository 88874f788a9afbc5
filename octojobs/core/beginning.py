"""What the beginning of a run brings about (`on_start`): a command, a run of another job, a task or a message, once for the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from octojobs.core.chain import chained_to
from octojobs.core.claim import first_sight, follow_up_run
from octojobs.core.events import Event, RunClaimed, RunDropped, StartFollowed
from octojobs.core.identity import JobId
from octojobs.core.job import NOTHING, CommandAction, Job
from octojobs.core.ledger import Ledger
from octojobs.core.run import Cause, Outcome, Run

HOOK = "on_start"


def owes_start(run: Run) -> bool:
    """Whether the run has an `on_start` that nothing was claimed for yet."""
    return run.definition.on_start != NOTHING and not run.start_followed


def at_start(run: Run, jobs: Mapping[JobId, Job], ledger: Ledger, now: datetime, source: str, salt: str) -> tuple[Event, ...]:
    """What is recorded together when the code of a running run has begun; empty when nothing is owed.

    A message is a run without a process, which ends where it begins: its line in the history is what the channels are told from.
    A job that is not declared any more is none, as at the end of a run.
    """
    if not owes_start(run):
        return ()
    hook = run.definition.on_start
    followed = StartFollowed(run.id)
    if hook.run is not None:
        chained = chained_to(run, hook.run, Cause.ON_START, jobs, now, source)
        if chained is None or chained.id in ledger.runs:
            return (followed,)
        return (followed, *first_sight(chained.definition, ledger, now, salt), RunClaimed(chained))
    child = follow_up_run(run, HOOK, Cause.ON_START, hook.action or CommandAction(()), now)
    if hook.action is not None:
        return followed, RunClaimed(child)
    return followed, RunClaimed(child), RunDropped(child.id, Outcome.SUCCEEDED, f"told to {', '.join(hook.notify)}", now)
