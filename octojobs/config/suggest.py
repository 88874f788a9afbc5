"""What a person may have meant by a word that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The known word nearest to this one, or "" when none is near.

    >>> closest("scheudle", ["schedule", "command"]), closest("no", ["on"]), closest("xyz", ["schedule"])
    ('schedule', 'on', '')
    """
    from difflib import get_close_matches  # 5 ms that only a mistake pays

    options = list(known)
    lowered = word.lower().replace("-", "_")
    for option in options:  # difflib sees a transposition as two changes, and misses it in short words
        if sorted(option.lower()) == sorted(lowered):
            return option
    near = get_close_matches(lowered, options, n=1, cutoff=0.6)
    return near[0] if near else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """The remedy as a question, or `otherwise` when no known word is near.

    >>> did_you_mean("hihg", ["high", "low"])
    'did you mean "high"?'
    """
    near = closest(word, known)
    return f'did you mean "{near}"?' if near else otherwise


def listed(words: Iterable[str], last: str = "or") -> str:
    """Words in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b or c'
    """
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
