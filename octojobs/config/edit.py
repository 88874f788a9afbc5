"""Changes one job in the text of a YAML file and leaves every other byte as its author wrote it.

ruamel.yaml says where each node begins and ends; the change itself is made in the text. Writing the whole document back, as its
round trip does, keeps the comments but hands some of them to another job, and folds, re-indents and re-quotes lines that nobody
asked to change. Whether the text then says what was wanted, and nothing else, is checked by reading it again: what can't be
edited like this (an alias, a dash on a line of its own) is refused, never half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octojobs.config.emit import block, flow
from octojobs.errors import UsageError
from octojobs.slotted import dataclass

NAMES = ("id", "slug", "name")
"""What names a job that has no key, the strongest first."""

Jobs = list[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class _Found:
    """A job in the text: its node and its key's (None without one), and the pairs or items it stands among (None: the file)."""

    node: Any
    key: Any
    holder: Any
    holder_key: Any


def set_enabled(text: str, name: str, enabled: bool, stem: str = "") -> str:
    """The text with the job enabled or disabled; `stem` is the name of a file that may be one job.

    A job that says nothing about it is enabled: then nothing changes. Raises UsageError when there is no such job.
    """
    found = _find(text, name, stem)
    pairs, newline = found.node.value, _newline(text)
    given = next((value for key, value in pairs if key.value == "enabled"), None)
    if given is not None:
        after = _spliced(text, given.start_mark.index, given.end_mark.index, "true" if enabled else "false")
    elif enabled:
        return text
    elif found.node.flow_style:
        after = _spliced(text, found.node.start_mark.index + 1, None, "enabled: false, ")
    elif found.key is None:
        first_key, first_value = pairs[0]
        after = _spliced(
            text, _line_end(text, _end(text, first_value)), None, f"{newline}{' ' * first_key.start_mark.column}enabled: false"
        )
    else:
        start = pairs[0][0].start_mark
        after = _spliced(text, start.index, None, f"enabled: false{newline}{' ' * start.column}")
    frame, jobs = _meaning(text, stem)
    return _checked(after, stem, (frame, [(one, {**job, "enabled": enabled} if one == name else job) for one, job in jobs]))


def delete_job(text: str, name: str, stem: str = "") -> str | None:
    """The text without the job and the comment right above it; None when the file was that one job."""
    found = _find(text, name, stem)
    if found.holder is None:
        return None
    if found.holder.flow_style:
        start, end = _flow_span(found)
    else:
        start, end = _block_span(text, found)
    after = _spliced(text, start, end, "")
    if len(found.holder.value) == 1 and not found.holder.flow_style:
        colon = text.index(":", found.holder_key.end_mark.index) + 1
        after = _spliced(after, colon, None, " {}" if found.key is not None else " []")
    frame, jobs = _meaning(text, stem)
    return _checked(after, stem, (frame, [(one, job) for one, job in jobs if one != name]))


def create_job(text: str, name: str, fields: Mapping[str, Any], stem: str = "") -> str:
    """The text with the job added behind the others, in the form (mapping or list) that they have; "" becomes a file.

    Raises UsageError when a job has this name already, or when the file is a single job.
    """
    frame, jobs = _meaning(text, stem)
    if name in dict(jobs):
        raise UsageError(f'job "{name}" is there already', "choose another name, or edit it")
    top = _composed(text)
    key, holder = next(((key, value) for key, value in top.value if key.value == "jobs"), (None, None)) if top is not None else (None, None)
    if key is None and jobs:
        raise UsageError(f'the file is one job, "{jobs[0][0]}"', "create the new one in another file")
    if holder is None:
        newline = _newline(text)
        lead = text if not text or text.endswith("\n") else text + newline
        after = f"{lead}jobs:{newline}{_rendered(name, fields, 2, listed=False, newline=newline)}"
    elif not holder.value or isinstance(holder.value, str):
        after = _first(text, key, holder, name, fields)
    elif holder.flow_style:
        end = holder.end_mark.index - 1
        after = _spliced(text, end, None, ", " + (flow({"name": name, **fields}) if _listed(holder) else f"{flow(name)}: {flow(fields)}"))
    else:
        after = _behind_the_last(text, holder, name, fields)
    return _checked(after, stem, (frame, [*jobs, (name, dict(fields))]))


def _find(text: str, name: str, stem: str) -> _Found:
    top = _composed(text)
    if top is None:
        return _missing(name)
    for key, value in top.value:
        if key.value == "jobs" and not isinstance(value.value, str):
            if not _listed(value):
                return next((_Found(job, own, value, key) for own, job in value.value if own.value == name), None) or _missing(name)
            return next((_Found(job, None, value, key) for job in value.value if _named(job) == name), None) or _missing(name)
        if key.value == "job" and _named(value) == name:
            return _Found(value, key, None, None)
    if (_named(top) or stem) == name:
        return _Found(top, None, None, None)
    return _missing(name)


def _missing(name: str) -> _Found:
    raise UsageError(f'there is no job "{name}" in the file')


def _named(job: Any) -> str:
    said = {key.value: value.value for key, value in job.value} if job.id == "mapping" else {}
    return next((str(said[key]) for key in NAMES if said.get(key)), "")


def _listed(holder: Any) -> bool:
    return bool(holder.id == "sequence")


def _block_span(text: str, found: _Found) -> tuple[int, int]:
    """The lines of a job, with its own comment above and what is indented below, and empty lines that would be doubled or end the file."""
    column = found.holder.start_mark.column
    start = _line_start(text, (found.key or found.node).start_mark.index)
    while (above := text[_line_start(text, start - 1) : start]) and above.startswith(" " * column + "#"):
        start -= len(above)
    end = _next_line(text, _end(text, found.node))
    above = text[_line_start(text, start - 1) : start]
    after_blank = not above.strip() or start <= _next_line(text, found.holder_key.end_mark.index)
    for line in text[end:].splitlines(keepends=True):
        inside = line.strip() and len(line) - len(line.lstrip()) > column and line.lstrip().startswith("#")
        if not inside and (line.strip() or not after_blank):
            break
        end += len(line)
    if end == len(text):
        # Nothing follows: an empty line that parted the job from the one before it would end the file.
        while (above := text[_line_start(text, start - 1) : start]) and not above.strip():
            start -= len(above)
    return start, end


def _flow_span(found: _Found) -> tuple[int, int]:
    """The text of a job in `{a: {...}, b: {...}}`, with one comma."""
    spans = [
        (one[0].start_mark.index, one[1].end_mark.index) if isinstance(one, tuple) else (one.start_mark.index, one.end_mark.index)
        for one in found.holder.value
    ]
    place = next(number for number, (_, end) in enumerate(spans) if end == found.node.end_mark.index)
    if place + 1 < len(spans):
        return spans[place][0], spans[place + 1][0]
    return spans[place - 1][1] if place else spans[place][0], spans[place][1]


def _first(text: str, key: Any, holder: Any, name: str, fields: Mapping[str, Any]) -> str:
    """For `jobs:` without a value, `jobs: {}` and `jobs: []`."""
    colon = text.index(":", key.end_mark.index) + 1
    bare = _spliced(text, colon, holder.end_mark.index, "") if holder.end_mark.index > holder.start_mark.index else text
    at, newline = _line_end(bare, colon), _newline(text)
    body = newline + _rendered(name, fields, 2, listed=_listed(holder), newline=newline)
    return _spliced(bare, at, None, body.removesuffix(newline) if bare[at:] else body)


def _behind_the_last(text: str, holder: Any, name: str, fields: Mapping[str, Any]) -> str:
    newline = _newline(text)
    nodes = [one[1] if isinstance(one, tuple) else one for one in holder.value]
    ends = [_end(text, node) for node in nodes]
    between = [text[_line_end(text, end) : following.start_mark.index] for end, following in zip(ends, nodes[1:], strict=False)]
    gap = newline if any(not line.strip() for part in between for line in part.splitlines()[1:]) else ""
    at = _line_end(text, ends[-1])
    body = _rendered(name, fields, holder.start_mark.column, listed=_listed(holder), newline=newline)
    return _spliced(text, at, None, newline + gap + (body.removesuffix(newline) if text[at:] else body))


def _rendered(name: str, fields: Mapping[str, Any], indent: int, *, listed: bool, newline: str) -> str:
    """The job as lines, `indent` columns to the right."""
    if listed:
        first, *rest = block({"name": name, **fields})
        lines = [f"- {first}", *(f"  {line}" for line in rest)]
    else:
        lines = [f"{flow(name)}:", *(f"  {line}" for line in block(fields))]
    return "".join(f"{' ' * indent}{line}{newline}" for line in lines)


def _composed(text: str) -> Any:
    """The mapping that the text is, as nodes with positions; None for an empty text; UsageError for what is no YAML mapping."""
    # lazily: 20 ms that verbs which edit nothing need not pay
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        top = YAML(pure=True).compose(text)
    except YAMLError as error:
        raise UsageError("the file is not valid YAML", "mend it first; `octojobs validate` says where") from error
    if top is not None and top.id != "mapping":
        raise UsageError("the file is no mapping", "write the jobs under `jobs:`")
    return top


def _meaning(text: str, stem: str) -> tuple[Any, Jobs]:
    """What a text says, as plain values: everything but the jobs, and the jobs in order, by name."""
    # lazily, as in `_composed`
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UsageError("the file is not valid YAML", "mend it first; `octojobs validate` says where") from error
    data = {} if data is None else data
    if not isinstance(data, dict):
        raise UsageError("the file is no mapping", "write the jobs under `jobs:`")
    if "jobs" in data:
        jobs = data.pop("jobs") or []
        return data, list(jobs.items()) if isinstance(jobs, dict) else [_split(job, "") for job in jobs]
    if "job" in data:
        job = data.pop("job")
        return data, [_split(job, "")]
    return ({}, [_split(data, stem)]) if stem and data else (data, [])


def _split(job: Any, stem: str) -> tuple[str, Any]:
    given = next((key for key in NAMES if job.get(key)), None) if isinstance(job, dict) else None
    if given is None:
        return stem, job
    return str(job[given]), {key: value for key, value in job.items() if key != given}


def _checked(text: str, stem: str, wanted: tuple[Any, Jobs]) -> str:
    try:
        understood = _meaning(text, stem)
    except UsageError:
        understood = None
    if understood != wanted:
        raise UsageError("the file is written in a way that can't be edited safely", "edit it by hand")
    return text


def _end(text: str, node: Any) -> int:
    """Behind the last character of a node's own text; a block's end mark lies behind the comments that follow it."""
    while node.id != "scalar" and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return len(text[: node.end_mark.index].rstrip())


def _spliced(text: str, start: int, end: int | None, middle: str) -> str:
    return text[:start] + middle + text[start if end is None else end :]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, max(index, 0)) + 1


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end] == "\r" and end > index else end


def _next_line(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1
