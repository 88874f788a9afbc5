"""Python values to frozen jobs, checked by the rules of the files, so that a program reads the same messages as a person."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from octojobs.config.declared import declared
from octojobs.config.file import read_jobs
from octojobs.config.jobs import Defaults, build
from octojobs.config.reader import Document
from octojobs.config.references import Kind, check
from octojobs.core.definitions import Settings
from octojobs.core.job import CommandAction, Job
from octojobs.errors import InvalidDefinitions, Problem

RETRY_DELAY_S = 1
"""Between two attempts where only `max_retries` is said: the caller may be waiting in `execute_job`."""


class InvalidValue(InvalidDefinitions, ValueError):
    """A value that a job or a configuration can't have; `problems` holds all that is wrong, without places."""

    def __str__(self) -> str:
        return "\n".join(problem.message for problem in self.problems)


@cache
def defaults_in(zone: str) -> Defaults:
    """What jobs have that say nothing else: the time zone, and a short constant delay before a retry."""
    text = f"timezone: {zone}\ndefaults: {{retries: {{backoff: constant, delay: {RETRY_DELAY_S}}}}}\njobs: {{}}\n"
    return read_jobs("", text.encode(), Defaults(), None).defaults


def defined(fields: Mapping[str, Any], zone: str) -> Job:
    """The job with these fields, spelled as in a file; raises InvalidValue with all that is wrong with them.

    >>> defined({"id": "nightly", "command": "make nightly", "schedule": "0 2 * * *"}, "UTC").timezone
    'UTC'
    """
    _refuse_unusable(fields)
    document = Document("", top=[{"jobs": [plain(fields)]}])
    found, problems = declared(document, None)
    if problems:
        raise InvalidValue(problems)
    built = build(found[0], defaults_in(zone))
    # A job that is named here may be added later, and a result is kept in the state folder; pools and conditions are all known.
    named = (reference for reference in built.references if reference.kind not in (Kind.JOB, Kind.OUTPUT))
    problems = [*built.problems, *check(named, {}, Settings(), None)]
    if built.job is None or problems:
        raise InvalidValue(problems)
    return built.job


def amended(job: Job, field: str, value: Any) -> Job:
    """The job with one of the fields of `octojobs.embedded.job.Job` changed; raises InvalidValue."""
    if value in ("", None) and field == "name":
        return replace(job, title="")
    if value in ("", None) and field == "description":
        return replace(job, description="")
    if value is None and field == "timeout_seconds":
        return replace(job, limits=replace(job.limits, timeout_s=None))
    rest = {"command": "true"} if field == "schedule" else {"command": "true", "manual": True}
    checked = defined({"id": job.id, **rest, field: value}, job.timezone)
    match field:
        case "name":
            return replace(job, title=checked.title)
        case "command" if isinstance(job.action, CommandAction) and isinstance(checked.action, CommandAction):
            return replace(job, action=replace(job.action, command=checked.action.command))
        case "command":
            return replace(job, action=checked.action)
        case "schedule":
            return replace(job, when=checked.when)
        case "max_retries":
            return replace(job, retries=replace(job.retries, max=checked.retries.max))
        case "timeout_seconds":
            return replace(job, limits=replace(job.limits, timeout_s=checked.limits.timeout_s))
        case _:
            return replace(job, **{field: getattr(checked, field)})


def plain(value: Any) -> Any:
    """The value as a file could hold it: members of enumerations and paths as text, tuples as lists."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, str):
        return str(getattr(value, "value", value))
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    return value


def _refuse_unusable(fields: Mapping[str, Any]) -> None:
    """A file can't hold such text; neither can an environment or an argument vector."""
    problems = [
        Problem("", 0, 0, f'job "{fields.get("id")!s}": {name}: this text holds a NUL or half a surrogate pair', "remove it")
        for name, value in fields.items()
        if _is_unusable(value)
    ]
    if problems:
        raise InvalidValue(problems)


def _is_unusable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value or any("\ud800" <= char <= "\udfff" for char in value)
    if isinstance(value, Mapping):
        return any(_is_unusable(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(map(_is_unusable, value))
