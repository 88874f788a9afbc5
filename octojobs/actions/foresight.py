"""What a tick would decide now, worked out on a copy of the ledger: nothing is written, started or asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from octojobs.actions.outlook import Outlook
from octojobs.actions.workspace import Workspace
from octojobs.conditions.judging import judge
from octojobs.core.admit import NO_OTHERS, Admission, Others, admit
from octojobs.core.blocked import after_guards, blocking
from octojobs.core.claim import events_of
from octojobs.core.definitions import AGENTS_POOL
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger, Row
from octojobs.core.plan import plan
from octojobs.core.run import Phase, Run
from octojobs.engine.ground import Ground
from octojobs.engine.guarding import fact_context
from octojobs.engine.pinning import objection, withheld
from octojobs.facts.activity import latest_activity
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.slots import others
from octojobs.slotted import dataclass
from octojobs.views.plan import decision_view, ended_view
from octojobs.views.values import View, instant


@dataclass(frozen=True, slots=True)
class Foresight:
    """The ledger as a tick would leave it before it starts anything, what it would record, and who would start."""

    outlook: Outlook
    ledger: Ledger
    rows: tuple[Row, ...]
    admission: Admission
    next_due: Mapping[JobId, datetime | None]


def plan_view(workspace: Workspace) -> View:
    """`at`, `source`, `note`, `decisions` (each a `decision_view`, what starts first) and `next` (the earliest instant after that)."""
    foresight = foresee(workspace, list(workspace.definitions.jobs.values()))
    upcoming = sorted((at, job) for job, at in foresight.next_due.items() if at is not None)
    return {
        "at": instant(foresight.outlook.now),
        "source": workspace.definitions.source,
        "note": workspace.source_note,
        "decisions": list(decisions(foresight)),
        "next": {"job": str(upcoming[0][1]), "at": instant(upcoming[0][0])} if upcoming else None,
    }


def foresee(workspace: Workspace, jobs: Iterable[Job]) -> Foresight:
    """Plan the jobs, judge the guards of what is due or waits, and admit; commands of guards run only where they are allowed to."""
    definitions = workspace.definitions
    ledger = workspace.ledger()
    outlook = Outlook.of(workspace, ledger)
    now = outlook.now
    decided = plan(list(jobs), ledger, now, salt=outlook.salt, activity=_activity(workspace))
    rows = [ledger.apply(event) for event in events_of(decided, definitions.jobs, now, definitions.source)]
    waiting = [run for run in ledger.runs.values() if run.phase is Phase.WAITING and (run.not_before is None or run.not_before <= now)]
    rows += [ledger.apply(dropped) for dropped in withheld(waiting, definitions, workspace.root, now)]
    waiting = [run for run in waiting if run.id in ledger.runs]
    verdicts = judge(waiting, facts_of(workspace, ledger, now))
    rows += [ledger.apply(after_guards(run, verdicts[run.id], now, decided.next_due.get(run.job))) for run in waiting]
    pools = definitions.settings.pool_sizes
    others = others_of(workspace, ledger, now)
    admission = admit(ledger, pools, now, others=others)
    # Who must not start leaves its room to others.
    while dropped := (*admission.dropped, *withheld(admission.start, definitions, workspace.root, now)):
        rows += [ledger.apply(event) for event in dropped]
        admission = admit(ledger, pools, now, others=others)
    return Foresight(outlook, ledger, tuple(row for row in rows if row is not None), admission, decided.next_due)


def _activity(workspace: Workspace) -> datetime | None:
    """When something last happened here; None when nobody can tell."""
    try:
        return latest_activity(workspace.paths.root, workspace.repository.common_dir)
    except Unreadable:
        return None


def facts_of(workspace: Workspace, ledger: Ledger, now: datetime, *jobs: Job) -> FactContext:
    """Where guards look for their facts; without trust, no command of the repository is run to find one.

    Nor is one for these `jobs` where a script that one of them names is not the approved one.
    """
    ground = Ground(workspace.root, workspace.paths, workspace.clock, workspace.environ, repository=workspace.repository)
    may_run = is_trusted(workspace) and not any(objection(job, workspace.definitions, workspace.root) for job in jobs)
    return replace(fact_context(ledger, ground, workspace.settings, now), may_run=may_run)


def others_of(workspace: Workspace, ledger: Ledger, now: datetime) -> Mapping[str, Others]:
    """Who else takes room in pools: looked at where the settings count them, and a run of ours waits for it."""
    if not workspace.settings.capacity.count_external or not any(run.definition.pool == AGENTS_POOL for run in ledger.runs.values()):
        return NO_OTHERS
    return {AGENTS_POOL: others(facts_of(workspace, ledger, now))}


def is_trusted(workspace: Workspace) -> bool:
    """Whether the user has allowed this repository; a record that can't be relied on is none."""
    return workspace.allowed is not None


def decisions(foresight: Foresight) -> Iterator[View]:
    """What would start, in order; what would go on or wait, with the reason; what would end without a run."""
    starting = {run.id for run in foresight.admission.start}
    for run in foresight.admission.start:
        yield decision_view(run, "start")
    for run in foresight.ledger.runs.values():
        if run.id not in starting:
            yield decision_view(run, *_of_open(run, foresight.admission.held))
    for row in foresight.rows:
        yield ended_view(row)


def _of_open(run: Run, held: Mapping[RunId, str]) -> tuple[str, str]:
    """What becomes of an open run that does not start now, and why."""
    if run.cancel and run.holds_slot:
        return "cancel", f"cancelled by {run.cancel}"
    match run.phase:
        case Phase.STARTING | Phase.RUNNING:
            return "go_on", f"{run.phase.value} since {instant(run.started_at or run.claimed_at)}"
        case Phase.WAITING:
            return "wait", blocking(run.verdicts)
        case Phase.RETRYING if run.id not in held:
            return "wait", f"attempt {run.attempt} at {instant(run.not_before)}"
        case _:
            return "wait", held.get(run.id, "")
