"""Plain YAML scalars to values by the YAML 1.2 core schema, less what surprises: `no`, `12:30`, dates are text."""

from __future__ import annotations

import re
from math import isinf

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
# 18 digits fit in 64 bits. A leading zero is octal to YAML 1.1 and to chmod, decimal to YAML 1.2: so it is text.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*|(?=[eE])))(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """The value of a plain scalar: null, true or false, a decimal number, else the text itself.

    >>> [resolve(text) for text in ("true", "12", "1.5", "~", "no", "on", "12:30", "017", "0x1f", "2026-05-15")]
    [True, 12, 1.5, None, 'no', 'on', '12:30', '017', '0x1f', '2026-05-15']
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) < 32:
        number = float(text)
        return text if isinf(number) else number  # 123e4567 is the name of a commit, not infinity
    return text
