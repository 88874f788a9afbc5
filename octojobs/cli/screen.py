"""Where output goes: colour and tables on a terminal, plain lines in a pipe, JSON when asked."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from octojobs.cli.text import visible
from octojobs.cli.times import absolute, relative
from octojobs.engine.clock import SystemClock

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}

TONES = {
    **dict.fromkeys(("succeeded", "passed", "running", "ok", "enabled"), "green"),
    **dict.fromkeys(("failed", "timed_out", "lost", "error", "wrong"), "red"),
    **dict.fromkeys(("skipped", "missed", "cancelled", "paused", "waiting", "retrying", "unknown", "weak", "disabled"), "yellow"),
    **dict.fromkeys(("queued", "starting", "never", "-"), "dim"),
}
"""The colour of a word that says how something went; the word itself always says it too."""

Row = Sequence[str]

GAP = 2
"""Columns between two cells of a table."""

BESIDE = re.compile(r"^(now|in .+|.+ ago) \(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\)$")
"""A relative time with the absolute one beside, as `Screen.when` writes it."""


class Screen:
    """Standard output as one invocation sees it. `now` is read once, so that all its times agree."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.terminal = self.out.isatty() and os.environ.get("TERM") != "dumb"
        self.now = SystemClock().now()

    def say(self, text: str = "", style: str = "") -> None:
        """A line; the text is safe already or made so by the caller (`visible`)."""
        self.out.write(self.paint(text, style) + "\n")

    def note(self, text: str, style: str = "") -> None:
        """A line beside the result, on standard error: a pipe gets the result alone."""
        self.out.flush()
        self.err.write(_painted(text, style, self.err) + "\n")

    def paint(self, text: str, style: str) -> str:
        """The text in a style of STYLES on a terminal that wants colour, else the text."""
        return _painted(text, style, self.out) if self.terminal else text

    def tone(self, word: str) -> str:
        """A word of TONES in its colour; any other word as it is."""
        return self.paint(word, TONES.get(word, ""))

    def json(self, value: Any) -> None:
        """One JSON document; ASCII alone, so that nothing in it steers a terminal."""
        self.out.write(json.dumps(value, indent=2) + "\n")

    def json_line(self, value: Any) -> None:
        """One JSON document on one line, written at once: somebody follows."""
        self.out.write(json.dumps(value) + "\n")
        self.out.flush()

    def when(self, at: datetime | None) -> str:
        """An instant: relative with the absolute beside on a terminal, absolute in a pipe, `-` for none."""
        if at is None:
            return "-"
        return f"{relative(at, self.now)} ({absolute(at)})" if self.terminal else absolute(at)

    def table(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """A table with headings on a terminal; in a pipe one line a row, cells parted by tabs, no headings (as `gh` does)."""
        lines = [[visible(cell) or "-" for cell in row] for row in rows]
        if not self.terminal:
            self.out.writelines("\t".join(line) + "\n" for line in lines)
            return
        if not self._fits(columns, lines):
            lines = [[BESIDE.sub(r"\1", cell) for cell in line] for line in lines]
        if not self._fits([column[:4] for column in columns], [[_longest(line[0]), *map(_longest, line[1:])] for line in lines]):
            self._stacked(columns, lines)
            return
        # rich costs 60 ms that pipes and JSON need not pay
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        plain = bool(os.environ.get("NO_COLOR"))
        table = Table(box=None, pad_edge=False, header_style="" if plain else "bold", padding=(0, GAP, 0, 0))
        for number, column in enumerate(columns):
            widest = max((len(_longest(line[number])) for line in lines), default=0)
            table.add_column(column, no_wrap=number == 0, overflow="fold", min_width=widest)
        for line in lines:
            table.add_row(*(Text(cell, style="" if plain else TONES.get(cell.partition(" ")[0], "")) for cell in line))
        Console(file=self.out, highlight=False, emoji=False, width=self.width).print(table)

    def _fits(self, columns: Row, lines: Sequence[Row]) -> bool:
        """Whether a table of these cells is no wider than the terminal."""
        widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
        return sum(widths) + GAP * (len(widths) - 1) <= self.width

    def _stacked(self, columns: Row, lines: Iterable[Row]) -> None:
        """Each row as lines of its own, a cell each: a terminal so narrow that a table would cut words up."""
        for first, *others in lines:
            self.say(first, "bold")
            for column, cell in zip(columns[1:], others, strict=True):
                if cell != "-":
                    tone = TONES.get(cell.partition(" ")[0], "")
                    self.say(f"  {column.lower()} {self.paint(cell, tone)}" if column else f"  {self.paint(cell, tone)}")

    @property
    def width(self) -> int:
        """The columns of the terminal."""
        return shutil.get_terminal_size((100, 24)).columns


def _longest(cell: str) -> str:
    """The longest word of a cell: narrower a column can't be."""
    return max(cell.split(" "), key=len)


def _painted(text: str, style: str, stream: TextIO) -> str:
    code = STYLES.get(style)
    if code is None or os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"
