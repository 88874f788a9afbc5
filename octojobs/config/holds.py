"""`hold:` to what a run has to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from octojobs.config.entries import Entry, each
from octojobs.config.parsers import folder
from octojobs.core.hold import InvalidHold, LeaseName, branch_of, pattern_of
from octojobs.core.job import Hold

T = TypeVar("T")


def hold(entry: Entry) -> Hold:
    """All that is to be held together."""
    given = entry.value
    return Hold(
        worktree=folder(entry.at("worktree")) if "worktree" in given else "",
        branch=_checked(entry.at("branch"), branch_of) if "branch" in given else "",
        paths=tuple(each(entry.at("paths").items(), lambda item: _checked(item, pattern_of))) if "paths" in given else (),
        name=_checked(entry.at("name"), LeaseName) if "name" in given else "",
    )


def _checked(entry: Entry, make: Callable[[str], T]) -> T:
    try:
        return make(entry.value)
    except InvalidHold as invalid:
        raise entry.invalid(invalid.what, invalid.fix) from None
