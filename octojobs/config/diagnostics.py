"""Problems as people and machines read them: one line each, the source line with a caret on a terminal, JSON, GitHub, SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

_WIDTH = 120  # of a source line on a terminal; longer ones are shown around the place
_RESET = "\x1b[0m"
_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_DIM = "\x1b[2m"


class Format(StrEnum):
    """How problems are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of definitions came to. `contents` holds the files by path, for the source lines."""

    problems: Sequence[Problem]
    jobs: int = 0
    files: int = 0
    contents: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether nothing but warnings was found."""
        return all(problem.severity is Severity.WARNING for problem in self.problems)

    @property
    def summary(self) -> str:
        """`ok: 20 jobs in 1 file`, or how many problems there are."""
        if self.valid:
            return f"ok: {_counted(self.jobs, 'job')} in {_counted(self.files, 'file')}"
        return _counted(sum(problem.severity is Severity.ERROR for problem in self.problems), "error")


def render(report: Report, style: Format, *, terminal: bool = False, colour: bool = False) -> str:
    """The report as text without a last newline; `terminal` adds the source lines with a caret, `colour` ANSI colours."""
    match style:
        case Format.JSON:
            return json.dumps(as_json(report), indent=2, ensure_ascii=False)
        case Format.GITHUB:
            return "\n".join(map(_github, report.problems))
        case Format.SARIF:
            from octojobs.config.sarif import as_sarif  # for those who ask for it

            return json.dumps(as_sarif(report.problems), indent=2, ensure_ascii=False)
        case Format.TEXT:
            lines = [line for problem in report.problems for line in _text(problem, report.contents, terminal, colour)]
            if report.valid or terminal:
                lines.append(report.summary)
            return "\n".join(lines)


def as_json(report: Report) -> dict[str, Any]:
    """`{"valid", "jobs", "files", "problems": [{"path", "line", "column", "severity", "what", "fix"}]}`; line 0 is the whole file."""
    return {
        "valid": report.valid,
        "jobs": report.jobs,
        "files": report.files,
        "problems": [
            {
                "path": problem.path,
                "line": problem.line,
                "column": problem.column,
                "severity": problem.severity.value,
                "what": problem.what,
                "fix": problem.fix,
            }
            for problem in report.problems
        ],
    }


def visible(text: str) -> str:
    r"""Text from a file on one line, whatever it holds: what does not print is shown as an escape.

    >>> visible("a\nb\x1b[2J")
    'a\\nb\\x1b[2J'
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _text(problem: Problem, contents: Mapping[str, bytes], terminal: bool, colour: bool) -> Iterator[str]:
    start, end, dim = (_COLOURS[problem.severity], _RESET, _DIM) if colour else ("", "", "")
    if colour:
        yield f"{dim}{visible(problem.where)}:{end} {start}{visible(problem.message)}{end}"
    else:
        yield visible(str(problem))
    if terminal and problem.line and problem.path in contents:
        source, caret = _shown(contents[problem.path], problem)
        number = str(problem.line)
        yield f"{dim}{number} |{end} {source}"
        yield f"{dim}{' ' * len(number)} |{end} {caret}{start}^{end}"


def _shown(content: bytes, problem: Problem) -> tuple[str, str]:
    """The source line, cut around the place when it is long, and what stands before the caret below it."""
    from unicodedata import east_asian_width  # only for a mistake on a terminal

    lines = content.decode("utf-8-sig", "replace").split("\n")
    line = lines[problem.line - 1].rstrip("\r").replace("\t", " ") if problem.line <= len(lines) else ""
    place = problem.column - 1
    first = max(0, place - _WIDTH // 2) if len(line) > _WIDTH else 0
    before, after = line[first:place], line[place : first + _WIDTH]
    indent = "".join("  " if east_asian_width(char) in "WF" else " " for char in visible(before))
    return visible(before + after), indent


def _github(problem: Problem) -> str:
    """A workflow command; https://docs.github.com/actions, "Workflow commands"."""
    place = f",line={problem.line},col={problem.column}" if problem.line else ""
    path = _escaped(problem.path).replace(":", "%3A").replace(",", "%2C")
    return f"::{problem.severity.value} file={path}{place},title=octojobs::{_escaped(problem.message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
