"""Full names of refs: the only ones that mean the same whatever somebody pushes."""

from __future__ import annotations

import re

_FULL = re.compile(r"refs(?:/[^\x00-\x20\x7f~^:?*\[\\/]+)+")
_PATTERN = re.compile(r"refs(?:/[^\x00-\x20\x7f~^:\\/]+)+")
_NEVER = ("..", "@{", "/.", ".lock/")


def is_full_ref(name: str) -> bool:
    """Whether a name is that of a ref in full, as git-check-ref-format(1) has it: `main` is not, and neither is HEAD.

    >>> is_full_ref("refs/heads/main"), is_full_ref("main"), is_full_ref("refs/heads/a..b")
    (True, False, False)
    """
    return _FULL.fullmatch(name) is not None and _is_allowed(name)


def is_ref_pattern(name: str) -> bool:
    """The same for a pattern of full names: `refs/tags/v*`."""
    return _PATTERN.fullmatch(name) is not None and _is_allowed(name)


def _is_allowed(name: str) -> bool:
    return not any(part in f"{name}/" for part in _NEVER) and not name.endswith(".")
