"""Writes the fields of a new job as YAML, in the style of the documentation: one field a line, what is inside it on that line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"(?:[A-Za-z_][\w./=+-]*(?: [\w./=+-]+)*|(?:[0-9]+[wdhms])+)", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})  # what some reader takes for something else
_LITERAL = re.compile(r"(?:[^\s\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029][^\x00-\x1f\x7f-\x9f\ufeff\u2028\u2029]*\n)+")


def flow(value: Any) -> str:
    """The value on one line.

    >>> flow({"max": 2, "on": ["failed", "timed out"], "note": "a: b"})
    '{max: 2, "on": [failed, timed out], note: "a: b"}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)  # whatever JSON says in quotes, YAML reads the same


def block(fields: Mapping[str, Any]) -> list[str]:
    r"""The fields as lines; text of several lines as it stands.

    >>> block({"interval": "5m", "command": "make\nmake test\n"})
    ['interval: 5m', 'command: |', '  make', '  make test']
    """
    lines: list[str] = []
    for key, value in fields.items():
        if isinstance(value, str) and _LITERAL.fullmatch(value):
            lines += [f"{flow(key)}: |", *(f"  {line}" for line in value.split("\n")[:-1])]
        else:
            lines.append(f"{flow(key)}: {flow(value)}")
    return lines
