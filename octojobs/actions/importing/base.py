"""What every import comes to: new files beside what the repository declares already, and writing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from octojobs.actions.committing import commit_written
from octojobs.actions.workspace import Workspace
from octojobs.config.blob import blob_id
from octojobs.config.contents import Contents
from octojobs.config.exchange.imported import ForeignJob
from octojobs.config.exchange.yaml_text import jobs_text
from octojobs.config.files import JOBS_FOLDER, holds_jobs
from octojobs.config.loader import Loaded, Loader
from octojobs.config.source import WorktreeSource
from octojobs.core.identity import JobId
from octojobs.errors import InvalidDefinitions, Problem, Severity, UsageError
from octojobs.slotted import dataclass

_JOB_LINE = re.compile(r"  \S.*:")
_FIELD_LINE = re.compile(r"    ([A-Za-z_]+):")
MAX_BYTES = 256 * 1024  # as many entries as one file of jobs may hold


@dataclass(frozen=True, slots=True)
class Import:
    """The files to be written (path in the repository to text), the jobs in them, and all that there is to say about it."""

    files: Mapping[str, str]
    jobs: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def is_complete(self) -> bool:
        """Whether nothing was left out."""
        return not any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(frozen=True, slots=True)
class There:
    """What the worktree declares already: its files (path to blob id and content) and the names of its jobs."""

    root: Path
    files: Mapping[str, tuple[str, bytes]]
    jobs_file: str
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, workspace: Workspace, *, instead_of: str = "", jobs_file: str = "") -> There:
        """As it stands; `instead_of` is a file that is another scheduler's, `jobs_file` the one that takes its place.

        Raises InvalidDefinitions when what is there can't be read.
        """
        root = workspace.repository.worktree
        source = WorktreeSource(root, workspace.jobs_file)
        files = {path: content for path, content in Contents(source).look().items() if path != instead_of}
        there = cls(root, files, jobs_file or source.jobs_file)
        if not any(holds_jobs(path) for path in files):
            return there
        loaded = there.joined_by({})
        if loaded.definitions is None:
            raise InvalidDefinitions(loaded.problems)
        return replace(there, names=frozenset(loaded.definitions.jobs))

    def joined_by(self, texts: Mapping[str, str]) -> Loaded:
        """The definitions with further files."""
        more = {path: (blob_id(text.encode()), text.encode()) for path, text in texts.items()}
        return Loader().load({**self.files, **more}, source="worktree", jobs_file=self.jobs_file)

    def check_free(self, path: str) -> None:
        """UsageError when something stands there."""
        if (self.root / path).exists():
            raise is_there(path)


def target_of(there: There, name: str) -> str:
    """The new file of that name; UsageError when it is there already."""
    target = f"{JOBS_FOLDER}/{JobId(name)}.yaml"
    there.check_free(target)
    return target


def one_file(
    there: There, target: str, *, shown: str, zone: str, header: Iterable[str], jobs: Sequence[ForeignJob], problems: Iterable[Problem]
) -> Import:
    """The jobs as one file, less those that can't be jobs here: each is told where it stands in the file that it comes from.

    `shown` is what messages call that file, `zone` the one that its times are meant in.
    """
    said = list(problems)
    header = tuple(header)
    while jobs:
        text = jobs_text(header, zone, [(f"{shown}:{job.line}", job.name, job.fields) for job in jobs])
        loaded = there.joined_by({target: text})
        found = [(_job_at(text, problem.line), problem) for problem in loaded.problems if problem.path == target]
        said += [_moved(problem, jobs[at], text, shown) for at, problem in found]
        wrong = {at for at, problem in found if problem.severity is Severity.ERROR}
        if not wrong:
            jobs, before = _in_zone(jobs, zone, loaded), jobs
            if jobs == before:
                return Import({target: text}, tuple(job.name for job in jobs), tuple(sorted(dict.fromkeys(said))))
        jobs = [job for at, job in enumerate(jobs) if at not in wrong]
    return Import({}, (), tuple(sorted(dict.fromkeys(said))))


def write(workspace: Workspace, plan: Import, *, commit: bool, message: str) -> str | None:
    """Write the files, none of which may be there, and commit just them when asked; the new commit's id, else None."""
    root = workspace.repository.worktree
    for path in plan.files:
        if (root / path).exists():
            raise is_there(path)
    for path, text in plan.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            with (root / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            raise is_there(path) from None
    return commit_written(workspace.repository, list(plan.files), message) if commit and plan.files else None


def decoded(shown: str, data: bytes) -> str:
    """The text of a file of another scheduler; InvalidDefinitions for one that is too large, or no text."""
    if len(data) > MAX_BYTES:
        raise InvalidDefinitions(
            [Problem(shown, 0, 0, f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}", "name a file of jobs")]
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        problem = Problem(shown, line, column, f"byte 0x{data[error.start]:02x} is not UTF-8", "convert the file, by iconv for example")
        raise InvalidDefinitions([problem]) from None


def is_there(path: str) -> UsageError:
    """Nothing is ever overwritten."""
    return UsageError(f"{path} is there already, and nothing is overwritten", "move it away, or choose another name by --name")


def _in_zone(jobs: Sequence[ForeignJob], zone: str, loaded: Loaded) -> Sequence[ForeignJob]:
    """The jobs, with `timezone` where the repository's defaults would put them into another zone than the file says."""
    assert loaded.definitions is not None
    declared = loaded.definitions.jobs
    wrong = {job.name for job in jobs if declared[JobId(job.name)].timezone != job.fields.get("timezone", zone)}
    return [replace(job, fields={**job.fields, "timezone": zone}) if job.name in wrong else job for job in jobs]


def _job_at(text: str, line: int) -> int:
    """Which job a line of `jobs_text` belongs to, from 0."""
    return max(0, sum(1 for before in text.split("\n")[:line] if _JOB_LINE.fullmatch(before)) - 1)


def _moved(problem: Problem, job: ForeignJob, text: str, shown: str) -> Problem:
    """The problem at the place that it has in the file that the job comes from: its field's, where that is known."""
    line, column = job.places.get(_field_at(text, problem.line), (job.line, job.column))
    return replace(problem, path=shown, line=line, column=column)


def _field_at(text: str, line: int) -> str:
    """Which field a line of `jobs_text` belongs to, "" for the line of a job's name."""
    for before in text.split("\n")[line - 1 :: -1]:
        if _JOB_LINE.fullmatch(before):
            break
        if match := _FIELD_LINE.match(before):
            return match[1]
    return ""
