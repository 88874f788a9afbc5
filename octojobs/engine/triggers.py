"""Watches what jobs are triggered by: what moved since the last commit that each job has handled becomes a run; and so do tasks.

What was handled stands in the ledger, recorded with the run that it became. So nothing is lost over a restart, and nothing runs twice:
a look compares what is there with that, whatever happened in between, and whoever noticed it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from octojobs.commits import Tips, tips
from octojobs.core.definitions import Definitions
from octojobs.core.events import Event, NotRun, RefsHandled
from octojobs.core.globs import matching
from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.core.ledger import Ledger, Pause
from octojobs.core.run import Cause, Outcome
from octojobs.core.trigger import Trigger
from octojobs.core.triggering import triggered
from octojobs.core.when import RefWhen, TagWhen
from octojobs.engine.arrivals import Arrivals
from octojobs.engine.ground import Ground
from octojobs.engine.lookout import Lookout
from octojobs.errors import OctojobsError
from octojobs.facts.moves import Moves, moved_to
from octojobs.repository import Repository
from octojobs.slotted import dataclass

log = logging.getLogger("octojobs.triggers")

TAGS = "refs/tags/"
MOST_TAGS = 100
"""New tags of one look that get a run each, the newest: as many as `catch_up: all` starts."""


class Watched(NamedTuple):
    """A job that a ref or tags trigger."""

    job: Job
    when: RefWhen | TagWhen


class _Due(NamedTuple):
    """A run to be; `coalesced` older commits are dealt with by it, too."""

    trigger: Trigger
    cause: Cause
    coalesced: int = 0


class _Moved(NamedTuple):
    """What of a job is handled with this look, what runs for it, and how many of the oldest don't because they are too many."""

    handled: RefsHandled | None = None
    due: tuple[_Due, ...] = ()
    surplus: int = 0


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look goes by."""

    ledger: Ledger
    now: datetime
    source: str
    tips: Tips
    moves: Moves


class Triggers:
    """Owned by the engine's thread. Outside git, or where no job is triggered by any of it, it does nothing."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._lookout = Lookout(ground.clock)
        self._watched: tuple[Watched, ...] = ()
        self._targets: tuple[str, ...] = ()
        self._tag_folders: tuple[Path, ...] = ()
        self._paused: frozenset[JobId] = frozenset()
        self._resumes_at: datetime | None = None
        self._refusal = ""
        self._arrivals = Arrivals(ground)

    def follow(self, jobs: Mapping[JobId, Job]) -> None:
        """These are the jobs that are declared: what they watch is looked at next time, for there may be new ones."""
        repository = self._ground.repository
        watched = [Watched(job, job.when) for job in jobs.values() if isinstance(job.when, (RefWhen, TagWhen)) and job.enabled]
        self._watched = tuple(watched) if repository is not None else ()
        self._tag_folders = ()
        self._lookout = Lookout(self._ground.clock)
        self._arrange()
        self._arrivals.follow(jobs)

    def watch_files(self) -> tuple[Path, ...]:
        """What the watcher should follow, so that a look comes at once."""
        return (*self._lookout.files, *self._arrivals.watch_files())

    def watch_folders(self) -> tuple[Path, ...]:
        """Folders of which everything counts: tags, and tasks, come there."""
        return (*self._tag_folders, *self._arrivals.watch_folders())

    def is_news(self) -> bool:
        """Whether a ref, or a task, may have moved that nobody has looked at yet."""
        return (bool(self._watched) and self._lookout.is_news()) or self._arrivals.is_news()

    @property
    def rests(self) -> bool:
        """Whether something has moved, and is looked at in a moment."""
        return self._lookout.waits_s is not None or self._arrivals.rests

    def wake_at(self) -> datetime | None:
        """When the next look is due by itself: what has moved has rested, or a pause ends."""
        tasks = self._arrivals.wake_at()
        if not self._watched:
            return tasks
        waits_s = self._lookout.waits_s
        rested = None if waits_s is None else self._ground.clock.now() + timedelta(seconds=waits_s)
        return min((at for at in (rested, self._resumes_at, tasks) if at is not None), default=None)

    def look(self, definitions: Definitions, ledger: Ledger, now: datetime) -> Iterator[tuple[Event, ...]]:
        """What is to be recorded of what has moved: the runs that it brings about, and that it is handled.

        Each tuple is to be in the ledger before the next one is asked for.
        """
        yield from self._look_at_refs(definitions, ledger, now)
        yield from self._arrivals.look(definitions, ledger, now)

    def _look_at_refs(self, definitions: Definitions, ledger: Ledger, now: datetime) -> Iterator[tuple[Event, ...]]:
        repository = self._ground.repository
        if not self._watched or repository is None:
            return
        resumed = any(ledger.pause_of(job, now) is None for job in self._paused)
        if not self._lookout.should_ask() and not resumed:
            return
        try:
            found = tips(repository, self._patterns())
        except OctojobsError as refused:
            if str(refused) != self._refusal:
                log.warning("git can't tell whether a ref has moved: %s", refused)
            self._refusal = str(refused)
            self._lookout.failed()
            self._resumes_at = None  # the next look at the files asks again, and nothing sooner
            return
        self._refusal = ""
        self._lookout.asked()
        self._targets = found.targets
        self._arrange()
        yield from self._decided(_Look(ledger, now, definitions.source, found, Moves(repository)))

    def _decided(self, look: _Look) -> Iterator[tuple[Event, ...]]:
        waiting: list[Pause] = []
        paused = set()
        for job, when in self._watched:
            state = look.ledger.jobs.get(job.id)
            if state is None or state.absent_since is not None:
                continue
            moved = _ref_moved(look, job, when, state.handled) if isinstance(when, RefWhen) else _tags_moved(look, job, when, state.handled)
            pause = None if job.run_when_paused else look.ledger.pause_of(job.id, look.now)
            if moved.due and pause is not None:
                paused.add(job.id)
                waiting.append(pause)
                continue
            if moved.handled is not None:
                yield (moved.handled,)
            if moved.surplus:
                reason = f"{moved.surplus + MOST_TAGS} tags are new, and the newest {MOST_TAGS} of them are run"
                yield (NotRun(job.id, look.now.replace(microsecond=0), Outcome.SKIPPED, reason, look.now, count=moved.surplus),)
            for due in moved.due:
                self._ground.forget_revision()
                yield triggered(job, due.trigger, due.cause, look.ledger, look.now, look.source, coalesced=due.coalesced)
        self._paused = frozenset(paused)
        self._resumes_at = min((pause.until for pause in waiting if pause.until is not None), default=None)

    def _patterns(self) -> list[str]:
        """What git is asked for."""
        return sorted({when.ref if isinstance(when, RefWhen) else TAGS for _, when in self._watched})

    def _arrange(self) -> None:
        repository = self._ground.repository
        if repository is None or not self._watched:
            return
        refs = [when.ref for _, when in self._watched if isinstance(when, RefWhen)]
        files = [*repository.watch_files(*refs, *self._targets)]
        files += (folder for ref in refs for folder in _folders_to(repository, ref))
        tags = any(isinstance(when, TagWhen) for _, when in self._watched)
        self._tag_folders = tuple(_folders_of_tags(repository)) if tags else ()
        self._lookout.watch((*files, *self._tag_folders))


def _folders_to(repository: Repository, ref: str) -> Iterator[Path]:
    """The folders on the way to a loose ref: one that is made there is no event of a folder that was not there."""
    for folder in (repository.common_dir / ref).parents:
        if folder == repository.common_dir / "refs":
            return
        yield folder


def _folders_of_tags(repository: Repository) -> Iterator[Path]:
    """Where loose tags lie: a tag that comes or goes changes its folder."""
    root = repository.common_dir / "refs" / "tags"
    yield root
    for place, names, _ in os.walk(root):
        yield from (Path(place) / name for name in names)


def _ref_moved(look: _Look, job: Job, when: RefWhen, handled: Mapping[str, str]) -> _Moved:
    """At first sight of the ref its commit is the one that is handled. One that was deleted is compared when it is there again."""
    commit = look.tips.commits.get(when.ref)
    if when.ref not in handled:
        return _Moved(RefsHandled(job.id, {when.ref: commit or ""}, tuple(handled)))
    before = handled[when.ref]
    if commit is None or commit == before:
        return _Moved()
    move = look.moves.between(when.ref, before, commit)
    why = move.why(when.paths)
    due = () if why is None else (_Due(Trigger(why, when.ref, before, commit), Cause.REF, move.commits - 1),)
    return _Moved(RefsHandled(job.id, {when.ref: commit}), due)


def _tags_moved(look: _Look, job: Job, when: TagWhen, handled: Mapping[str, str]) -> _Moved:
    """At first sight of the pattern no tag is new. One that is removed and made again is."""
    names = [ref.removeprefix(TAGS) for ref in look.tips.commits if ref.startswith(TAGS)]
    there = {TAGS + name: look.tips.commits[TAGS + name] for name in matching(names, [when.pattern])}
    if when.pattern not in handled:
        return _Moved(RefsHandled(job.id, {when.pattern: "", **there}, tuple(handled)))
    gone = tuple(ref for ref in handled if ref != when.pattern and ref not in there)
    fresh = {ref: commit for ref, commit in there.items() if handled.get(ref) != commit}
    triggers = (Trigger(moved_to(ref, handled.get(ref, ""), commit), ref, handled.get(ref, ""), commit) for ref, commit in fresh.items())
    due = tuple(_Due(trigger, Cause.TAG) for trigger in triggers)
    return _Moved(RefsHandled(job.id, fresh, gone) if fresh or gone else None, due[-MOST_TAGS:], max(0, len(due) - MOST_TAGS))
