"""The tasks of a repository, open for one change: locked, settled after whoever crashed, and in step with the folders.

The folder is the state: people and other programs move files, write new ones and edit them, and nothing here minds. `opened`
compares the folders with the record first. What was found is then recorded: a file that nobody knew, one that lies in another
folder by now, one that says something else. A file that is nowhere is `missing`: nobody takes that for a decision.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.core.definitions import DEFAULT_TASK_SETTINGS, TaskSettings
from octojobs.core.flow import OCTOPOID, Flow, TaskPhase
from octojobs.core.task import InvalidTask
from octojobs.errors import RepositoryBusy, StateDamaged
from octojobs.flows import forms
from octojobs.flows.lease_files import LeaseFiles
from octojobs.flows.record import NEW, Happened, Kept, Record, sortable
from octojobs.flows.tree import Tree
from octojobs.slotted import dataclass
from octojobs.store.access import storage_failed
from octojobs.store.aside import set_aside
from octojobs.store.paths import FILE_MODE, StatePaths, make_folders

WAIT_S = 30.0
"""How long others may take: a change holds the lock for milliseconds, so whoever is in the way is stopped or stuck."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.016
_OFTEN = timedelta(seconds=2)
"""How soon the hurried notice everything: every file is looked at for that, and a hundred claims in a row need not pay for it."""

Places = Mapping[str, tuple[str, str, str]]
"""State, file name and stamp by id."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tasks of a repository are: its main worktree, its state, what its settings say, and how new files are written."""

    worktree: Path
    paths: StatePaths
    settings: TaskSettings = DEFAULT_TASK_SETTINGS
    form: forms.Form = forms.Form.FRONT_MATTER
    flow: Flow = OCTOPOID


@dataclass(slots=True)
class Queue:
    """The tasks, held by the caller alone. `missing` are ids of tasks whose files are gone, `notes` what a person should know,
    `unread` the files that can't be read as tasks: they may be half written.

    In a `rehearsal` changes are checked and told, and not made.
    """

    place: Place
    record: Record
    tree: Tree
    leases: LeaseFiles
    now: datetime
    rehearsal: bool = False
    missing: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)

    @property
    def flow(self) -> Flow:
        """The states."""
        return self.place.flow

    def phase(self, kept: Kept) -> TaskPhase:
        """What the task's state means; a state that the flow does not have is one that waits."""
        return self.flow.states.get(kept.state, TaskPhase.WAITING)


@contextmanager
def opened(place: Place, now: datetime, *, hurried: bool = False, wait_s: float | None = None) -> Iterator[Queue]:
    """The tasks for one change. Raises RepositoryBusy, StorageFailed, and StateDamaged when the record breaks under our hands.

    Who is `hurried` looks at the folders alone, and at each file only every two seconds: an edit, and what somebody else does in
    the very instant of a change, may be noticed so much later.
    """
    try:
        make_folders(place.paths)
    except OSError as error:
        raise storage_failed("use", error.filename or place.paths.root, error) from None
    with _locked(place.paths, WAIT_S if wait_s is None else wait_s):
        record, note = _record(place, now)
        tree = Tree(place.worktree, place.settings.folder)
        queue = Queue(place, record, tree, LeaseFiles(place.paths), now, notes=[note] if note else [])
        try:
            settle(queue)
            looked_at = _look(queue, hurried=hurried)
            yield queue
            # What is worth a word is looked at again, and told again.
            queue.record.left(looked_at, "" if queue.missing or queue.notes else _folders(queue))
        except StateDamaged as damage:
            record.close()
            aside = set_aside(place.paths.tasks, now)
            raise StateDamaged(
                f"{damage.what}; it is set aside as {aside.name}", "try again: the tasks are read from their files"
            ) from None
        except OSError as error:
            raise storage_failed("write", error.filename or tree.root, error) from None
        finally:
            tree.close()
            record.close()


@dataclass(frozen=True, slots=True)
class Standing:
    """How many tasks are recorded in each state, of how many the files are gone, and of how many claims the leases have ended."""

    counts: Mapping[str, int]
    missing: int
    overdue: int


def standing(place: Place, now: datetime) -> Standing:
    """How the tasks stand as they are recorded; changes nothing. Raises as `opened`."""
    with _locked(place.paths, WAIT_S):
        record, tree = Record(place.paths.tasks), Tree(place.worktree, place.settings.folder)
        try:
            known = record.places().values()
            overdue = len(record.overdue(now))
            there = {name for state in place.flow.states for name in tree.names(state)}
        finally:
            tree.close()
            record.close()
    return Standing(Counter(state for state, _, _ in known), sum(name not in there for _, name, _ in known), overdue)


def _record(place: Place, now: datetime) -> tuple[Record, str]:
    """The record; a new one, and what to say about that, where the old one can't be read."""
    path = place.paths.tasks
    try:
        return Record(path), ""
    except StateDamaged as damage:
        if damage.fix:
            raise
        aside = set_aside(path, now)
        return Record(path), f"{damage.what}; it is set aside as {aside.name}, and the tasks are read from their files"


@contextmanager
def _locked(paths: StatePaths, wait_s: float) -> Iterator[None]:
    """The lock of all tasks; the kernel frees it with the process. Raises RepositoryBusy."""
    deadline, pause, pause_s = time.monotonic() + wait_s, threading.Event(), _FIRST_PAUSE_S
    while True:
        descriptor = os.open(paths.tasks_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            while not _take(descriptor):
                if time.monotonic() > deadline:
                    who = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
                    raise RepositoryBusy(
                        f"the tasks have been held by pid {who} for {wait_s:g} s", f"`kill -CONT {who}` wakes it if it is stopped"
                    )
                pause.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if os.path.samestat(os.fstat(descriptor), os.stat(paths.tasks_lock)):
                os.pwrite(descriptor, str(os.getpid()).encode().ljust(20), 0)
                yield
                return
        finally:
            os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def settle(queue: Queue) -> None:
    """Finish what others recorded and were killed over: the file follows the record."""
    for kept in queue.record.pending():
        for state in {kept.state, kept.pending} - {NEW}:
            queue.tree.tidy(state)
        try:
            finish(queue, kept)
        except (FileNotFoundError, FileExistsError, InvalidTask):
            # Somebody else has moved or changed the file since: what is found now counts.
            with queue.record.change():
                queue.record.put(replace(kept, pending=""))


def finish(queue: Queue, kept: Kept) -> Kept:
    """Make the file what the record says: make it, or move it on and write it anew; twice is once. Raises OSError, InvalidTask."""
    tree, name = queue.tree, kept.name
    if kept.pending == NEW:
        stamp = _made(tree, kept)
    else:
        if tree.stamp(kept.pending, name):
            tree.move(kept.pending, kept.state, name)
        there = tree.read(kept.state, name)
        data = _following(kept, there)
        stamp = tree.replace(kept.state, name, data)
        tree.sync(kept.pending)
        kept = replace(kept, data=data)
    queue.leases.follow(kept)
    done = replace(kept, stamp=stamp, pending="")
    with queue.record.change(durable=False):
        queue.record.put(done)
    return done


def _made(tree: Tree, kept: Kept) -> str:
    try:
        return tree.create(kept.state, kept.name, kept.data)
    except FileExistsError:
        if tree.read(kept.state, kept.name) != kept.data:
            raise
        return tree.stamp(kept.state, kept.name)


def _following(kept: Kept, there: bytes) -> bytes:
    """The recorded bytes, or those of a file that somebody has edited meanwhile, brought up to the recorded version."""
    if there == kept.data:
        return there
    task = forms.parse(kept.task.id, there, kept.task.created_at)
    if replace(task, **changes_of(kept)) == kept.task:
        return kept.data
    return forms.edit(task, there, changes_of(kept))


def changes_of(kept: Kept) -> dict[str, Any]:
    """The fields that a change of state may change, as they are to be."""
    return {name: getattr(kept.task, name) for name in ("version", "attempts", "claimed_by", "claimed_at", "expires_at", "reason")}


def _look(queue: Queue, *, hurried: bool) -> str:
    """Compare, as far as it is needed; when every file was looked at last."""
    at, folders = queue.record.looked
    if hurried and sortable(queue.now - _OFTEN) < at < sortable(queue.now + _OFTEN) and folders == _folders(queue):
        return at
    compare(queue)
    return sortable(queue.now)


def _folders(queue: Queue) -> str:
    """How the folders are."""
    return " ".join(f"{state}:{queue.tree.folder_stamp(state)}" for state in queue.flow.states)


def compare(queue: Queue) -> None:
    """Bring the record into step with the folders; sets `missing` and adds to `notes`."""
    known = queue.record.places()
    there = {state: queue.tree.names(state) for state in queue.flow.states}
    queue.missing = {task for task, (state, name, _) in known.items() if name not in there.get(state, ())}
    changed = [(task, state, name) for state, name, task in _elsewhere(queue, known, there)]
    changed += _edited(queue, known)
    found = [one for task, state, name in changed if (one := _look_at(queue, task, state, name)) is not None]
    if found:
        with queue.record.change():
            for kept, happened in found:
                queue.record.put(kept, happened)
    for kept, _ in found:
        queue.missing.discard(kept.task.id)
        queue.leases.follow(kept)


def _elsewhere(queue: Queue, known: Places, there: Mapping[str, set[str]]) -> Iterator[tuple[str, str, str]]:
    """State, name and task of the files that are not where, or not what, the record says."""
    recorded: dict[str, set[str]] = {state: set() for state in there}
    for state, name, _ in known.values():
        recorded.setdefault(state, set()).add(name)
    found: dict[str, str] = {}
    for state, names in there.items():
        for name in sorted(names - recorded[state]):
            task = forms.task_of(name)
            if task is None or not queue.tree.stamp(state, name):
                continue
            first = found.get(task) or (known[task][0] if task in known and task not in queue.missing else "")
            if first:
                queue.notes.append(f"task {task} lies in {first} and in {state}: the one in {state} is left alone; remove one of the files")
            else:
                found[task] = state
                yield state, name, task


def _edited(queue: Queue, known: Places) -> Iterator[tuple[str, str, str]]:
    """The tasks whose files have changed, where that counts at once: what is claimed next hangs on it.

    Elsewhere an edit is read with the next change of the task.
    """
    watched = queue.flow.of_phase(TaskPhase.PROPOSED, TaskPhase.DEFINED, TaskPhase.READY)
    for task, (state, name, stamp) in known.items():
        if state in watched and task not in queue.missing and queue.tree.stamp(state, name) != stamp:
            yield task, state, name


def _look_at(queue: Queue, task: str, state: str, name: str) -> tuple[Kept, Happened] | None:
    """What the record must learn of a file; None for one that can't be read as a task."""
    try:
        stamp = queue.tree.stamp(state, name)
        data = queue.tree.read(state, name)
        read = forms.parse(task, data, queue.tree.written_at(state, name))
    except FileNotFoundError:
        return None
    except (InvalidTask, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        queue.unread.append(queue.tree.root / state / name)
        queue.notes.append(f"{queue.tree.root / state / name} is left alone: {why}")
        return None
    known = queue.record.find(task)
    before = known.state if known is not None else ""
    event = "found" if known is None else "moved" if before != state else "edited"
    claim = known.claim if known is not None and queue.flow.states[state] is TaskPhase.RUNNING else None
    return Kept(read, state, name, data, stamp, claim=claim), Happened(task, event, queue.now, before, state, read.version)
