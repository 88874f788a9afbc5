"""Which paths of a repository a list of patterns means, as `paths:` and `paths_changed` take them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache


def matching(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The paths (with slashes, relative to the root) that the patterns mean, in their order.

    `*` and `?` stay within a folder, `**` does not, `[ab]` is one of these; a pattern begins at the root, and one that ends in a
    plain name of a folder means all that is in it. A pattern after `!` takes paths out again: the last that matches decides.
    Source: the path filters of GitHub Actions, where folders have to be written with `/**`.

    >>> matching(["src/a.py", "src/x/b.py", "docs/index.md", "README.md"], ["src/**", "!src/x", "*.md"])
    ['src/a.py', 'README.md']
    """
    return [path for path in paths if _means(patterns, path)]


def _means(patterns: Sequence[str], path: str) -> bool:
    for pattern in reversed(patterns):
        if _compiled(pattern.removeprefix("!")).fullmatch(path):
            return not pattern.startswith("!")
    return False


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each part of the pattern as a regular expression; whatever is no wildcard means itself."""
    found, at = "", 0
    pattern = pattern.removeprefix("./").rstrip("/")
    for part in re.finditer(r"\*\*/|\*\*|\*|\?|\[!?[^]/]+\]", pattern):
        found += re.escape(pattern[at : part.start()]) + _WILD.get(part[0], "")
        if part[0].startswith("["):
            found += _one_of(part[0][1:-1])
        at = part.end()
    below = "" if _LAST_IS_WILD.search(pattern) else "(?:/.*)?"
    return re.compile(f"{found}{re.escape(pattern[at:])}{below}", re.DOTALL)


_LAST_IS_WILD = re.compile(r"[*?[][^/]*\Z")
_WILD = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _one_of(characters: str) -> str:
    negated = characters.startswith("!")
    inside = characters.removeprefix("!").replace("\\", "\\\\").replace("^", "\\^").replace("[", "\\[").replace("&&", "&\\&")
    return f"(?!/)[{'^' if negated else ''}{inside}]"
