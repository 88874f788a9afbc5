"""Halves of surrogate pairs: JSON and names of files may hold them, and no UTF-8 does."""

from __future__ import annotations


def mended(text: str) -> str:
    r"""The text as UTF-8 can have it: halves that belong together are joined, each other one becomes U+FFFD.

    >>> mended("\ud83d" + "\ude00") == "\N{GRINNING FACE}", mended("half \ud83d") == "half \N{REPLACEMENT CHARACTER}"
    (True, True)
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
