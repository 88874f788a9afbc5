"""The two forms that a task's file may have: which it is, read and edited; an edit is proved by reading it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from octojobs.core.definitions import FRONT_MATTER, OCTOPOID_FORM
from octojobs.core.task import TASK_ID, InvalidTask, Task
from octojobs.flows import front_matter, header_lines

SUFFIX = ".md"
MOST_BYTES = 1 << 20
"""Of a file: what is larger was not written as a task."""


class Form(StrEnum):
    """How a task's file is written; both are read."""

    FRONT_MATTER = FRONT_MATTER
    OCTOPOID = OCTOPOID_FORM


def file_name(task: str, form: Form) -> str:
    """The name of a task's file."""
    return f"{header_lines.PREFIX if form is Form.OCTOPOID else ''}{task}{SUFFIX}"


def task_of(name: str) -> str | None:
    """The id that a file's name tells; None for a file that is no task's.

    >>> task_of("7e0e8c52.md"), task_of("TASK-7e0e8c52.md"), task_of(".7e0e8c52.md.4711.octojobs-tmp"), task_of("notes.txt")
    ('7e0e8c52', '7e0e8c52', None, None)
    """
    stem = name.removesuffix(SUFFIX).removeprefix(header_lines.PREFIX)
    return stem if name.endswith(SUFFIX) and TASK_ID.fullmatch(stem) else None


def render(task: Task, form: Form) -> str:
    """The text of a new file."""
    return header_lines.render(task) if form is Form.OCTOPOID else front_matter.render(task)


def parse(task: str, data: bytes, written_at: datetime) -> Task:
    """The task of a file, whatever its form; raises InvalidTask."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidTask("it is not UTF-8") from None
    if front_matter.is_front_matter(text):
        return front_matter.parse(task, text, written_at)
    if header_lines.is_header_lines(text):
        return header_lines.parse(task, text, written_at)
    raise InvalidTask("it begins neither with --- nor with `# [TASK-ID] title`")


def edit(task: Task, data: bytes, changes: Mapping[str, Any]) -> bytes:
    """The file with these fields changed and all else as it was; `task` is what it says now. Raises InvalidTask when it can't be."""
    text = data.decode("utf-8-sig")
    edited = front_matter.edit(text, changes) if front_matter.is_front_matter(text) else header_lines.edit(text, changes)
    after = edited.encode()
    try:
        fits = parse(task.id, after, task.created_at) == replace(task, **changes)
    except InvalidTask:
        fits = False
    if not fits:
        raise InvalidTask("its header can't be edited: write one field a line")
    return after
