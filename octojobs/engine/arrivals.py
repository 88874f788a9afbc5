"""Watches the tasks that jobs are triggered by: each that has come into a state since the job's last look becomes a run.

What happened to tasks stands in their record, in order, and is recorded there before a file moves; what people move by hand is
recorded at the look. A job's state has the place in it up to which all is handled, and moves on with the runs that it became: so a
crash leaves both or neither. A record that can't be read, or a folder, is no look at all.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from octojobs.core.codec import format_instant
from octojobs.core.definitions import Definitions, Settings
from octojobs.core.events import Event, NotRun, RefsHandled
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger, Pause
from octojobs.core.run import Cause, Outcome
from octojobs.core.trigger import Trigger
from octojobs.core.triggering import triggered
from octojobs.core.when import TaskWhen
from octojobs.engine.ground import Ground
from octojobs.engine.lookout import Lookout
from octojobs.errors import OctojobsError
from octojobs.slotted import dataclass

if TYPE_CHECKING:
    from octojobs.flows.queue import Queue

log = logging.getLogger("octojobs.triggers")

MOST_TASKS = 100
"""Tasks of one look that get a run each, the newest: as many as tags."""

PATIENCE_S = 0.2
"""How long a tick waits for somebody else's change of a task: that takes milliseconds, and nothing else starts meanwhile."""

_FAR_BEHIND = 500
"""Events that concern nobody after which a job's place moves on all the same: a write for each would be many, and so would be reading."""


@dataclass(frozen=True, slots=True)
class _Came:
    """What a job has to handle: the tasks that came, the oldest first, and its place afterwards; `anew` when it had none here."""

    mark: str
    triggers: tuple[Trigger, ...] = ()
    coalesced: int = 0
    anew: bool = False
    moves: bool = True


class Arrivals:
    """Owned by the engine's thread. Outside git, or where no job is triggered by a task, it does nothing."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lookout = Lookout(ground.clock)
        self._watched: tuple[tuple[Job, TaskWhen], ...] = ()
        self._folders: tuple[Path, ...] = ()
        self._unread: tuple[Path, ...] = ()
        self._paused: frozenset[JobId] = frozenset()
        self._resumes_at: datetime | None = None
        self._told = ""

    def follow(self, jobs: Mapping[JobId, Job]) -> None:
        """These are the jobs that are declared."""
        watched = [(job, job.when) for job in jobs.values() if isinstance(job.when, TaskWhen) and job.enabled]
        self._watched = tuple(watched) if self._ground.repository is not None else ()
        self._folders = self._unread = ()
        self._paused, self._resumes_at = frozenset(), None
        self._lookout = Lookout(self._ground.clock)

    def watch_files(self) -> tuple[Path, ...]:
        """Files that are yet to become tasks, and folders that may be yet to come."""
        return self._lookout.files

    def watch_folders(self) -> tuple[Path, ...]:
        """The folders of the states."""
        return tuple(folder for folder in self._folders if folder.is_dir() and not folder.is_symlink())

    def is_news(self) -> bool:
        """Whether a task may have come that nobody has looked at yet."""
        return bool(self._watched) and self._lookout.is_news()

    @property
    def rests(self) -> bool:
        """Whether something has moved, and is looked at in a moment."""
        return self._lookout.waits_s is not None

    def wake_at(self) -> datetime | None:
        """When the next look is due by itself: what has moved has rested, or a pause ends."""
        waits_s = self._lookout.waits_s
        rested = None if waits_s is None else self._ground.clock.now() + timedelta(seconds=waits_s)
        return min((at for at in (rested, self._resumes_at) if at is not None), default=None)

    def look(self, definitions: Definitions, ledger: Ledger, now: datetime) -> Iterator[tuple[Event, ...]]:
        """What is to be recorded of the tasks that came; each tuple is to be in the ledger before the next one is asked for."""
        if not self._watched:
            return
        self._arrange(definitions.settings)
        resumed = any(ledger.pause_of(job, now) is None for job in self._paused)
        if not self._lookout.should_ask() and not resumed:
            return
        try:
            found = self._came(definitions.settings, ledger, now)
        except (OctojobsError, OSError) as refused:
            self._tell(f"whether a task has come can't be told: {refused}")
            self._lookout.failed()
            self._resumes_at = None  # the next look at the files asks again, and nothing sooner
            return
        self._lookout.asked()
        self._arrange(definitions.settings)
        yield from self._decided(found, definitions.source, ledger, now)

    def _arrange(self, settings: Settings) -> None:
        root = self._ground.root / settings.tasks.folder
        self._folders = tuple(dict.fromkeys(root / when.state for _, when in self._watched))
        self._lookout.watch((*self._folders, *self._unread))

    def _came(self, settings: Settings, ledger: Ledger, now: datetime) -> dict[JobId, _Came]:
        """What each watching job that the ledger knows has to handle. Raises OctojobsError and OSError."""
        from octojobs.flows.forms import Form  # lazily, as the next: SQLite and more, which a daemon without such jobs does not pay
        from octojobs.flows.queue import Place, opened

        place = Place(self._ground.root, self._ground.paths, settings.tasks, Form(settings.task_format))
        found: dict[JobId, _Came] = {}
        with opened(place, now, wait_s=PATIENCE_S) as queue:
            for job, when in self._watched:
                state = ledger.jobs.get(job.id)
                if state is not None and state.absent_since is None:
                    found[job.id] = _since(queue, when, state.handled.get(_key(when)))
            self._unread = tuple(queue.unread)
            self._tell("; ".join(queue.notes))
        return found

    def _decided(self, found: Mapping[JobId, _Came], source: str, ledger: Ledger, now: datetime) -> Iterator[tuple[Event, ...]]:
        waiting: list[Pause] = []
        paused = set()
        for job, when in self._watched:
            came = found.get(job.id)
            if came is None or not came.moves:
                continue
            pause = None if job.run_when_paused else ledger.pause_of(job.id, now)
            if came.triggers and pause is not None:
                paused.add(job.id)
                waiting.append(pause)
                continue
            gone = tuple(ledger.jobs[job.id].handled) if came.anew else ()
            yield (RefsHandled(job.id, {_key(when): came.mark}, gone),)
            surplus = max(0, len(came.triggers) - MOST_TASKS)
            for reason, count in (
                (f"{len(came.triggers)} tasks have come, and the newest {MOST_TASKS} of them are run", surplus),
                ("the task came again, and the last time counts", came.coalesced),
            ):
                if count:
                    yield (NotRun(job.id, now.replace(microsecond=0), Outcome.SKIPPED, reason, now, count=count),)
            for trigger in came.triggers[surplus:]:
                self._ground.forget_revision()
                yield triggered(job, trigger, Cause.TASK, ledger, now, source)
        self._paused = frozenset(paused)
        self._resumes_at = min((pause.until for pause in waiting if pause.until is not None), default=None)

    def _tell(self, what: str) -> None:
        if what and what != self._told:
            log.warning("%s", what)
        self._told = what


def _key(when: TaskWhen) -> str:
    """Where the job's place stands among what it has handled: edited, it is another."""
    return f"task {when.state} {when.flow}".rstrip()


def _since(queue: Queue, when: TaskWhen, mark: str | None) -> _Came:
    """What came into the state since the mark. At first sight nothing has, and neither when the record is another one than then."""
    happened = None if mark is None else queue.record.after(mark)
    here = queue.record.mark()
    if happened is None:
        if mark is not None:
            log.warning("the record of tasks is another one than before: the tasks in %s that are there start nothing", when.state)
        return _Came(here, anew=True)
    came: dict[str, Trigger] = {}
    coalesced = 0
    for one in happened:
        # What was edited, renewed or written again where it had been has not come.
        if one.target != when.state or one.source == one.target or one.event == "restored":
            continue
        if when.flow and ((kept := queue.record.find(one.task)) is None or kept.task.flow != when.flow):
            continue
        coalesced += came.pop(one.task, None) is not None
        why = f"task {one.task} came into {one.target}" + (f" from {one.source}" if one.source else "")
        came[one.task] = Trigger(why, task=one.task, at=format_instant(one.at))
    return _Came(here, tuple(came.values()), coalesced, moves=bool(came) or len(happened) > _FAR_BEHIND)
