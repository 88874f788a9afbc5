"""Files to definitions: all of them checked together, each read again only when its content has changed."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from octojobs.config.built import WORTH_IT, Built, key_of
from octojobs.config.file import JobsFile, Placed, read_jobs
from octojobs.config.files import SETTINGS_FILE, holds_jobs, is_agent, is_definition
from octojobs.config.jobs import Defaults
from octojobs.config.references import IN_SETTINGS, Kind, check
from octojobs.config.settings import SettingsFile, read_settings
from octojobs.core.definitions import Definitions, Settings
from octojobs.core.identity import JobId
from octojobs.core.job import AgentAction, Job
from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

if TYPE_CHECKING:
    from octojobs.core.agent import Agent

_NO_DEFAULTS = Defaults()
_NO_SETTINGS = Settings()

Files = Mapping[str, tuple[str, bytes]]
"""Path in the repository (with /) to the blob id and the content."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The definitions, or None when one problem is an error; the problems in file order, warnings among them.

    `settings` are there in any case, those at fault at their defaults: where the state is does not hang on a job's mistake.
    """

    definitions: Definitions | None
    problems: tuple[Problem, ...]
    settings: Settings = _NO_SETTINGS


class _Kept(NamedTuple):
    """A file as built, what it was built from, and for whom: the same blob under other defaults is other jobs."""

    blob: str
    inherited: Defaults
    file: JobsFile


class Loader:
    """Loads definitions and knows each file by its blob id; `remember` keeps large ones in `built`, too. Not shared by threads."""

    def __init__(self, built: Built | None = None) -> None:
        self._built = built
        self._kept: dict[str, _Kept] = {}
        self._settings: tuple[str, SettingsFile] | None = None
        self._unkept: list[tuple[str, JobsFile, Defaults]] = []

    def load(self, files: Files, *, source: str, jobs_file: str | None = None, now: datetime | None = None) -> Loaded:
        """The definitions that the files make together.

        `jobs_file` is the path of the jobs' file where it is not that of the settings; `now` lets a past `@once` be warned
        about. Files that are no definitions are left alone. Never raises for anything that stands in a file.
        """
        with _no_collection():
            return self._load(files, source, jobs_file, now)

    def remember(self) -> None:
        """Keep for the next process what was built since the last call; nobody has to wait for it to know what was loaded."""
        while self._built is not None and self._unkept:
            self._built.keep(*self._unkept.pop())

    def _load(self, files: Files, source: str, jobs_file: str | None, now: datetime | None) -> Loaded:
        settings = self._read_settings(files)
        main = jobs_file or settings.settings.jobs_file
        read = self._read_jobs(files, main)
        problems = [*settings.problems, *(problem for file in read for problem in file.problems)]
        if not read:
            problems.append(Problem(main, 0, 0, "there is no such file, and no other that declares jobs", "write one with `octojobs init`"))
        problems.extend(same_names(read))
        jobs: Mapping[JobId, Job] = {job.id: job for file in read for job in file.jobs}
        names = {placed.name: placed for file in read for placed in file.names}
        found = (reference for file in read for reference in file.references if IN_SETTINGS.get(reference.kind) not in settings.broken)
        problems.extend(check(found, names, settings.settings, now))
        known: Mapping[str, Agent] = {}
        if any(isinstance(job.action, AgentAction) for job in jobs.values()):
            from octojobs.config import agents, rule_of_two  # most repositories ask no agent, and the hook starts at each commit

            known, wrong = agents.agents(jobs.values(), files)
            places = [reference for file in read for reference in file.references if reference.kind is Kind.AGENT]
            problems.extend([*wrong, *agents.unfit(jobs.values(), known, places, {problem.path for problem in wrong})])
            problems.extend(rule_of_two.violations(jobs.values(), known))
            jobs = agents.provided(agents.guarded(jobs, known), known)
        problems.sort()
        if any(problem.severity is Severity.ERROR for problem in problems):
            return Loaded(None, tuple(problems), settings.settings)
        told = {path: data for path, (_, data) in files.items() if is_agent(path)}
        definitions = replace(_definitions(jobs, settings, source, files, main, problems), agents=known, agent_files=told)
        return Loaded(definitions, tuple(problems), settings.settings)

    def _read_settings(self, files: Files) -> SettingsFile:
        blob, data = files.get(SETTINGS_FILE, ("", b""))
        if self._settings is None or self._settings[0] != blob:
            self._settings = (blob, read_settings(SETTINGS_FILE, data))
        return self._settings[1]

    def _read_jobs(self, files: Files, main: str) -> list[JobsFile]:
        """The files of jobs, the main one first; its defaults are those of the others."""
        kept: dict[str, _Kept] = {}
        inherited = _NO_DEFAULTS
        if main in files:
            kept[main] = self._one(main, files[main], inherited)
            inherited = kept[main].file.defaults
        for path in sorted(files):
            if path != main and holds_jobs(path) and is_definition(path, main):
                kept[path] = self._one(path, files[path], inherited)
        self._kept = kept
        return [one.file for one in kept.values()]

    def _one(self, path: str, content: tuple[str, bytes], inherited: Defaults) -> _Kept:
        blob, data = content
        before = self._kept.get(path)
        if before is not None and before.blob == blob and before.inherited.same_as(inherited):
            return before
        # Where a folder is called jobs, a file of it may be one job, and is called as it.
        file = PurePosixPath(path)
        stem = file.stem if file.parent.name == "jobs" else None
        if self._built is None or len(data) < WORTH_IT:
            return _Kept(blob, inherited, read_jobs(path, data, inherited, stem))
        key = key_of(path, blob, inherited, stem)
        known = self._built.find(key, inherited)
        if known is None:
            known = read_jobs(path, data, inherited, stem)
            self._unkept.append((key, known, inherited))
        return _Kept(blob, inherited, known)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nearly all that a load makes stays, so looking through it for garbage, again and again, is a tenth of its time for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def same_names(files: list[JobsFile]) -> Iterator[Problem]:
    """Names that two jobs bear; without regard to case, because they are the names of folders too."""
    names = [placed for file in files for placed in file.names]
    if len({placed.name.lower() for placed in names}) == len(names):
        return
    first: dict[str, Placed] = {}
    for placed in names:
        other = first.setdefault(placed.name.lower(), placed)
        if other is not placed:
            what = f'job "{placed.name}": another job has this name, {other.path}:{other.line}'
            yield Problem(placed.path, placed.line, placed.column, what, "rename one of them (upper and lower case are the same here)")


def _definitions(
    jobs: Mapping[JobId, Job], settings: SettingsFile, source: str, files: Files, main: str, warnings: list[Problem]
) -> Definitions:
    digest = sha256()
    for path in sorted(files):
        if is_definition(path, main):
            digest.update(f"{path}\0{files[path][0]}\n".encode())
    return Definitions(jobs, settings.settings, source, digest.hexdigest(), tuple(warnings))
