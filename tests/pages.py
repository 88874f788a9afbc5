"""Reads the pages: their fenced blocks, the commands in them, and whether what a command printed is what the page shows.

What a page shows is compared line by line, runs of spaces counting as one. These are taken for what they are, not for what they
say, because they differ from one run to the next:

- `…` stands for any text, and alone on a line for any number of lines;
- days, instants and run ids of November 2026 are "now": any such. All others must be right;
- commit ids (7, 12 or 40 hex digits, at least one of them a digit), the four hex digits of a run that was asked for, `pid N`,
  and durations such as `12 ms` or `1.5 s`;
- the repository is /home/ada/shop, the home folder /home/ada, and the user ada.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = "/home/ada/shop"
HOME = "/home/ada"

_FENCE = re.compile(r"(?:^<!-- ([^\n]*?) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MATCHES = {
    "any": (r"…", r".*"),
    "instant": (r"2026-11-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z", r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z"),
    "day": (r"\b2026-11-\d\d\b(?!T)", r"\d{4}-\d\d-\d\d"),
    "asked": (r"@202611\d\dT\d{6}Z-[0-9a-f]{4}\b", r"@\d{8}T\d{6}Z-[0-9a-f]{4}"),
    "run": (r"@202611\d\dT\d{6}Z", r"@\d{8}T\d{6}Z"),
    "commit40": (r"\b(?=[a-f]*\d)[0-9a-f]{40}\b", r"[0-9a-f]{40}"),
    "commit12": (r"\b(?=[a-f]*\d)[0-9a-f]{12}\b", r"[0-9a-f]{12}"),
    "commit7": (r"\b(?=[a-f]*\d)[0-9a-f]{7}\b", r"[0-9a-f]{7}"),
    "pid": (r"\bpid \d+", r"pid \d+"),
    "span": (r"\b\d+(?:\.\d+)? (?:ms|s|min)\b(?: \d+ s)?", r"\d+(?:\.\d+)? (?:ms|s|min)(?: \d+ s)?"),
    "space": (r"\s+", r"\s+"),
}
"""What is volatile: how a page shows it, and what it then may be."""

_VOLATILE = re.compile("|".join(f"(?P<{name}>{shown})" for name, (shown, _) in _MATCHES.items()))


@dataclass(frozen=True)
class Command:
    """A line of a console block that begins with `$ `, and what is shown below it; `line` is its place in the page."""

    text: str
    shown: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, what the comment right above it says, and the line of its first line of text."""

    language: str
    text: str
    comment: str
    line: int

    @property
    def file(self) -> str:
        """The path that the text is written to before the next commands run; "" for none."""
        return self.comment.removeprefix("file: ") if self.comment.startswith("file: ") else ""

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands of a console block, in order; a line that ends in a backslash goes on in the next one."""
        found: list[Command] = []
        lines = self.text.splitlines()
        number = 0
        while number < len(lines):
            start, text = number, lines[number]
            assert text.startswith("$ "), f"line {self.line + number}: a console block begins with a command"
            while text.endswith("\\"):
                number += 1
                text += "\n" + lines[number]
            number += 1
            shown = []
            while number < len(lines) and not lines[number].startswith("$ "):
                shown.append(lines[number])
                number += 1
            found.append(Command(text.removeprefix("$ "), tuple(shown), self.line + start))
        return tuple(found)


@dataclass(frozen=True)
class Page:
    """A page and its blocks, in order."""

    path: Path
    blocks: tuple[Block, ...] = field(default=())

    def of(self, *languages: str) -> Iterator[Block]:
        """The blocks of these languages."""
        return (block for block in self.blocks if block.language in languages)


def read(path: Path) -> Page:
    """The page in a file."""
    text = path.read_text(encoding="utf-8")
    return Page(
        path,
        tuple(
            Block(match[2], match[3], (match[1] or "").strip(), text.count("\n", 0, match.start(3)) + 1) for match in _FENCE.finditer(text)
        ),
    )


def agrees(shown: tuple[str, ...], printed: str) -> bool:
    """Whether a page that shows these lines tells what was printed, by the rule above; a page that shows nothing tells nothing."""
    pattern = "".join(r"(?:.*\n)*" if line.strip() == "…" else f"{_pattern(line.rstrip())}\n" for line in shown if line.strip())
    lines = "".join(f"{line.rstrip()}\n" for line in printed.splitlines() if line.strip())
    return not shown or re.fullmatch(pattern, lines) is not None


def _pattern(line: str) -> str:
    parts, at = [], 0
    for match in _VOLATILE.finditer(line):
        parts += [re.escape(line[at : match.start()]), _MATCHES[str(match.lastgroup)][1]]
        at = match.end()
    return "".join(parts) + re.escape(line[at:])
