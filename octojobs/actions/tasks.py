"""Tasks as files: enqueued, listed, claimed, finished and brought back, by people, agents and jobs alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from octojobs import platform
from octojobs.actions.drafting import drafted, whoever
from octojobs.actions.workspace import Workspace
from octojobs.core.flow import TaskPhase
from octojobs.core.run import Process
from octojobs.core.task import Draft, line
from octojobs.errors import OctojobsError, UsageError
from octojobs.flows import claiming, creating, expiring, finishing, forms, restoring
from octojobs.flows.moving import result_file
from octojobs.flows.queue import Place, Queue, opened
from octojobs.flows.record import Kept
from octojobs.slotted import dataclass
from octojobs.store.activity import touch_activity
from octojobs.views.tasks import full_view, task_view
from octojobs.views.values import View


@dataclass(slots=True)
class Told:
    """What came of it: the tasks as views, and what a person should know besides."""

    tasks: list[View] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def place_of(workspace: Workspace) -> Place:
    """Where the repository's tasks are."""
    settings = workspace.settings
    return Place(workspace.root, workspace.paths, settings.tasks, forms.Form(settings.task_format))


def enqueue(workspace: Workspace, draft: Draft, *, dry_run: bool = False) -> tuple[View, bool, list[str]]:
    """The task, whether it is new, and notes. Raises TaskRefused beyond a cap, UsageError for what is no task."""
    with _open(workspace, Told()) as (queue, told):
        enqueued = creating.enqueue(queue, drafted(draft, workspace.environ), dry_run=dry_run)
        if enqueued.is_new and not dry_run:
            touch_activity(workspace.paths)
        return _view(queue, enqueued.kept), enqueued.is_new, told.notes


def list_tasks(workspace: Workspace, states: Sequence[str], *, everything: bool, role: str = "") -> Told:
    """The tasks in these states, else the open ones, or all; in the flow's order of states, and there as they are claimed."""
    told = Told()
    if not workspace.paths.tasks.exists() and not (workspace.root / workspace.settings.tasks.folder).exists():
        return told  # looking makes nothing
    with _open(workspace, told) as (queue, _):
        flow = queue.flow
        wanted = states or [state for state, phase in flow.states.items() if everything or not phase.is_final]
        for state in flow.states:
            if state in wanted:
                told.tasks += [_view(queue, kept) for kept in queue.record.in_states([state]) if role in ("", kept.task.role)]
    return told


def show(workspace: Workspace, name: str) -> tuple[View, list[str]]:
    """One task with its body and history; its id may be shortened."""
    with _open(workspace, Told()) as (queue, told):
        kept = _find(queue, name)
        task = forms.parse(kept.task.id, kept.data, kept.task.created_at)
        return full_view(_view(queue, kept), task, queue.record.history(kept.task.id)), told.notes


@dataclass(frozen=True, slots=True)
class Claiming:
    """How a task is claimed: by whom, of which role or which one, for how long (None: as the settings say), by which process."""

    by: str = ""
    role: str = ""
    task: str = ""
    lease_s: int | None = None
    pid: int | None = None
    dry_run: bool = False


def claim(workspace: Workspace, asked: Claiming) -> Told:
    """The task that is now claimed, with its `result_file`; none when none is ready. Leases that have ended are settled first."""
    told = Told()
    with _open(workspace, told, hurried=True) as (queue, _):
        if asked.dry_run:
            found = _find(queue, asked.task) if asked.task else next(claiming.ready(queue, asked.role), None)
        else:
            expiring.expire(queue)
            claimer = claiming.Claimer(
                _name(workspace, asked.by),
                asked.lease_s or queue.place.settings.lease_s,
                process_of(asked.pid),
                workspace.environ.get("OCTOJOBS_RUN_ID", ""),
            )
            found = claiming.claim(queue, claimer, role=asked.role, task=_find(queue, asked.task) if asked.task else None)
        if found is not None:
            results = result_file(workspace.paths, found.task.id)
            platform.make_private_folders(results.parent)
            told.tasks.append({**_view(queue, found), "result_file": str(results)})
            touch_activity(workspace.paths)
    return told


def renew(workspace: Workspace, name: str, by: str, lease_s: int | None, *, dry_run: bool = False) -> View:
    """The claimed task with its lease renewed. Raises NotTheHolder."""
    with _open(workspace, Told()) as (queue, _):
        queue.rehearsal = dry_run
        kept = _find(queue, name)
        return _view(queue, claiming.renew(queue, kept, _name(workspace, by), lease_s or queue.place.settings.lease_s))


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to become of a task, told by `by`; `attempt` says which one is meant, `force` overrules who has it, `dry_run` only tells."""

    verb: str
    by: str = ""
    reason: str = ""
    attempt: int | None = None
    force: bool = False
    dry_run: bool = False


def end(workspace: Workspace, name: str, ending: Ending) -> View:
    """The task after `done`, `fail` or `requeue`. Raises NotTheHolder and TaskMoved."""
    by, reason = _name(workspace, ending.by), line(ending.reason)
    with _open(workspace, Told()) as (queue, _):
        queue.rehearsal = ending.dry_run
        kept = _find(queue, name)
        if ending.verb == "fail":
            after = finishing.fail(queue, kept, by, reason, attempt=ending.attempt, force=ending.force)
        else:
            put = finishing.done if ending.verb == "done" else finishing.requeue
            after = put(queue, kept, by, reason=reason, attempt=ending.attempt, force=ending.force)
        if not ending.dry_run:
            touch_activity(workspace.paths)
        return _view(queue, after)


def settle_leases(workspace: Workspace, *, dry_run: bool = False) -> Told:
    """What became of the claims whose leases have ended, and of the tasks that nobody began in time."""
    told = Told()
    with _open(workspace, told) as (queue, _):
        queue.rehearsal = dry_run
        told.tasks = [_view(queue, kept) for kept in expiring.expire(queue)]
    return told


def restore(workspace: Workspace, names: Sequence[str], *, forget: bool = False, dry_run: bool = False) -> Told:
    """The tasks whose files were gone: written again from the record, or struck from it; all of them, or the named ones."""
    told = Told()
    if forget and not names:
        raise UsageError(
            "which tasks are to be forgotten?", "name them: `octojobs task restore --dry-run` lists those whose files are gone"
        )
    with _open(workspace, told, tell_missing=False) as (queue, _):
        gone = restoring.missing(queue)
        if names:
            chosen = [_find(queue, name) for name in names]
            for kept in chosen:
                if kept.task.id not in queue.missing:
                    raise OctojobsError(f"the file of task {kept.task.id} is there: {queue.tree.root / kept.state / kept.name}")
            gone = chosen
        if not dry_run and forget:
            restoring.forget(queue, gone, whoever(workspace.environ))
        elif not dry_run:
            gone = restoring.restore(queue, gone)
        told.tasks = [_view(queue, kept) for kept in gone]
    return told


def missing_note(count: int, folder: Path) -> str:
    """What to say of tasks whose files are gone."""
    files = "the file of 1 recorded task is" if count == 1 else f"the files of {count} recorded tasks are"
    return f"{files} gone from {folder}; `octojobs task restore` writes them again"


@contextmanager
def _open(workspace: Workspace, told: Told, *, tell_missing: bool = True, hurried: bool = False) -> Iterator[tuple[Queue, Told]]:
    with opened(place_of(workspace), workspace.clock.now(), hurried=hurried) as queue:
        before = len(queue.missing)
        try:
            told.notes += queue.notes
            seen = len(queue.notes)
            if before and tell_missing:
                told.notes.append(missing_note(before, queue.tree.root))
            yield queue, told
        finally:
            told.notes += queue.notes[seen:]


def _view(queue: Queue, kept: Kept) -> View:
    missing = kept.task.id in queue.missing
    waits_for = claiming.waits_for(queue, kept) if queue.phase(kept) in (TaskPhase.READY, TaskPhase.DEFINED) else ()
    return task_view(kept, queue.tree.root, queue.phase(kept), missing=missing, waits_for=waits_for)


def _find(queue: Queue, name: str) -> Kept:
    """The task by its id, or by the beginning of it; UsageError for none and for several."""
    text = line(name).removeprefix("TASK-")
    if (exact := queue.record.find(text)) is not None:
        return exact
    found = queue.record.beginning_with(text) if text else []
    if len(found) > 1:
        raise UsageError(f"several tasks begin with {text}", "write more of the id")
    if not found:
        raise UsageError(f"there is no task {text}", "`octojobs task list --all` shows them")
    return found[0]


def _name(workspace: Workspace, by: str) -> str:
    return line(by) or whoever(workspace.environ)


def process_of(pid: int | None) -> Process | None:
    """The process, told apart from any later one with its pid. Raises UsageError when there is none."""
    if pid is None:
        return None
    ticks = platform.start_ticks(pid)
    if ticks is None:
        raise UsageError(f"there is no process {pid}")
    return Process(pid, ticks, platform.boot_id())
