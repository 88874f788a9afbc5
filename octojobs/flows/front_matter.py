"""The form that octojobs writes: YAML between two lines of `---`, then the body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from octojobs.config.reader import Document, read
from octojobs.core.codec import NotDecodable, format_instant, parse_instant
from octojobs.core.task import InvalidTask, InvalidTaskId, Task, TaskId, TaskPriority, body, line

FENCE = "---"
_PLAIN = re.compile(r"[A-Za-z_][\w./=+@-]*(?: [\w./=+@-]+)*|\d{4}-\d\d-\d\dT[\d:.]+Z|[1-9][0-9a-f]*[abcdf][0-9a-f]*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # what some reader takes for something else
_CONTINUES = re.compile(r"[ \t]|- |-$|\r?$")
_KEPT = ("id", "title", "flow", "role", "priority", "created_at", "blocked_by", "expires_at", "version")
"""Written even where they say nothing: whoever opens the file sees what there is."""


def is_front_matter(text: str) -> bool:
    """Whether the text begins as this form does."""
    return text.partition("\n")[0].rstrip() == FENCE


def render(task: Task) -> str:
    """The file's text."""
    fields = [f"{name}: {_scalar(value)}" for name, value in _fields(task) if name in _KEPT or value not in ("", 0, (), None)]
    return "\n".join([FENCE, *fields, FENCE, task.body]) + ("\n" if task.body else "")


def parse(stem: str, text: str, written_at: datetime) -> Task:
    """The task; `stem` is the file's name without `.md`, `written_at` its age where it tells none. Raises InvalidTask.

    Keys that are not known are somebody else's, and left alone.
    """
    header, rest = _split(text)
    document = read(stem, "\n".join(header).encode("utf-8", "replace"))
    if document.problems:
        raise InvalidTask(f"its front matter can't be read: {document.problems[0].message}")
    values = document.top[0]
    if not isinstance(values, dict):
        raise InvalidTask("its front matter holds no fields")
    told = _Told(document, values)
    try:
        if (named := told.text("id", stem)) != stem:
            raise InvalidTask(f"it says that it is task {line(named)}")
        if not (title := line(told.text("title"))):
            raise InvalidTask("it has no title")
        return Task(
            id=TaskId(stem),
            title=title,
            created_at=told.instant("created_at") or written_at,
            flow=line(told.text("flow")) or "default",
            role=line(told.text("role")) or "implement",
            priority=TaskPriority.of(told.text("priority") or TaskPriority.P2),
            branch=line(told.text("branch")),
            created_by=line(told.text("created_by")),
            run=line(told.text("run")),
            dedupe=line(told.text("dedupe")),
            parent=line(told.text("parent")),
            depth=told.number("depth"),
            blocked_by=tuple(TaskId(one) for one in told.texts("blocked_by")),
            expires_at=told.instant("expires_at"),
            acceptance=tuple(line(one) for one in told.texts("acceptance")),
            version=told.number("version", 1),
            attempts=told.number("attempts"),
            claimed_by=line(told.text("claimed_by")),
            claimed_at=told.instant("claimed_at"),
            reason=line(told.text("reason")),
            body=body("\n".join(rest)),
        )
    except (InvalidTaskId, NotDecodable) as error:
        raise InvalidTask(str(error)) from None


def edit(text: str, fields: Mapping[str, Any]) -> str:
    """The text with these fields set, every other byte as it was; one that is empty is removed."""
    header, rest = _split(text)
    end = "\r" if text.partition("\n")[0].endswith("\r") else ""
    kept: list[str] = []
    skipping = False
    for one in header:
        key = re.match(r"([A-Za-z_][\w-]*)[ \t]*:", one)
        # A value may go on below its key, indented or as a list.
        skipping = key[1] in fields if key else skipping and bool(_CONTINUES.match(one))
        if not skipping:
            kept.append(one)
    added = [f"{name}: {_scalar(value)}{end}" for name, value in fields.items() if value not in ("", 0, None)]
    return "\n".join([FENCE + end, *kept, *added, FENCE + end, *rest])


def _split(text: str) -> tuple[list[str], list[str]]:
    """The lines between the fences, and those after them."""
    lines = text.split("\n")
    for number, one in enumerate(lines[1:], 1):
        if one.rstrip() == FENCE:
            return lines[1:number], lines[number + 1 :]
    raise InvalidTask("its front matter has no end: a line of ---")


def _fields(task: Task) -> Iterator[tuple[str, Any]]:
    for name in Task.__slots__:
        if name != "body":
            yield name, getattr(task, name)


def _scalar(value: Any) -> str:
    """A value on one line, plain where no YAML reader takes it for something else."""
    if isinstance(value, datetime):
        value = format_instant(value)
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return str(value)
    return json.dumps(value, ensure_ascii=False)  # whatever JSON says in quotes, YAML reads the same


class _Told:
    """The values of a header by name, each as the type that is wanted; raises InvalidTask."""

    def __init__(self, document: Document, values: Mapping[str, Any]) -> None:
        self._document = document
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """As it is written: `1.10` is that, and not 1.1."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise InvalidTask(f"{name} is no text")
        return self._document.mark(self._values, name).raw or str(value)

    def texts(self, name: str) -> list[str]:
        value = self._values.get(name)
        if value is None or value == "":
            return []
        if not isinstance(value, list) or any(isinstance(one, dict | list) or one is None for one in value):
            raise InvalidTask(f"{name} is no list of texts")
        return [self._document.mark(value, place).raw or str(one) for place, one in enumerate(value)]

    def number(self, name: str, default: int = 0) -> int:
        value = self._values.get(name, default)
        if type(value) is not int or value < 0:
            raise InvalidTask(f"{name} is no number of times")
        return value

    def instant(self, name: str) -> datetime | None:
        value = self.text(name)
        return parse_instant(value) if value else None
