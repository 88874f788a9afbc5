"""Everything about a repository in one view: who serves it, what runs, waits, comes and failed, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from octojobs.actions.catalog import warnings_of
from octojobs.actions.outlook import Outlook
from octojobs.actions.output import tail
from octojobs.actions.results import with_result
from octojobs.actions.workspace import Workspace
from octojobs.config.approval import approved
from octojobs.config.contents import named
from octojobs.config.trust import Trust, lookup
from octojobs.core.admit import NO_OTHERS, Others, admit
from octojobs.core.definitions import DEFAULT_POOL, Definitions
from octojobs.core.identity import RunId
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run
from octojobs.engine.pinning import withheld_jobs
from octojobs.errors import NotTrusted, OctojobsError, Severity, StateDamaged
from octojobs.runners.receipts import is_live
from octojobs.slotted import dataclass
from octojobs.store.index import latest, query
from octojobs.store.outbox import standing as outbox_standing
from octojobs.store.space import space
from octojobs.store.view import view as read_view
from octojobs.views.agents import limit_view
from octojobs.views.jobs import adapted_view
from octojobs.views.runs import FAILURES, past_view, run_view
from octojobs.views.values import View, instant, pause_view

NEXT_SHOWN = 5
TAIL_LINES = 5
TAIL_COLUMNS = 200
FAILURES_NAMED = 5
HOOKS_LOOKED_AT = 200
"""Of each outcome so many rows, the newest, are looked through for hooks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read, once, for all parts of the view."""

    workspace: Workspace
    ledger: Ledger
    damage: tuple[str, ...]
    definitions: Definitions | None
    trust: Trust | None
    distrust: str


def status(workspace: Workspace) -> View:
    """`repository`, `state`, `healthy`, `problems` (`what`, `fix`), `daemon`, `source`, `trust`, `paused`, `jobs`, `tasks`, `pools`,
    `running`, `queued`, `next`, `limits`, `failures`, `outbox` (`pending` and `dead` messages, the newest dead `letters`) and
    `warnings` (as `problems`).

    Never raises for what it is there to report: damage, invalid definitions, missing trust.
    """
    seen = _look(workspace)
    failures = list(_failures(seen))
    outbox, unread = _outbox(workspace)
    problems = [*_problems(seen), *unread, *_failed(failures)]
    return {
        "repository": str(workspace.root),
        "state": str(workspace.paths.root),
        "healthy": not problems,
        "problems": problems,
        "daemon": _daemon(workspace),
        "source": _source(seen),
        "trust": {"allowed": seen.trust is not None, "level": seen.trust.level.value if seen.trust else None},
        "paused": pause_view(seen.ledger.pause) if seen.ledger.pause and seen.ledger.pause.holds(workspace.clock.now()) else None,
        "jobs": _jobs(seen),
        "failures": failures,
        "tasks": _tasks(workspace),
        **_runs(seen),
        "next": _next(seen),
        "limits": _limits(seen),
        "outbox": outbox,
        "warnings": warnings_of(seen.definitions) if seen.definitions else [],
    }


def _look(workspace: Workspace) -> Seen:
    damage: tuple[str, ...]
    try:
        read = read_view(workspace.paths)
        ledger, damage = read.ledger, read.notes
    except StateDamaged as error:
        ledger, damage = Ledger(), (str(error),)
    trust, distrust = None, ""
    try:
        trust = lookup(workspace.repository)
    except NotTrusted as error:
        distrust = str(error)
    return Seen(workspace, ledger, damage, workspace.in_force, trust, distrust)


def _problems(seen: Seen) -> Iterator[View]:
    """What a person should do something about, the gravest first."""
    for note in seen.damage:
        yield {"what": f"the state is damaged: {note}", "fix": "`octojobs doctor` tells more"}
    workspace = seen.workspace
    if seen.trust is None:
        what = seen.distrust or "nobody has allowed this repository to run jobs on this machine"
        yield {"what": what, "fix": "`octojobs allow` shows what would run, and asks"}
    vitals, holder = workspace.vitals, workspace.holder()
    if holder is not None and holder.is_stopped:
        yield {"what": f"the daemon is stopped: {holder}", "fix": f"`kill -CONT {holder.pid}` wakes it"}
    free = space(workspace.paths)
    if vitals is not None and vitals.held:
        # A failing disk has told its remedy.
        yield {
            "what": f"no new starts: {vitals.held}",
            "fix": "" if "by itself" in vitals.held else "it goes on by itself when that is mended",
        }
    elif free.is_full:
        what = f"the disk of the state is full ({free}): nothing starts, and no end is recorded"
        yield {"what": what, "fix": "make room there: it goes on by itself then"}
    if workspace.loaded.definitions is None:
        mended = workspace.working_tree.definitions is not None
        fix = "the working tree's are fine: commit them" if mended else "`octojobs validate` shows them all"
        yield {"what": _broken(workspace), "fix": fix}
    elif vitals is not None and vitals.note:
        yield {"what": vitals.note, "fix": ""}
    elif _waits(seen):
        yield {"what": "a changed plan waits for approval", "fix": "`octojobs allow` shows the change, and asks"}
    for job, why in withheld_jobs(seen.definitions, workspace.root) if seen.definitions else ():
        yield {"what": f"{job} does not start: {why}", "fix": ""}


def _broken(workspace: Workspace) -> str:
    """What is wrong with the newest definitions, and what runs instead."""
    errors = [problem for problem in workspace.loaded.problems if problem.severity is Severity.ERROR]
    what = f"the definitions have {len(errors)} problem{'s' * (len(errors) != 1)}, the first: {errors[0]}"
    kept = workspace.in_force
    return f"{what}; those of {named(kept.source)} stay in force" if kept else what


def _waits(seen: Seen) -> bool:
    """Whether the plan of the source is another than the one that was approved (levels `plan` and `signed`)."""
    if seen.trust is None or not seen.trust.level.keeps_plan:
        return False
    try:
        return approved(seen.workspace.repository) is None or seen.workspace.waits
    except OctojobsError:
        return True


def _daemon(workspace: Workspace) -> View | None:
    holder, vitals = workspace.holder(), workspace.vitals
    if holder is None:
        return None
    return {
        "pid": holder.pid,
        "since": instant(holder.since),
        "role": holder.role,
        "stopped": holder.is_stopped,
        "version": vitals.version if vitals else None,
        "definitions": vitals.definitions if vitals else None,
    }


def _source(seen: Seen) -> View:
    return {
        "name": seen.workspace.source_name,
        "definitions": seen.definitions.source if seen.definitions else None,
        "note": seen.workspace.source_note,
    }


def _jobs(seen: Seen) -> View:
    jobs = seen.definitions.jobs.values() if seen.definitions else ()
    now = seen.workspace.clock.now()
    known = {job.id: state.pause for job in jobs if (state := seen.ledger.jobs.get(job.id)) is not None}
    paused = [{"job": str(name), **(pause_view(pause) or {})} for name, pause in known.items() if pause is not None and pause.holds(now)]
    return {
        "declared": len(jobs),
        "disabled": [str(job.id) for job in jobs if not job.enabled],
        "paused": paused,
        "adapted": [
            {"job": str(job.id), **adapted} for job in jobs if (adapted := adapted_view(job, seen.ledger.jobs.get(job.id))) is not None
        ],
    }


def _others(seen: Seen, now: datetime) -> Mapping[str, Others]:
    if not seen.workspace.settings.capacity.count_external or not seen.ledger.runs:
        return NO_OTHERS
    from octojobs.actions.foresight import others_of  # with all guards and what they look at, a sixth of this verb's time

    return others_of(seen.workspace, seen.ledger, now)


def _tasks(workspace: Workspace) -> View | None:
    """`states` (`state`, `count`), `quarantined`, `expired` (claims whose leases have ended) and `missing`, all as recorded.

    None where there are none, or their record can't be read: `doctor` tells that.
    """
    if not workspace.paths.tasks.exists():
        return None
    from octojobs.actions.tasks import place_of  # most repositories have no tasks, and this verb is asked often
    from octojobs.flows.queue import standing  # as above

    place = place_of(workspace)
    try:
        stand = standing(place, workspace.clock.now())
    except OctojobsError:
        return None
    counts = [{"state": state, "count": stand.counts[state]} for state in place.flow.states if stand.counts.get(state)]
    quarantined = stand.counts.get(place.flow.quarantined, 0)
    return {"states": counts, "quarantined": quarantined, "expired": stand.overdue, "missing": stand.missing}


def _runs(seen: Seen) -> View:
    """`pools`, `running` and `queued`: the open runs, those that wait with the reason."""
    settings = seen.workspace.settings
    now = seen.workspace.clock.now()
    held = admit(seen.ledger, settings.pool_sizes, now, others=_others(seen, now)).held
    runs = list(seen.ledger.runs.values())
    named = {*settings.pools, *(job.pool for job in (seen.definitions.jobs.values() if seen.definitions else ()))}
    sizes = {DEFAULT_POOL: settings.max_concurrent, **{name: size for name, size in settings.pool_sizes.items() if name in named}}
    running = [run for run in runs if run.holds_slot]
    waiting = [run for run in runs if not run.holds_slot]
    ready = [run for run in waiting if run.phase is Phase.QUEUED]
    pools = [{"name": name, "size": size, "running": _count(running, name), "queued": _count(ready, name)} for name, size in sizes.items()]
    queued = [run_view(run, held.get(run.id, "")) for run in waiting]
    return {"pools": pools, "running": [run_view(run, _unsettled(seen, run)) for run in running], "queued": queued}


def _unsettled(seen: Seen, run: Run) -> str:
    """That the run has ended and nobody was there to record it; "" while it runs."""
    if seen.workspace.holder() is not None or is_live(seen.workspace.paths.run_dir(run.id, run.attempt)):
        return ""
    return "it has ended; the next `octojobs up` or `tick` records how"


def _outbox(workspace: Workspace) -> tuple[View, list[View]]:
    """How it stands, and that this can't be told."""
    try:
        pending, dead, letters = outbox_standing(workspace.paths)
    except StateDamaged as error:
        return {"pending": 0, "dead": 0, "letters": []}, [{"what": error.what, "fix": error.fix}]
    return {"pending": pending, "dead": dead, "letters": [dict(letter) for letter in letters]}, []


def _count(runs: list[Run], pool: str) -> int:
    return sum((run.definition.pool or DEFAULT_POOL) == pool for run in runs)


def _next(seen: Seen) -> list[View]:
    if seen.definitions is None:
        return []
    outlook = Outlook.of(seen.workspace, seen.ledger)
    found = ((outlook.coming_due(job), str(job.id)) for job in seen.definitions.jobs.values())
    upcoming = sorted((at, job) for at, job in found if at is not None)
    return [{"job": job, "at": instant(at)} for at, job in upcoming[:NEXT_SHOWN]]


def _limits(seen: Seen) -> list[View]:
    """The rate limits that hold, the first to end first."""
    now = seen.workspace.clock.now()
    found = ((limit, provider) for provider in seen.ledger.limits if (limit := seen.ledger.limit(provider, now)) is not None)
    return [view for limit, provider in sorted(found, key=lambda one: (one[0].until, one[1])) if (view := limit_view(provider, limit))]


def _failures(seen: Seen) -> Iterator[View]:
    """The last run of each declared job that failed last, with the end of its output, the newest first; disabled jobs are declared, too."""
    declared = seen.definitions.jobs if seen.definitions else {}
    # A disabled job is absent to the ledger, and a person who disabled it has not mended it.
    failing = [name for name, state in seen.ledger.jobs.items() if state.failures and (state.absent_since is None or name in declared)]
    rows = latest(seen.workspace.paths) if failing else {}
    found = []
    for name in failing:
        last = seen.ledger.jobs[name].last_run
        row = rows.get(name)
        if row is None or row["id"] != last:
            # A run's hooks begin with its name, and are newer.
            named = query(seen.workspace.paths, run=last, limit=100) if last else []
            row = next((row for row in named if row["id"] == last), None)
        if row is not None and row["outcome"] in FAILURES:
            disabled = name in declared and not declared[name].enabled
            failed = {"failures": seen.ledger.jobs[name].failures, "disabled": disabled}
            found.append({**with_result(seen.workspace.paths, past_view(row)), **failed})
    found += _failed_hooks(seen)
    for run in sorted(found, key=lambda one: one["at"], reverse=True):
        yield {**run, "tail": [_cut(line) for line in tail(seen.workspace, run, TAIL_LINES)]}


def _failed_hooks(seen: Seen) -> Iterator[View]:
    """The runs of hooks that failed, of the last run of each declared job: whoever was to be told, or to go on, may not know."""
    declared = seen.definitions.jobs if seen.definitions else {}
    if not any(hook.action is not None for job in declared.values() for _, hook in job.hooks):
        return
    last = {state.last_run: name for name, state in seen.ledger.jobs.items() if state.last_run is not None}
    for outcome in FAILURES:
        for row in query(seen.workspace.paths, outcome=outcome, limit=HOOKS_LOOKED_AT):
            run, plus, _ = row["id"].partition("+")
            name = last.get(RunId(run)) if plus else None
            if name is not None and name in declared:
                disabled = not declared[name].enabled
                yield {**with_result(seen.workspace.paths, past_view(row)), "failures": 1, "disabled": disabled}


def _cut(line: str) -> str:
    return line if len(line) <= TAIL_COLUMNS else f"{line[: TAIL_COLUMNS - 1]}…"


def _failed(failures: list[View]) -> Iterator[View]:
    """The jobs that failed last as problems: the newest each, the others as a number. One that is disabled fails no more."""
    live = [run for run in failures if not run["disabled"]]
    for run in live[:FAILURES_NAMED]:
        yield {"what": _failing(run), "fix": f"`octojobs logs {run['id'] if '+' in run['id'] else run['job']}`"}
    if more := len(live[FAILURES_NAMED:]):
        yield {"what": f"{more} more job{'s' * (more != 1)} failed last", "fix": "`octojobs list` shows which"}


def _failing(run: View) -> str:
    if hook := run["id"].partition("+")[2]:
        return f"{hook} of {run['job']} {run['outcome']}: {run['id']}"
    times = f", {run['failures']} times in a row" if run["failures"] > 1 else ""
    return f"{run['job']} {run['outcome']}{times}: {run['id']}"
