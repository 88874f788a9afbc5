"""The folder of job files, one job a file, and how what stands in it joins the jobs that the program added itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from octojobs.actions.local_zone import local_zone
from octojobs.config.file import JobsFile, read_jobs
from octojobs.config.files import unreadable
from octojobs.config.loader import same_names
from octojobs.config.references import check
from octojobs.core import job as core
from octojobs.core.definitions import Settings
from octojobs.embedded.definition import defaults_in
from octojobs.embedded.job import Job
from octojobs.embedded.jobs import Jobs
from octojobs.errors import InvalidDefinitions, Problem, Severity, UsageError

log = logging.getLogger("octojobs.embedded")


class Folder:
    """A folder of job files, read into a scheduler's jobs. One thread at a time.

    A job of the program's own keeps its place when a file declares one of the same name; a job whose file has not
    changed keeps what the program did to it (another command, its removal); a file that changed replaces its job.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self._shown = shown
        self._files: Mapping[str, bytes] | None = None
        self._loaded: dict[str, tuple[core.Job, Job]] = {}
        self.note = ""

    def load(self, jobs: Jobs) -> None:
        """Read the folder into the jobs.

        Raises UsageError when it is not there, and InvalidDefinitions with every problem of every file; nothing is
        changed then.
        """
        try:
            files = self._read()
        except FileNotFoundError:
            fix = "make it, with a YAML file for each job, or name another: SchedulerConfig(jobs_dir=...)"
            raise UsageError(f"there is no folder {self._shown}", fix) from None
        self._files = files
        self._join(jobs, self._definitions(files))
        self.note = ""

    def follow(self, jobs: Jobs) -> None:
        """Load the folder if something in it has changed. What can't be used leaves everything as it is, and `note` says why."""
        try:
            if self._files is None and not self.path.exists():
                return
            if self._read() != self._files:
                self.load(jobs)
        except (FileNotFoundError, UsageError):
            self.note = f"the folder {self._shown} has gone; its jobs go on as they were"
        except InvalidDefinitions as invalid:
            self.note = f"the jobs of {self._shown} go on as they were: {invalid}"

    def _read(self) -> Mapping[str, bytes]:
        """Path, as messages show it, to content. Raises FileNotFoundError for the folder, InvalidDefinitions for files."""
        problems: list[Problem] = []
        files: dict[str, bytes] = {}
        try:
            names = sorted(os.listdir(self.path))
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(self._shown) from None
        except OSError as error:
            raise InvalidDefinitions([unreadable(self._shown, error)]) from None
        for name in names:
            path = self.path / name
            if not name.endswith((".yaml", ".yml")) or name.startswith(".") or not path.is_file():
                continue
            try:
                files[f"{self._shown}/{name}"] = path.read_bytes()
            except FileNotFoundError:
                continue  # an editor that saves by rename; the next look sees it
            except OSError as error:
                problems.append(unreadable(f"{self._shown}/{name}", error))
        if problems:
            raise InvalidDefinitions(problems)
        return files

    def _definitions(self, contents: Mapping[str, bytes]) -> Mapping[str, core.Job]:
        """The jobs of the files, by id; raises InvalidDefinitions."""
        defaults = defaults_in(local_zone(os.environ))
        files: list[JobsFile] = [read_jobs(path, data, defaults, Path(path).stem) for path, data in contents.items()]
        problems = [problem for file in files for problem in file.problems]
        problems += same_names(files)
        names = {placed.name: placed for file in files for placed in file.names}
        problems += check((reference for file in files for reference in file.references), names, Settings(), None)
        problems.sort()
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise InvalidDefinitions(problems)
        for problem in problems:
            log.warning("%s", problem)
        return {job.id: job for file in files for job in file.jobs}

    def _join(self, jobs: Jobs, definitions: Mapping[str, core.Job]) -> None:
        for name in self._loaded.keys() - definitions.keys():
            _, job = self._loaded.pop(name)
            if jobs.get(name) is job:
                del jobs[name]
        for name, definition in definitions.items():
            before = self._loaded.get(name)
            if before is not None and before[0] == definition:
                continue
            other = jobs.same(name)
            if other is not None and (before is None or jobs[other] is not before[1]):
                log.warning("%s: job %r is the program's own; the file's is left out", definition.source.path, other)
                continue
            job = Job.of(definition)
            if before is not None:
                job.state, job.last_run, job.last_result = before[1].state, before[1].last_run, before[1].last_result
            jobs[name] = job
            self._loaded[name] = (definition, job)
