"""Keeps the definitions in force: another commit or a saved file is noticed cheaply, and nothing bad ever replaces something good.

`check` is called at every wake-up of the loop. It first stats a handful of files, which costs microseconds; git is asked only
when one of them changed, and once a minute, because a stat can miss what a question doesn't. What is compared is the listing,
path to blob id: time stamps start a question and never answer one.

These keep the last good definitions, and `note` says so in words: a file with a problem, a commit without a jobs file, an empty
file in the working tree (somebody is about to write it), git refusing. Only a readable file can take a job away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from octojobs.config.approval import Approval, Plan, effective
from octojobs.config.contents import Contents, Files, named
from octojobs.config.files import holds_jobs
from octojobs.config.last_good import LastGood
from octojobs.config.loader import Loader
from octojobs.config.pins import UNAPPROVED, changed
from octojobs.config.source import WORKTREE, Source
from octojobs.core.definitions import Definitions
from octojobs.errors import InvalidDefinitions, NotTrusted, OctojobsError, Problem, Severity

ASK_ANYWAY_S = 60.0

Stamp = tuple[tuple[int, int, int, int] | None, ...]


class Reload:
    """The definitions in force. Owned by one thread; `current` gives a frozen value that may go anywhere.

    `problems` are those of the newest files that could not be used, `note` says in one sentence why the definitions in force
    are not the newest ones ("" when they are), `pending` are the newest ones while they wait for `octojobs allow`.
    """

    def __init__(
        self,
        source: Source,
        loader: Loader,
        approval: Approval | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        last_good: LastGood | None = None,
    ) -> None:
        self.problems: tuple[Problem, ...] = ()
        self.note = ""
        self.pending: Definitions | None = None
        self._source = source
        self._contents = Contents(source)
        self._loader = loader
        self._plan_loader = Loader()  # of its own: a loader remembers one set of files
        self._approval = approval
        self._last_good = last_good
        self._monotonic = monotonic
        self._current: Definitions | None = None
        self._refused: OctojobsError | None = None
        self._keeps_plan = False
        self._enforced: Plan | None = None
        self._judged: tuple[dict[str, str], Plan | None, str] | None = None
        self._files = self._watched()
        self._stamp: Stamp = ()
        self._asked_at = float("-inf")

    def current(self) -> Definitions:
        """The definitions in force; when there never were good ones, raises what the last check met (call `check` first)."""
        if self._current is None:
            raise self._refused or OctojobsError("the definitions were not read yet")
        return self._current

    @property
    def is_ready(self) -> bool:
        """Whether there are definitions in force."""
        return self._current is not None

    def remember(self) -> None:
        """Keep what came into force for the next start; it is in force already, and this may wait for a moment without work."""
        if self._enforced is not None:
            if self._last_good is not None:
                self._last_good.keep(self._enforced)
            self._enforced = None
        self._loader.remember()  # in any case: what can't be in force yet would pile up in memory, version by version

    def watch_files(self) -> tuple[Path, ...]:
        """The files whose change is worth a `check`: what the watcher should follow, after each check anew."""
        return self._files

    def check(self, *, ask: bool = False) -> bool:
        """Whether the definitions in force are others now; `ask` skips the look at time stamps.

        Raises NotTrusted when the trust was taken back: nothing is in force then.
        """
        now, stamp = self._monotonic(), _stamp(self._files)
        if not ask and stamp == self._stamp and now - self._asked_at < ASK_ANYWAY_S:
            return False
        # The stamp is older than the answer: what changes in between is seen by the next check.
        self._stamp, self._asked_at = stamp, now
        before = self._current
        try:
            self._look()
        except NotTrusted:
            self._current = None
            raise
        except OctojobsError as refused:
            self._keep(refused)
        if (files := self._watched()) != self._files:
            # Another branch, another file: its time stamp is not known from before.
            self._files, self._stamp = files, ()
        return (before.digest if before else None) != (self._current.digest if self._current else None)

    def _watched(self) -> tuple[Path, ...]:
        return (*self._source.watch_files(), *(self._approval.watch_files() if self._approval else ()))

    def _look(self) -> None:
        files = self._contents.look()
        plan = self._approval.read() if self._approval else None
        self._keeps_plan = plan is not None
        # Where a plan was approved, the scripts count, too: they may change with every commit, and in the working tree at any time.
        question = ({path: oid for path, (oid, _) in files.items()}, plan, self._source.name if plan else "")
        saved = plan is not None and self._source.name == WORKTREE
        if question != self._judged or saved or self.pending is not None:  # what waits may be vouched for by now
            self._judge(files, plan)
            self._judged = question
        elif self._current and not self.note:
            self._current = replace(self._current, source=self._source.name)  # the same files, in another commit

    def _judge(self, files: Files, plan: Plan | None) -> None:
        if not any(holds_jobs(path) for path in files):
            raise OctojobsError(f"{named(self._source.name)} has no {self._source.jobs_file}")
        loaded = self._loader.load(files, source=self._source.name, jobs_file=self._source.jobs_file)
        if loaded.definitions is None:
            raise InvalidDefinitions(loaded.problems)
        self.problems, self.note, self.pending = (), "", None
        proposed = Plan(self._source.name, files, self._source.jobs_file)
        if plan is None or self._approval is None:
            self._enforce(loaded.definitions, proposed)
        else:
            self._weigh(self._approval, plan, loaded.definitions, proposed)

    def _weigh(self, approval: Approval, plan: Plan, definitions: Definitions, proposed: Plan) -> None:
        """The newest definitions against the approved plan: their files, and the scripts that their jobs name."""
        same = plan.listing == proposed.listing
        found = approval.pins(proposed.source, definitions)
        scripts = changed(plan.pins, found)
        if same and not scripts:
            self._enforce(definitions, replace(proposed, pins=plan.pins))
            return
        proposed = replace(proposed, pins=found.files)
        obstacle = approval.obstacle(plan, proposed, scripts)
        if not obstacle:
            self._enforce(definitions, proposed)
            return
        approved = self._load_plan(plan)
        if approved is None:
            raise OctojobsError("the approved plan can't be read by this version", "run `octojobs allow` again")
        # What stands where a job of either plan looks, and was not approved: a new script may lie in the place of none.
        there = approval.pins(proposed.source, definitions, approved).files
        self._current = replace(effective(approved, definitions), pins={**dict.fromkeys(there, UNAPPROVED), **plan.pins})
        self.pending = definitions
        self.note = f"{named(self._source.name)} {obstacle}; {self._in_force()}"

    def _enforce(self, definitions: Definitions, plan: Plan) -> None:
        self._current = self._bound(definitions, plan)
        self._enforced = plan

    def _keep(self, refused: OctojobsError) -> None:
        """The newest can't be used: the last good ones stay, over a restart too, and the note says which and why."""
        self._refused, self._judged = refused, None
        if self._current is None and (last := self._remembered()) is not None:
            self._current = self._load_plan(last)
        self.problems = refused.problems if isinstance(refused, InvalidDefinitions) else ()
        count = sum(problem.severity is Severity.ERROR for problem in self.problems)
        what = f"{named(self._source.name)} has {count} problem{'s' if count != 1 else ''} in its definitions" if count else str(refused)
        self.note = f"{what}; {self._in_force()}" if self._current else what

    def _remembered(self) -> Plan | None:
        """What ran last: the approved plan, or the last good files where nothing has to be approved."""
        approved = self._approval.read() if self._approval else None
        self._keeps_plan = approved is not None
        return approved or (self._last_good.recall() if self._last_good else None)

    def _load_plan(self, plan: Plan) -> Definitions | None:
        definitions = self._plan_loader.load(plan.files, source=plan.source, jobs_file=plan.jobs_file).definitions
        return self._bound(definitions, plan) if definitions else None

    def _bound(self, definitions: Definitions, plan: Plan) -> Definitions:
        """The definitions with what the plan lets run."""
        return replace(definitions, pins=plan.pins, keeps_plan=self._keeps_plan) if plan.pins or self._keeps_plan else definitions

    def _in_force(self) -> str:
        return f"the definitions of {named(self._current.source)} stay in force" if self._current else ""


def _stamp(files: Iterable[Path]) -> Stamp:
    return tuple(map(_stat, files))


def _stat(file: Path) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size
