"""Text from jobs, files and git, made safe to print: what could steer a terminal is made visible."""

from __future__ import annotations

import re

HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters (C0, DEL, C1), and the invisible and direction-changing ones that make a line look like another."""


def visible(text: str) -> str:
    r"""The text on one line, with every hostile character written out.

    >>> visible("ok\x1b[2J\nnext")
    'ok\\x1b[2J\\nnext'
    """
    return HOSTILE.sub(lambda match: _spelled(match[0]), text)


def is_text(argument: str) -> bool:
    r"""Whether an argument of the command line can be written to a file: bytes that are not UTF-8 arrive as surrogates.

    >>> is_text("ä"), is_text("\udcff")
    (True, False)
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def plural(count: int, word: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "run"), plural(2, "run"), plural(0, "retry", "retries")
    ('1 run', '2 runs', '0 retries')
    """
    return f"{count} {word if count == 1 else many or word + 's'}"


def listing(words: list[str]) -> str:
    """Words as a sentence lists them.

    >>> listing(["a", "b", "c"]), listing(["a"])
    ('a, b and c', 'a')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
