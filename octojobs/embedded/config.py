"""`octojobs.SchedulerConfig`, and the file that it can be written in: `config/scheduler.yaml`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from octojobs.config.entries import Entry
from octojobs.config.files import unreadable
from octojobs.config.reader import read
from octojobs.config.suggest import did_you_mean, listed
from octojobs.embedded.definition import InvalidValue
from octojobs.errors import InvalidDefinitions, Problem

CONFIG_FILE = Path("config/scheduler.yaml")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class SchedulerConfig:
    """How a scheduler works; relative paths start at the folder in which the scheduler is made. Raises InvalidValue.

    `poll_interval_seconds` is how often `run` looks for changed files in `jobs_dir`; due jobs start at their instants.
    `default_timeout_seconds` holds for jobs that name none, None for no limit. `log_level` and `log_file` are for the
    log of octojobs alone. `state_dir` None means a folder of the user's that belongs to `jobs_dir` (`place.py`);
    `allow_network_fs` accepts a file system there on which records may not survive a crash.
    """

    jobs_dir: Path | str = Path("jobs")
    poll_interval_seconds: float = 60
    default_timeout_seconds: int | None = 300
    max_concurrent_jobs: int = 1
    log_level: str = "INFO"
    log_file: Path | str | None = None
    state_dir: Path | str | None = None
    allow_network_fs: bool = False

    def __post_init__(self) -> None:
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        problems = [Problem("", 0, 0, what, fix) for _, what, fix in _wrong(said)]
        if problems:
            raise InvalidValue(problems)
        object.__setattr__(self, "log_level", self.log_level.upper())

    @classmethod
    def from_file(cls, path: Path | str = CONFIG_FILE) -> SchedulerConfig:
        """The configuration that a file holds; an empty file is the defaults. Raises InvalidDefinitions with places."""
        try:
            document = read(os.fspath(path), Path(path).read_bytes())
        except FileNotFoundError:
            raise InvalidDefinitions([Problem(os.fspath(path), 0, 0, "there is no such file", "name another")]) from None
        except OSError as error:
            raise InvalidDefinitions([unreadable(os.fspath(path), error)]) from None
        file = Entry(document, document.top, 0, "", "")
        values = {} if file.value is None else file.value
        problems = list(document.problems)
        if isinstance(values, dict):
            problems += [_placed(file, *wrong) for wrong in _wrong(values)]
        else:
            problems.append(Problem(os.fspath(path), 0, 0, "the file is no mapping", "write its fields as `name: value`"))
        if problems:
            raise InvalidDefinitions(sorted(problems))
        return cls(**values)


def _placed(file: Entry, name: str, what: str, fix: str) -> Problem:
    mark = file.at(name).mark
    line, column = (mark.line, mark.column) if name in _FIELDS else (mark.key_line, mark.key_column)
    return Problem(file.document.path, line, column, what, fix)


def _wrong(said: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each name that is no field, or whose value is none of what it may be: name, what is wrong, the remedy."""
    for name, value in said.items():
        if name not in _FIELDS:
            yield name, f'unknown field "{name}"', did_you_mean(name, _FIELDS, f"use {listed(_FIELDS)}")
            continue
        fits, expected = _FIELDS[name]
        if not fits(value):
            shown = "nothing" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
            yield name, f"{name}: {shown} is not {expected}", f"write {expected}"


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike) and os.fspath(value) != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


_FIELDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "jobs_dir": (_is_path, "a folder"),
    "poll_interval_seconds": (_is_number, "a number of seconds above 0"),
    "default_timeout_seconds": (lambda value: value is None or _is_count(value), "a whole number of seconds above 0"),
    "max_concurrent_jobs": (_is_count, "a whole number above 0"),
    "log_level": (lambda value: isinstance(value, str) and value.upper() in LOG_LEVELS, f"one of {', '.join(LOG_LEVELS)}"),
    "log_file": (lambda value: value is None or _is_path(value), "a file"),
    "state_dir": (lambda value: value is None or _is_path(value), "a folder"),
    "allow_network_fs": (lambda value: isinstance(value, bool), "true or false"),
}
