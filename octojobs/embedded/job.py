"""`octojobs.Job`: a job as a Python program holds it, to be changed and subclassed; each of its states is a frozen core job."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar, overload

from octojobs.actions.local_zone import local_zone
from octojobs.core import job as core
from octojobs.core.job import CommandAction, Priority
from octojobs.core.when import ScheduleWhen
from octojobs.embedded.definition import amended, defined
from octojobs.embedded.result import JobResult

R = TypeVar("R")
W = TypeVar("W")

Text = str | tuple[str, ...]
"""A command for `sh -c`, or an argument vector; a schedule, or several."""

Command = str | Sequence[str | os.PathLike[str]]
"""What a command may be given as."""


class JobState(StrEnum):
    """Where a job stands in this process; the record of all processes is the history."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Field(Generic[R, W]):
    """An attribute that reads from the job's definition, and checks what is assigned to it; raises InvalidValue."""

    def __init__(self, read: Callable[[core.Job], R]) -> None:
        self._read = read
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, job: None, owner: type) -> Self: ...
    @overload
    def __get__(self, job: Job, owner: type) -> R: ...
    def __get__(self, job: Job | None, owner: type) -> R | Self:
        return self if job is None else self._read(job.definition)

    def __set__(self, job: Job, value: W) -> None:
        job.definition = amended(job.definition, self._name, value)


class Job:
    """A job: `id`, `command` and `schedule`, and what else a job's file may say.

    `command` is text for `sh -c`, or a list that runs without a shell. `schedule` is a cron expression (or a list) in
    the machine's time zone unless `timezone` says otherwise. `timeout_seconds` None means the scheduler's default.
    `more` are further fields under the names of docs/reference/jobs.md: `env`, `interval` in place of `schedule`, …
    What is wrong is an InvalidValue (a ValueError) at once, when the job is made and when an attribute is assigned.
    A change holds for the runs that fall due after it. `state`, `last_run` (aware UTC) and `last_result` are the
    scheduler's to set.
    """

    name = Field[str, str](lambda job: job.title or job.id)
    command = Field[Text | None, Command](lambda job: job.action.command if isinstance(job.action, CommandAction) else None)
    schedule = Field[Text | None, str | Sequence[str]](
        lambda job: _one_or_all(job.when.entries) if isinstance(job.when, ScheduleWhen) else None
    )
    priority = Field[Priority, Priority | str](lambda job: job.priority)
    enabled = Field[bool, bool](lambda job: job.enabled)
    max_retries = Field[int, int](lambda job: job.retries.max)
    timeout_seconds = Field[float | None, int | None](lambda job: job.limits.timeout_s)
    description = Field[str, str](lambda job: job.description)

    def __init__(
        self,
        id: str,  # noqa: A002 - the name of the field in a job's file
        name: str = "",
        command: Command | None = None,
        schedule: str | Sequence[str] | None = None,
        *,
        priority: Priority | str = Priority.MEDIUM,
        enabled: bool = True,
        max_retries: int | None = None,
        timeout_seconds: int | None = None,
        description: str = "",
        **more: Any,
    ) -> None:
        said = {"command": command, "schedule": schedule, "max_retries": max_retries, "timeout_seconds": timeout_seconds}
        named = {"name": name or None, "description": description or None}
        optional = {field: value for field, value in {**named, **said}.items() if value is not None}
        fields = {"id": id, **optional, "priority": priority, "enabled": enabled, **more}
        self._begin(defined(fields, local_zone(os.environ)))

    @classmethod
    def of(cls, definition: core.Job) -> Job:
        """The face of a frozen job; a plain `Job`, whatever a subclass asks for."""
        job = Job.__new__(Job)
        job._begin(definition)
        return job

    def _begin(self, definition: core.Job) -> None:
        self.definition = definition
        self.state = JobState.PENDING
        self.last_run: datetime | None = None
        self.last_result: JobResult | None = None

    @property
    def id(self) -> str:
        """The job's name in records and folders; it can't be changed."""
        return self.definition.id

    def keep(self, result: JobResult) -> JobResult:
        """Remember how the job ended; the result itself."""
        self.state = JobState.COMPLETED if result.success else JobState.FAILED
        self.last_result = result
        return result

    def __repr__(self) -> str:
        shown = ("id", "name", "command", "schedule", "state")
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!s}' for name in shown)})"


def _one_or_all(entries: tuple[str, ...]) -> Text:
    return entries[0] if len(entries) == 1 else entries
