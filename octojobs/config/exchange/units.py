"""A unit, agent or timer as a file to be, and the job that can't be one."""

from __future__ import annotations

from octojobs.core.job import Job
from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A file for another scheduler: its name, without folders, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The files, and what could not be said in the other's language: an error left a job out, a warning only changed it."""

    files: tuple[UnitFile, ...]
    problems: tuple[Problem, ...]


class Inexpressible(Exception):
    """A job that the other scheduler has no words for: what, and the remedy."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.fix = fix


def problem_of(job: Job, what: str, fix: str, severity: Severity = Severity.ERROR) -> Problem:
    """A problem where the job is declared."""
    return Problem(job.source.path, job.source.line, 1, f'job "{job.id}": {what}', fix, severity)


def check_exportable(job: Job) -> None:
    """Raises Inexpressible for a job that nothing would start by itself, here or anywhere."""
    if not job.enabled:
        raise Inexpressible("it is disabled", f"`octojobs enable {job.id}` first")
