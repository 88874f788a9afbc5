"""The folder of a tasks-loop scheduler as new files, one for each job, and its number of concurrent jobs as a setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from octojobs.actions.importing.base import Import, There
from octojobs.actions.local_zone import local_zone
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange import tasks_loop
from octojobs.config.files import SETTINGS_FILE
from octojobs.core.identity import JobId
from octojobs.errors import Problem, Severity, UsageError


def from_tasks_loop(workspace: Workspace, folder: Path, *, timezone: str | None = None) -> Import:
    """The jobs of a tasks-loop folder, a file each, and its number of concurrent jobs; raises what `from_crontab` does."""
    there = There.of(workspace)
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


def _one_job(
    there: There, path: Path, settings: tasks_loop.LoopSettings, zone: str, files: Mapping[str, str]
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


def _with_settings(there: There, files: dict[str, str], path: str, count: int) -> tuple[dict[str, str], list[Problem]]:
    loaded = there.joined_by(files)
    if loaded.definitions is not None and loaded.definitions.settings.max_concurrent == count:
        return files, []
    if SETTINGS_FILE in there.files:
        fix = f"write `max_concurrent: {count}` in {SETTINGS_FILE} yourself"
        return files, [Problem(path, 0, 0, "max_concurrent_jobs is left out: settings are never overwritten", fix, Severity.WARNING)]
    return {**files, SETTINGS_FILE: tasks_loop.settings_text(path, count)}, []
