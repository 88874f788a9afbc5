"""Jobs of other schedulers as new files of this repository: what would be written, and writing it."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from octojobs.actions.committing import commit_written
from octojobs.actions.local_zone import local_zone
from octojobs.actions.workspace import Workspace
from octojobs.config.blob import blob_id
from octojobs.config.contents import Contents
from octojobs.config.exchange import tasks_loop
from octojobs.config.exchange.crontab import read_crontab
from octojobs.config.exchange.crontab_jobs import jobs_of
from octojobs.config.exchange.imported import ForeignJob
from octojobs.config.exchange.yaml_text import jobs_text
from octojobs.config.files import JOBS_FOLDER, SETTINGS_FILE, holds_jobs
from octojobs.config.loader import Loaded, Loader
from octojobs.config.source import WorktreeSource
from octojobs.core.identity import JobId
from octojobs.errors import InvalidDefinitions, Problem, Severity, UsageError

_JOB_LINE = re.compile(r"  \S.*:")
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


def from_crontab(workspace: Workspace, data: bytes, *, shown: str, name: str, system: bool = False, timezone: str | None = None) -> Import:
    """All entries of a crontab as one file, `.octopoid/jobs/<name>.yaml`; `shown` is what messages call the crontab.

    `timezone` is the zone that the schedules are meant in, the machine's where it is None. Raises UsageError when the file is
    there already, InvalidDefinitions when the repository's own definitions can't be read.
    """
    target = f"{JOBS_FOLDER}/{JobId(name)}.yaml"
    there = _There.of(workspace)
    there.check_free(target)
    zone = timezone or local_zone(workspace.environ)
    found = jobs_of(read_crontab(shown, _decoded(shown, data), system=system), timezone=zone, user=getpass.getuser(), taken=there.names)
    problems = list(found.problems)
    jobs: Sequence[ForeignJob] = found.jobs
    while jobs:
        text = jobs_text(_header(shown, zone), zone, [(f"{shown}:{job.line}", job.name, job.fields) for job in jobs])
        loaded = there.joined_by({target: text})
        said = [(_job_at(text, problem.line), problem) for problem in loaded.problems if problem.path == target]
        problems += [replace(problem, path=shown, line=jobs[at].line, column=jobs[at].column) for at, problem in said]
        wrong = {at for at, problem in said if problem.severity is Severity.ERROR}
        if not wrong:
            jobs, before = _in_zone(jobs, zone, loaded), jobs
            if jobs == before:
                return Import({target: text}, tuple(job.name for job in jobs), tuple(sorted(dict.fromkeys(problems))))
        jobs = [job for at, job in enumerate(jobs) if at not in wrong]
    return Import({}, (), tuple(sorted(dict.fromkeys(problems))))


def from_tasks_loop(workspace: Workspace, folder: Path, *, timezone: str | None = None) -> Import:
    """The jobs of a tasks-loop folder, a file each, and its number of concurrent jobs; as `from_crontab`."""
    there = _There.of(workspace)
    zone = timezone or local_zone(workspace.environ)
    settings_path = folder / "config/scheduler.yaml"
    settings = tasks_loop.LoopSettings()
    if settings_path.is_file():
        settings = tasks_loop.read_settings(str(settings_path), settings_path.read_bytes())
    problems = list(settings.problems)
    files: dict[str, str] = {}
    names: list[str] = []
    for path in _job_files(folder, settings.jobs_dir):
        job, target, wrong = _one_job(there, path, settings, zone, files)
        problems += wrong
        if not any(problem.severity is Severity.ERROR for problem in wrong):
            files[target] = job.text
            names.append(job.name)
    if settings.max_concurrent is not None:
        files, more = _with_settings(there, files, str(settings_path), settings.max_concurrent)
        problems += more
    return Import(files if names else {}, tuple(names), tuple(sorted(problems)))


def write(workspace: Workspace, plan: Import, *, commit: bool, message: str) -> str | None:
    """Write the files, none of which may be there, and commit just them when asked; the new commit's id, else None."""
    root = workspace.repository.worktree
    for path in plan.files:
        if (root / path).exists():
            raise _is_there(path)
    for path, text in plan.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        try:
            with (root / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            raise _is_there(path) from None
    return commit_written(workspace.repository, list(plan.files), message) if commit and plan.files else None


@dataclass(frozen=True, slots=True)
class _There:
    """What the worktree declares already."""

    root: Path
    files: Mapping[str, tuple[str, bytes]]
    jobs_file: str
    names: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace) -> _There:
        root = workspace.repository.worktree
        source = WorktreeSource(root, workspace.jobs_file)
        files = Contents(source).look()
        there = cls(root, files, source.jobs_file, frozenset())
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
        if (self.root / path).exists():
            raise _is_there(path)


def _one_job(
    there: _There, path: Path, settings: tasks_loop.LoopSettings, zone: str, files: Mapping[str, str]
) -> tuple[tasks_loop.LoopJob, str, list[Problem]]:
    """The job, its file here, and its problems, at their places in the file that it comes from."""
    data = path.read_bytes()
    job = tasks_loop.read_job(str(path), data, settings, None)
    if job.problems:
        return job, "", list(job.problems)
    target = tasks_loop.target(job)
    loaded = there.joined_by({**files, target: job.text})
    if loaded.definitions is not None and loaded.definitions.jobs[JobId(job.name)].timezone != zone:
        job = tasks_loop.read_job(str(path), data, settings, zone)
        loaded = there.joined_by({**files, target: job.text})
    problems = [replace(problem, path=str(path)) for problem in loaded.problems if problem.path == target]
    if target in files or (there.root / target).exists():
        problems = [Problem(str(path), job.line, job.column, f"{target} is there already", "remove it, or give the job another id")]
    return job, target, problems


def _job_files(folder: Path, jobs_dir: str) -> list[Path]:
    """The files of jobs: in the folder's `jobs_dir`, or in the folder itself when it has none."""
    jobs = folder / jobs_dir
    found = sorted(path for path in (jobs if jobs.is_dir() else folder).iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    if not found:
        raise UsageError(f"{folder} holds no jobs", f"name the folder with {jobs_dir}/*.yaml in it")
    return found


def _with_settings(there: _There, files: dict[str, str], path: str, count: int) -> tuple[dict[str, str], list[Problem]]:
    loaded = there.joined_by(files)
    if loaded.definitions is not None and loaded.definitions.settings.max_concurrent == count:
        return files, []
    if SETTINGS_FILE in there.files:
        fix = f"write `max_concurrent: {count}` in {SETTINGS_FILE} yourself"
        return files, [Problem(path, 0, 0, "max_concurrent_jobs is left out: settings are never overwritten", fix, Severity.WARNING)]
    return {**files, SETTINGS_FILE: tasks_loop.settings_text(path, count)}, []


def _in_zone(jobs: Sequence[ForeignJob], zone: str, loaded: Loaded) -> Sequence[ForeignJob]:
    """The jobs, with `timezone` where the repository's defaults would put them into another zone than the file says."""
    assert loaded.definitions is not None
    declared = loaded.definitions.jobs
    wrong = {job.name for job in jobs if declared[JobId(job.name)].timezone != job.fields.get("timezone", zone)}
    return [replace(job, fields={**job.fields, "timezone": zone}) if job.name in wrong else job for job in jobs]


def _job_at(text: str, line: int) -> int:
    """Which job a line of `jobs_text` belongs to, from 0."""
    return max(0, sum(1 for before in text.split("\n")[:line] if _JOB_LINE.fullmatch(before)) - 1)


def _decoded(shown: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise InvalidDefinitions([Problem(shown, 0, 0, f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}", "name a crontab")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        problem = Problem(shown, line, column, f"byte 0x{data[error.start]:02x} is not UTF-8", "convert the file, by iconv for example")
        raise InvalidDefinitions([problem]) from None


def _header(shown: str, zone: str) -> Iterable[str]:
    return (
        f"From {shown}, whose times are meant in {zone}.",
        "",
        "What cron does otherwise: it starts commands in the home folder (`cwd:`), with a PATH of /usr/bin:/bin (`env:`),",
        "makes up for nothing that it missed (`catch_up: none`), and starts a job although it is still running (`overlap: allow`).",
    )


def _is_there(path: str) -> UsageError:
    return UsageError(f"{path} is there already, and nothing is overwritten", "move it away, or choose another name by --name")
