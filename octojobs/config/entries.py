"""A value of a definition file together with where it stands, so that whatever is wrong with it can be shown there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, NamedTuple, TypeVar

from octojobs.config.reader import Document, Mark
from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

T = TypeVar("T")
D = TypeVar("D")


class Invalid(Exception):
    """A value that the schema lets pass and the code does not; carries what is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class Entry(NamedTuple):
    """`container[key]` of a document; `label` is 'job "nightly"' or 'defaults', `path` such as `retries.max`."""

    document: Document
    container: Any
    key: str | int
    label: str
    path: str

    @property
    def value(self) -> Any:
        """The value itself."""
        return self.container[self.key]

    @property
    def mark(self) -> Mark:
        """Where key and value stand."""
        return self.document.mark(self.container, self.key)

    @property
    def text(self) -> str:
        """The value as it is written: `1.10` and not 1.1."""
        raw = self.mark.raw
        return str(self.value) if raw is None else raw

    def items(self) -> Iterator[Entry]:
        """The entries of the value, which is a list or a mapping."""
        if isinstance(self.value, list):
            return (Entry(self.document, self.value, index, self.label, self.path) for index in range(len(self.value)))
        return (self.at(key) for key in self.value)

    def at(self, key: str | int) -> Entry:
        """The entry of the value's `key`."""
        return Entry(self.document, self.value, key, self.label, f"{self.path}.{key}" if self.path else str(key))

    def problem(self, what: str, fix: str = "", *, offset: int | None = None, severity: Severity = Severity.ERROR) -> Problem:
        """A problem at the value, `offset` characters into its text."""
        mark = self.mark
        column = self.document.column_in(mark, str(self.value), offset) if offset is not None else mark.column
        return Problem(self.document.path, mark.line, column, _joined(self.label, self.path, what), fix, severity)

    def problem_at_key(self, what: str, fix: str = "") -> Problem:
        """A problem at the key, about the key."""
        mark = self.mark
        return Problem(self.document.path, mark.key_line, mark.key_column, _joined(self.label, what), fix)

    def invalid(self, what: str, fix: str = "", *, offset: int | None = None) -> Invalid:
        """The same as an exception."""
        return Invalid(self.problem(what, fix, offset=offset))


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)


def each(entries: Iterable[Entry], parse: Callable[[Entry], T]) -> list[T]:
    """All entries parsed; raises Invalid with the problems of all that are wrong."""
    parsed: list[T] = []
    problems: list[Problem] = []
    for entry in entries:
        try:
            parsed.append(parse(entry))
        except Invalid as invalid:
            problems.extend(invalid.problems)
    if problems:
        raise Invalid(*problems)
    return parsed


@dataclass(slots=True)
class Fields:
    """The fields of a job (or of settings) by name, and all that is found to be wrong with them.

    `broken` are fields that are given and of no use: the schema refused them, which has been told. `meant` are those that
    a misspelt name probably stands for: they are not missing, either.
    """

    entries: Mapping[str, Entry]
    problems: list[Problem] = field(default_factory=list)
    broken: frozenset[str] = frozenset()
    meant: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def given(self, names: Iterable[str]) -> list[str]:
        """Which of the names stand there, right or wrong; else, which are meant."""
        there = [name for name in names if name in self.entries or name in self.broken]
        return there or [name for name in names if name in self.meant]

    def read(self, name: str, parse: Callable[[Entry], T], default: D) -> T | D:
        """The parsed field; the default when it is absent or wrong, which is then noted."""
        entry = self.entries.get(name)
        if entry is None:
            return default
        try:
            return parse(entry)
        except Invalid as invalid:
            self.problems.extend(invalid.problems)
            return default

    def plain(self, name: str, default: T) -> T:
        """A field whose value the schema has checked completely."""
        entry = self.entries.get(name)
        return default if entry is None else entry.value
