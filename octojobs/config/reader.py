"""YAML to plain values with the position of each, in one pass over the parser's events.

The values are built from the events themselves, not from composed nodes: the bounds of `limits.py` are then checked
while the file is read, so that nothing deeper, larger or self-referring is ever built, and no recursion depends on the
input (the C parser's own composer overflows the stack on 100 KB of `[`). It is also twice as fast as composing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, NamedTuple

import yaml

from octojobs.config.limits import MAX_ALIASES, MAX_ANCHORS, MAX_DEPTH, MAX_NODES, Refused, checked_text
from octojobs.config.values import resolve
from octojobs.config.yaml_errors import TOO_DEEP, explain
from octojobs.errors import Problem
from octojobs.slotted import dataclass

try:
    from yaml import CBaseLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same events, eight times slower
    from yaml import BaseLoader as _Loader  # type: ignore[assignment]  # the two share the parser's interface

# What a "double-quoted" escape can make that neither an environment nor an argument vector can carry.
_UNUSABLE = "[\0\ud800-\udfff]"


class Mark(NamedTuple):
    """Where an entry stands: of its key (of the item itself in a list) and of its value, lines and columns from 1.

    `raw` is the text of a plain scalar that was read as something else, such as `1.10` for the number 1.1.
    """

    key_line: int
    key_column: int
    line: int
    column: int
    raw: str | None = None


_BEGINNING = Mark(1, 1, 1, 1)


@dataclass(slots=True)
class Document:
    """The value of a file, the only item of `top`, and the marks of every mapping's and list's entries, by its identity."""

    path: str
    text: str = ""
    top: list[Any] = field(default_factory=lambda: [None])
    root: Mark = _BEGINNING
    marks: dict[int, dict[str | int, Mark]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: bool = False

    def mark(self, container: Any, key: str | int) -> Mark:
        """The mark of an entry; that of the root for a container that is not of this document."""
        return self.marks.get(id(container), {}).get(key, self.root)

    def part(self, value: Any) -> Document:
        """A document that knows the marks of this value and what is in it, and no others."""
        part = Document(self.path, self.text, root=self.root)
        waiting = [value]
        while waiting:
            container = waiting.pop()
            if id(container) in self.marks and id(container) not in part.marks:
                part.marks[id(container)] = self.marks[id(container)]
                waiting.extend(container.values() if isinstance(container, dict) else container)
        return part

    def column_in(self, mark: Mark, value: str, offset: int) -> int:
        """The column of a character of a value; the value's own when it is written with escapes or over several lines."""
        lines = self.text.split("\n")
        line = lines[mark.line - 1] if mark.line <= len(lines) else ""
        start = mark.column - 1
        start += line[start : start + 1] in ("'", '"')
        return start + 1 + offset if line.startswith(value, start) else mark.column


def read(path: str, data: bytes) -> Document:
    """The document, with `problems` for all duplicate keys, or `refused` with the one problem that stopped the reading."""
    document = Document(path)
    try:
        document.text = checked_text(data)
        try:
            _Walk(document).run()
        except yaml.MarkedYAMLError as error:
            raise explain(error, document.text) from None
    except Refused as no:
        document.refused = True
        document.problems.append(Problem(path, no.line, no.column, no.what, no.fix))
    return document


class _Walk:
    """One walk over one document's events."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.next: Callable[[], Any] = _Loader(document.text).get_event  # yaml.parse costs a fifth more
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = 0
        self.aliases = 0

    def run(self) -> None:
        """Read the only document of the stream into `document`."""
        self.next()  # the stream's start
        if type(self.next()) is yaml.StreamEndEvent:
            return
        first = self.next()
        self.document.top[0] = self.node(first, 0)
        self.document.root = _mark(first, first, self.document.top[0])
        self.next()  # the document's end
        if type(event := self.next()) is not yaml.StreamEndEvent:
            raise _refuse(event, "a second document begins here", "keep one document a file; more files go to .octopoid/jobs/")

    def node(self, event: Any, depth: int) -> Any:
        """The value that begins with this event."""
        if type(event) is yaml.AliasEvent:
            return self.alias(event)
        if event.tag is not None:
            raise _tagged(event)
        before = self.nodes
        self.nodes = before + 1
        if before == MAX_NODES:
            raise _too_large(event)
        if event.anchor is not None:
            if len(self.anchors) == MAX_ANCHORS:
                raise _refuse(event, f"more than {MAX_ANCHORS} anchors", "use `defaults:` for what jobs share")
            self.anchors.pop(event.anchor, None)  # a name may be given again; inside itself it is not there yet
        if type(event) is yaml.ScalarEvent:
            value = self.scalar(event)
        elif depth >= MAX_DEPTH:
            raise _refuse(event, *TOO_DEEP)
        elif type(event) is yaml.MappingStartEvent:
            value = self.mapping(depth + 1)
        else:
            value = self.sequence(depth + 1)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.nodes - before)
        return value

    def scalar(self, event: Any) -> Any:
        """Plain text is resolved, quoted and block text stands for itself."""
        if event.implicit[0]:
            return resolve(event.value)
        if event.style == '"' and re.search(_UNUSABLE, event.value):
            raise _refuse(event, "this text holds a NUL or half a surrogate pair", "remove the escape: no program can be given it")
        return event.value

    def mapping(self, depth: int) -> dict[str, Any]:
        """Keys are text as it stands (`on`, `no` and `1` too), each once."""
        values: dict[str, Any] = {}
        marks: dict[str | int, Mark] = {}
        while type(event := self.next()) is not yaml.MappingEndEvent:
            key = self.key(event)
            value_event = self.next()
            value = self.node(value_event, depth)
            if key in values:
                first = marks[key].key_line
                place = event.start_mark
                what = f'"{key}" is given twice, first in line {first}'
                self.document.problems.append(Problem(self.document.path, place.line + 1, place.column + 1, what, "keep one of them"))
                continue
            values[key] = value
            marks[key] = _mark(event, value_event, value)
        self.document.marks[id(values)] = marks
        return values

    def sequence(self, depth: int) -> list[Any]:
        """Items in order."""
        values: list[Any] = []
        marks: dict[str | int, Mark] = {}
        while type(event := self.next()) is not yaml.SequenceEndEvent:
            value = self.node(event, depth)
            marks[len(values)] = _mark(event, event, value)
            values.append(value)
        self.document.marks[id(values)] = marks
        return values

    def key(self, event: Any) -> str:
        """The text of a key; refuses merge keys, tags, aliases, mappings and lists in its place."""
        if type(event) is not yaml.ScalarEvent:
            raise _refuse(event, "a key must be text", "write `name: value`")
        if event.tag is not None:
            raise _tagged(event)
        if event.value == "<<" and event.implicit[0]:
            raise _refuse(event, "merge keys are not read", "write the fields out, or put them under `defaults:`")
        if event.anchor is not None:
            raise _refuse(event, f"the anchor &{event.anchor} stands at a key", "put it at a value")
        self.count(event, 1)
        return str(self.scalar(event)) if event.style == '"' else str(event.value)

    def alias(self, event: Any) -> Any:
        """The value that an anchor names, the same object; its size counts each time."""
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _refuse(event, f"more than {MAX_ALIASES} aliases", "use `defaults:` for what jobs share")
        if event.anchor not in self.anchors:
            raise _refuse(event, f"*{event.anchor} names no anchor above it", 'give it with &, or write the text in "quotes"')
        value, size = self.anchors[event.anchor]
        self.count(event, size)
        return value

    def count(self, event: Any, nodes: int) -> None:
        """Add to the size of the document, aliases expanded."""
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _too_large(event)


def _mark(key_event: Any, value_event: Any, value: Any) -> Mark:
    """The mark of an entry from the events that began its key and its value."""
    place = value_event.start_mark
    line, column = place.line + 1, place.column + 1
    raw = None if type(value) in _WITHOUT_RAW or type(value_event) is not yaml.ScalarEvent else value_event.value
    if key_event is value_event:
        return _new(Mark, (line, column, line, column, raw))
    key = key_event.start_mark
    return _new(Mark, (key.line + 1, key.column + 1, line, column, raw))


_new = tuple.__new__  # what a named tuple's own constructor calls, at half the cost
_WITHOUT_RAW = frozenset((str, dict, list))


def _too_large(event: Any) -> Refused:
    return _refuse(event, f"more than {MAX_NODES:,} values, aliases counted each time", "split the file into .octopoid/jobs/*.yaml")


def _tagged(event: Any) -> Refused:
    tag = event.tag.replace("tag:yaml.org,2002:", "!!")
    return _refuse(event, f"{tag} is a YAML tag", 'remove it: tags are not read, and text is written in "quotes"')


def _refuse(event: Any, what: str, fix: str) -> Refused:
    mark = event.start_mark
    return Refused(mark.line + 1, mark.column + 1, what, fix)
