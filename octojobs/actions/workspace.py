"""A repository as every use case finds it: its definitions, its state, and who serves it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from octojobs.actions.state_place import place_in
from octojobs.config.approval import Approval
from octojobs.config.built import Built
from octojobs.config.contents import load, named
from octojobs.config.last_good import LastGood
from octojobs.config.loader import Loaded, Loader
from octojobs.config.reload import Reload
from octojobs.config.source import WORKTREE, CommitSource, WorktreeSource
from octojobs.config.source import Source as DefinitionSource
from octojobs.config.trust import Trust, lookup
from octojobs.core.definitions import Definitions, Settings
from octojobs.core.identity import JobId
from octojobs.core.job import Job, Source
from octojobs.core.ledger import Ledger
from octojobs.engine.clock import Clock, SystemClock
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.errors import InvalidDefinitions, NotTrusted, UsageError
from octojobs.repository import Repository
from octojobs.store.access import require_readable
from octojobs.store.lock import Holder, holder
from octojobs.store.paths import StatePaths
from octojobs.store.view import read_state

log = logging.getLogger("octojobs.state")

HEAD = "HEAD"


@dataclass
class Workspace:
    """One repository, opened for one command; what it answers is read once and kept.

    `source_name` is what was asked for: `HEAD`, a full ref or `worktree`. Reading it never needs trust.
    """

    repository: Repository
    source_name: str
    jobs_file: str | None
    state_dir: Path | None
    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    allow_network_fs: bool = False
    """Whether the state may be written on a file system where records may not survive a crash."""
    tell: Callable[[str], None] = log.warning
    """Takes what a person should know besides the answer, a sentence."""

    @classmethod
    def open(
        cls, path: Path | None = None, *, source: str | None = None, state_dir: Path | None = None, jobs_file: str | None = None
    ) -> Workspace:
        """The repository that `path` (the current folder without) lies in; UsageError outside git.

        `source` defaults to what the running daemon reads, else to what `octojobs allow --source` recorded, else to HEAD.
        """
        repository = Repository.discover(path or Path.cwd())
        workspace = cls(repository, source or HEAD, jobs_file, state_dir)
        if source is not None:
            return workspace
        if workspace.allowed is None:  # then no daemon of ours runs, and nothing of its state is opened yet
            return workspace
        known = workspace.vitals.source if workspace.vitals is not None else workspace.allowed.source
        return workspace if known in (None, HEAD) else cls(repository, known, jobs_file, state_dir)

    @property
    def root(self) -> Path:
        """The main worktree: the folder that jobs run in."""
        return self.repository.main_worktree

    @cached_property
    def source(self) -> DefinitionSource:
        """What `up` would read; the working tree where nothing is committed yet (`source_note` says so then)."""
        if self.source_name == WORKTREE or (self.source_name == HEAD and self.repository.head().commit is None):
            return WorktreeSource(self.root, self.jobs_file)
        return CommitSource(self.repository, self.source_name, self.jobs_file)

    @cached_property
    def loader(self) -> Loader:
        """One for all: what the commit and the working tree have in common is read once."""
        return Loader(Built.of_user(self.environ))

    @cached_property
    def loaded(self) -> Loaded:
        """What the source itself declares, or all its problems; `up` may run something else: `in_force`."""
        return load(self.source, self.loader, self.clock.now())

    @cached_property
    def working_tree(self) -> Loaded:
        """The definitions as they stand in the working tree, or all their problems."""
        return load(WorktreeSource(self.root, self.jobs_file), self.loader, self.clock.now())

    @cached_property
    def _kept(self) -> Reload | None:
        """What a daemon would run instead of the source's newest definitions, or with pins; None where it would run just those."""
        planned = self.allowed is not None and self.allowed.level.keeps_plan
        if self.loaded.definitions is not None and not planned:
            return None
        # Where the newest can be used, nothing is remembered: looking writes no file.
        last_good = LastGood(self.paths.root) if self.loaded.definitions is None else None
        approval = Approval(self.repository, records=False) if planned else None
        reload = Reload(self.source, Loader(), approval, self.clock.monotonic, last_good)
        with suppress(NotTrusted):  # a plan that can't be relied on: `up` says so
            reload.check(ask=True)
        return reload if reload.is_ready and (reload.note or planned) else None

    @cached_property
    def in_force(self) -> Definitions | None:
        """What `up` would run: the source's definitions, else the approved or the last good ones; None when there are none.

        Raises UsageError for a jobs file that was named by hand and is not there: others would be shown in its place.
        """
        self._require_named_file()
        return self._in_force

    @cached_property
    def _in_force(self) -> Definitions | None:
        return self._kept.current() if self._kept else self.loaded.definitions

    def _require_named_file(self) -> None:
        if self.jobs_file is None:
            return
        try:
            there = self.jobs_file in self.source.listing()
        except InvalidDefinitions:
            return
        if not there:
            is_saved = (self.root / self.jobs_file).is_file()
            fix = "commit it, or look at it with --source worktree" if is_saved else "name a file that is there, relative to the repository"
            raise UsageError(f"{named(self.source.name)} has no {self.jobs_file}", fix)

    @property
    def kept_note(self) -> str:
        """Why what is in force is not what the source says now; empty when it is."""
        return self._kept.note if self._kept else ""

    @property
    def waits(self) -> bool:
        """Whether the source's definitions wait for approval."""
        return self._kept is not None and self._kept.pending is not None

    @property
    def definitions(self) -> Definitions:
        """What is in force; InvalidDefinitions with all problems of the source when there is nothing."""
        if self.in_force is None:
            raise InvalidDefinitions(self.loaded.problems)
        return self.in_force

    @property
    def settings(self) -> Settings:
        """The settings in force, the defaults where they can't be read."""
        return self._in_force.settings if self._in_force else self.loaded.settings

    @cached_property
    def source_note(self) -> str:
        """How what `up` would run differs from the source, or from what stands in the working tree; empty when it does not."""
        if self.kept_note:
            return self.kept_note
        if self.source_name != WORKTREE and self.source.name == WORKTREE:
            return "nothing is committed yet: this is the working tree"
        here, there = self.loaded.definitions, self.working_tree.definitions
        if self.source_name == WORKTREE or here is None:
            return ""
        if there is None:
            return "the working tree's definitions have problems (`octojobs validate` shows them); this is the commit"
        changed = sorted(job for job in here.jobs.keys() | there.jobs.keys() if _declared(here, job) != _declared(there, job))
        if not changed:
            return ""
        return f"not committed yet, so not live: changes to {', '.join(changed[:5])}" + (" …" if len(changed) > 5 else "")

    @cached_property
    def paths(self) -> StatePaths:
        """Where the state is: `--state-dir`, else what `place_in` finds; what it did not take is told, once.

        Raises StorageFailed where this user may not read it, and what `place_in` raises.
        """
        if self.state_dir is not None:
            found = StatePaths(self.state_dir.absolute())
        else:
            place = place_in(self.repository, self.allowed, lambda: self.loaded.settings)
            found = place.paths
            if place.note:
                self.tell(place.note)
        require_readable(found)
        return found

    @cached_property
    def allowed(self) -> Trust | None:
        """The record of trust; None without one, and for one that can't be relied on."""
        with suppress(NotTrusted):
            return lookup(self.repository)
        return None

    @cached_property
    def vitals(self) -> Vitals | None:
        """What a running daemon says of itself; None when none runs."""
        vitals, running = Heartbeat.read(self.paths), self.holder()
        return vitals if vitals and running and running.pid == vitals.pid else None

    def holder(self) -> Holder | None:
        """Who serves the repository now."""
        return holder(self.paths)

    def ledger(self) -> Ledger:
        """The recorded state, read without the lock."""
        return read_state(self.paths)

    def salt(self) -> str:
        """What spreads this repository's jitter."""
        return self.repository.identity()


def _declared(definitions: Definitions, name: JobId) -> Job | None:
    """The job without its place: a job that only moved within its file is the same."""
    job = definitions.jobs.get(name)
    return replace(job, source=Source("", 0)) if job is not None else None
