"""octopoid's older form: a title line with the id, lines of `KEY: value`, then sections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from octojobs.core.codec import NotDecodable, format_instant, parse_instant
from octojobs.core.task import InvalidTask, InvalidTaskId, Task, TaskId, TaskPriority, body, line

PREFIX = "TASK-"
_TITLE = re.compile(r"#\s*\[" + PREFIX + r"([^\]\n]*)\]\s*(.*?)\s*")
_HEADER = re.compile(r"([A-Z][A-Z_]*):[ \t]*(.*?)\s*")
_ITEM = re.compile(r"\s*[-*]\s+(?:\[.\]\s*)?(.*?)\s*")
_LOOKS_LIKE_OURS = re.compile(r" *(?:#|[A-Z][A-Z_]*:)")
_CONTEXT, _CRITERIA = "## Context", "## Acceptance Criteria"
_NAMES = {"created_at": "CREATED", "attempts": "ATTEMPT_COUNT"}
_ALWAYS = ("role", "priority", "branch", "created_at", "created_by", "version")
"""octopoid looks for each of these anywhere in the file: where the header has it, no line below can stand in for it."""
_WRITTEN = (
    *("role", "priority", "branch", "created_at", "created_by", "blocked_by", "flow", "run", "dedupe", "parent", "depth"),
    *("expires_at", "version", "attempts", "claimed_by", "claimed_at", "reason"),
)


def is_header_lines(text: str) -> bool:
    """Whether the text begins as this form does."""
    return _TITLE.fullmatch(text.lstrip().partition("\n")[0]) is not None


def render(task: Task) -> str:
    """The file's text. Lines of the body that look like a header or a heading are indented by one space, and so are neither."""
    lines = [f"# [{PREFIX}{task.id}] {task.title}", ""]
    for name in _WRITTEN:
        value = _text(getattr(task, name)) or {"branch": "main", "created_by": "octojobs"}.get(name, "")
        if name in _ALWAYS or (value and not (name == "flow" and value == "default")):
            lines.append(f"{_NAMES.get(name, name.upper())}: {value}")
    lines += ["", _CONTEXT, "", *map(_guarded, task.body.split("\n"))]
    if task.acceptance:
        lines += ["", _CRITERIA, "", *(f"- [ ] {one}" for one in task.acceptance)]
    return "\n".join(lines) + "\n"


def parse(stem: str, text: str, written_at: datetime) -> Task:
    """The task; as `front_matter.parse`."""
    lines = [one.rstrip("\r") for one in text.lstrip().split("\n")]
    title = _TITLE.fullmatch(lines[0])
    if title is None or not line(title[2]):
        raise InvalidTask("its first line is not `# [TASK-ID] title`")
    if title[1] != stem:
        raise InvalidTask(f"it says that it is task {line(title[1])}")
    header, rest = _header(lines[1:])
    told = {name: header.get(_NAMES.get(name, name.upper()), "") for name in _WRITTEN}
    context, criteria = _sections(rest)
    try:
        return Task(
            id=TaskId(stem),
            title=line(title[2]),
            created_at=_instant(told["created_at"]) or written_at,
            flow=line(told["flow"]) or "default",
            role=line(told["role"]) or "implement",
            priority=TaskPriority.of(told["priority"] or TaskPriority.P2),
            branch=line(told["branch"]),
            created_by=line(told["created_by"]),
            run=line(told["run"]),
            dedupe=line(told["dedupe"]),
            parent=line(told["parent"]),
            depth=_number(told["depth"]),
            blocked_by=tuple(TaskId(one.removeprefix(PREFIX)) for one in re.split(r"[,\s]+", told["blocked_by"]) if _is_named(one)),
            expires_at=_instant(told["expires_at"]),
            acceptance=tuple(line(item[1]) for one in criteria if (item := _ITEM.fullmatch(one))),
            version=_number(told["version"] or "1"),
            attempts=_number(told["attempts"]),
            claimed_by=line(told["claimed_by"]),
            claimed_at=_instant(told["claimed_at"]),
            reason=line(told["reason"]),
            body=body("\n".join(map(_unguarded, context))),
        )
    except (InvalidTaskId, NotDecodable) as error:
        raise InvalidTask(str(error)) from None


def edit(text: str, fields: Mapping[str, Any]) -> str:
    """The text with these fields set in its header, every other byte as it was; one that is empty is removed."""
    lines = text.split("\n")
    start = next(number for number, one in enumerate(lines) if one.strip()) + 1
    last = start
    for number in range(start, len(lines)):
        if _HEADER.fullmatch(lines[number]):
            last = number + 1
        elif lines[number].strip():
            break
    names = {_NAMES.get(name, name.upper()): value for name, value in fields.items()}
    kept = [one for one in lines[start:last] if not ((found := _HEADER.fullmatch(one)) and found[1] in names)]
    end = "\r" if lines[start - 1].endswith("\r") else ""
    added = [f"{name}: {_text(value)}{end}" for name, value in names.items() if _text(value)]
    return "\n".join([*lines[:start], *kept, *added, *lines[last:]])


def _header(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """The values by key, the first of each, and the lines from the first one on that is no header."""
    found: dict[str, str] = {}
    for number, one in enumerate(lines):
        if header := _HEADER.fullmatch(one):
            found.setdefault(header[1], header[2])
        elif one.strip():
            return found, lines[number:]
    return found, []


def _sections(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the body and those of the criteria; headings of other sections belong to the body."""
    if lines and lines[0].strip() == _CONTEXT:
        lines = lines[1:]
    at = next((number for number, one in enumerate(lines) if one.strip() == _CRITERIA and not one.startswith(" ")), len(lines))
    return lines[:at], lines[at + 1 :]


def _guarded(one: str) -> str:
    return f" {one}" if _LOOKS_LIKE_OURS.match(one) else one


def _unguarded(one: str) -> str:
    return one[1:] if one.startswith(" ") and _LOOKS_LIKE_OURS.match(one) else one


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value in (None, 0) else str(value)


def _is_named(one: str) -> bool:
    return one != "" and one.lower() not in ("none", "null")


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except NotDecodable:
        return parse_instant(f"{text}Z")  # octopoid writes some without an offset, and means UTC


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidTask(f"{line(text)!r} is no number of times")
    return int(text)
