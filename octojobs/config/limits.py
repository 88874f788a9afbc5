"""What a definition file may not be, told from its bytes before any parser sees them, and the bounds of its tree."""

from __future__ import annotations

import re

from octojobs.slotted import dataclass

MAX_BYTES = 4 * 1024 * 1024  # ten times the largest file that a person edits
MAX_NODES = 100_000  # after aliases: what the walk costs, about 0.2 s
MAX_DEPTH = 40  # a job needs 8; libyaml's composer overflows the stack at some thousands
MAX_ANCHORS = 1_000  # each costs as much as five values
MAX_ALIASES = 50  # 254 bytes of aliases can stand for a billion nodes

_CONFLICT = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%.*", re.MULTILINE)
# C0 but tab and line ends, DEL, C1 but NEL, and the two that are no characters. The bidirectional embeddings,
# overrides and isolates make a reviewer read another command than the one that runs (CVE-2021-42574).
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_PLAIN = bytes([*b"\t\n\r", *range(0x20, 0x7F)])


@dataclass(slots=True)
class Refused(Exception):
    """The file can't be read as definitions; `line` and `column` count from 1, 0 means the whole file."""

    line: int
    column: int
    what: str
    fix: str


def checked_text(data: bytes) -> str:
    """The file's text, when it may be handed to a YAML parser; raises Refused."""
    if len(data) > MAX_BYTES:
        raise Refused(0, 0, f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}", "split it into .octopoid/jobs/*.yaml")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise Refused(line, column, f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8") from None
    # Each is looked for by the quickest means first: a file of 4 MiB is refused in a quarter of a second, all in all.
    if any(marker in text for marker in ("<<<<<<<", ">>>>>>>", "|||||||")) and (match := _CONFLICT.search(text)):
        raise Refused(*_place(text, match.start()), "a merge conflict stands here", "resolve it: keep one side and remove the markers")
    if (not text.isascii() or data.translate(None, _PLAIN)) and (match := _CONTROL.search(text)):
        what = f"control character U+{ord(match[0]):04X}"
        raise Refused(*_place(text, match.start()), what, 'remove it, or write it as an escape in "quotes"')
    if "%" in text and (match := _DIRECTIVE.search(text)):
        raise Refused(*_place(text, match.start()), f"{match[0][:20]!r} is a YAML directive", "remove the line: directives are not read")
    return text


def _place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
