"""The folder of a tasks-loop scheduler, `jobs/*.yaml` and `config/scheduler.yaml`, to files of ours.

Its job files have our form already and are kept byte for byte, comments too; what the scheduler gave to all of them (a time
limit, the machine's time zone) is added at their end.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from octojobs.config.exchange.yaml_text import field_text
from octojobs.config.reader import Document, read
from octojobs.config.suggest import did_you_mean, listed
from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

REQUIRED = ("id", "name", "command", "schedule")
KNOWN = (*REQUIRED, "priority", "description", "enabled", "max_retries", "timeout_seconds")
SETTINGS = {
    "jobs_dir": "",
    "default_timeout_seconds": "",
    "max_concurrent_jobs": "",
    "poll_interval_seconds": "octojobs sleeps until something is due, and then wakes at once",
    "log_level": "`octojobs status` and `octojobs why` tell what happened",
    "log_file": "`octojobs logs` and `octojobs runs` show what ran",
}
"""What `config/scheduler.yaml` may say; where it is not imported, what to use instead."""


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What `config/scheduler.yaml` says that matters here; None where it says nothing. Seconds."""

    jobs_dir: str = "jobs"
    default_timeout_s: int | None = None
    max_concurrent: int | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopJob:
    """A job's file: its name, where that stands, and its text as a file of ours; "" for what can't be one."""

    name: str
    line: int
    column: int
    text: str
    problems: tuple[Problem, ...] = ()


def read_settings(path: str, data: bytes) -> LoopSettings:
    """The settings of the scheduler, with a warning for each that has no counterpart."""
    document = read(path, data)
    values, problems = _mapping(document)
    for key, value in values.items():
        if key not in SETTINGS:
            problems.append(_at_key(document, key, f'"{key}" is no setting of tasks-loop', did_you_mean(key, SETTINGS, "remove it")))
        elif SETTINGS[key]:
            problems.append(_at_key(document, key, f"{key} is left out", SETTINGS[key], Severity.WARNING))
        elif key == "jobs_dir":
            problems += [] if isinstance(value, str) else [_at_key(document, key, "jobs_dir is no text", "write a folder")]
        elif type(value) is not int or value < 1:
            problems.append(_at_key(document, key, f"{key} is no whole number above 0", "write one, or remove it"))
    if any(problem.severity is Severity.ERROR for problem in problems):
        return LoopSettings(problems=tuple(problems))
    return LoopSettings(
        values.get("jobs_dir", "jobs"), values.get("default_timeout_seconds"), values.get("max_concurrent_jobs"), tuple(problems)
    )


def read_job(path: str, data: bytes, settings: LoopSettings, timezone: str | None) -> LoopJob:
    """The job of one file; `timezone` is the one that its schedule was meant in, None where the repository's default is that."""
    document = read(path, data)
    values, problems = _mapping(document)
    missing = [key for key in REQUIRED if key not in values]
    if missing and not problems:
        fix = "complete it, or move it away: this is no job of tasks-loop"
        problems.append(Problem(path, 0, 0, f"{listed(missing, 'and')} missing", fix))
    for key in values:
        if key not in KNOWN and not key.startswith("x-"):
            problems.append(_at_key(document, key, f'"{key}" is no field of a tasks-loop job', did_you_mean(key, KNOWN, "remove it")))
    if problems:
        return LoopJob("", 0, 0, "", tuple(problems))
    added: dict[str, Any] = {}
    if settings.default_timeout_s is not None and "timeout_seconds" not in values:
        added["timeout_seconds"] = settings.default_timeout_s
    if timezone is not None:
        added["timezone"] = timezone
    mark = document.mark(values, "id")
    return LoopJob(str(values["id"]), mark.line, mark.column, _with(document.text, added))


def target(job: LoopJob) -> str:
    """The file that the job gets here."""
    return f".octopoid/jobs/{job.name}.yaml"


def settings_text(path: str, max_concurrent: int) -> str:
    """A settings file of ours."""
    return f"# From {PurePosixPath(path).as_posix()}\nversion: 1\n{field_text('max_concurrent', max_concurrent)}"


def _with(text: str, added: Mapping[str, Any]) -> str:
    if not added:
        return text
    text = text.rstrip("\n")
    text = text.removesuffix("...").rstrip("\n") if text.endswith("\n...") else text
    lines = "".join(field_text(key, value) for key, value in added.items())
    return f"{text}\n# from the settings of the scheduler that this job comes from\n{lines}"


def _mapping(document: Document) -> tuple[dict[str, Any], list[Problem]]:
    value = document.top[0]
    problems = list(document.problems)
    if not isinstance(value, dict):
        return {}, problems or [Problem(document.path, 0, 0, "the file is no mapping", "write its fields as `name: value`")]
    return value, problems


def _at_key(document: Document, key: str, what: str, fix: str, severity: Severity = Severity.ERROR) -> Problem:
    mark = document.mark(document.top[0], key)
    return Problem(document.path, mark.key_line, mark.key_column, what, fix, severity)
