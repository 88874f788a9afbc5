"""Names that have to stay on one line: git answers in lines, and units, crontabs and logs are made of them."""

from __future__ import annotations

import re

from octojobs.errors import UsageError

CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def spelled(text: str) -> str:
    r"""The text with its control characters written out.

    >>> print(spelled("new\nline"))
    new\x0aline
    """
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def require_one_line(*paths: str) -> None:
    """Raise UsageError for a path that holds a control character."""
    for path in paths:
        if CONTROL.search(path):
            raise UsageError(f'there is a newline or another control character in the path "{spelled(path)}"', "rename the folder")
