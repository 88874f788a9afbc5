"""How a ref came from one commit to another, in words and numbers: asked of git once a look, whoever waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from octojobs.commits import NoSuchCommit, changed_paths, commits_between
from octojobs.core.globs import matching
from octojobs.errors import OctojobsError
from octojobs.facts.fact import one_line
from octojobs.facts.git import SHORT
from octojobs.repository import Repository
from octojobs.slotted import dataclass

MOST = 3
"""Paths that are named; the others are counted."""


def moved_to(ref: str, before: str, commit: str) -> str:
    """That a ref has moved, or that it is new.

    >>> moved_to("refs/tags/v1", "", "9a1b2c3d4e5f60718293")
    'refs/tags/v1 is new, at 9a1b2c3d4e5f'
    """
    name = one_line(ref)
    return f"{name} moved from {before[:SHORT]} to {commit[:SHORT]}" if before else f"{name} is new, at {commit[:SHORT]}"


@dataclass(frozen=True, slots=True)
class Move:
    """`commits` is how many came by it, the newest included; `paths` are those that differ, None where `lost` says why nobody knows."""

    text: str
    commits: int = 1
    paths: tuple[str, ...] | None = None
    lost: str = ""

    def why(self, patterns: Sequence[str]) -> str | None:
        """Why a job runs that is about these paths (all, where there are no patterns); None when none of them has changed.

        With nothing to compare with, everything counts as changed.
        """
        if not patterns:
            return self.text
        if self.paths is None:
            return f"{self.text}; {self.lost}" if self.lost else self.text
        found = matching(self.paths, patterns)
        if not found:
            return None
        named = ", ".join(one_line(path, 80) for path in found[:MOST])
        return f"{self.text}; {named}{f' and {len(found) - MOST} more' if len(found) > MOST else ''} changed"


class Moves:
    """The moves of one look."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[tuple[str, str, str], Move] = {}

    def between(self, ref: str, before: str, commit: str) -> Move:
        """How the ref came from `before` ("" for none) to `commit`; never raises for what git can't tell."""
        key = ref, before, commit
        if key not in self._known:
            self._known[key] = self._ask(*key)
        return self._known[key]

    def _ask(self, ref: str, before: str, commit: str) -> Move:
        text = moved_to(ref, before, commit)
        if not before:
            return Move(text)
        try:
            paths = changed_paths(self._repository, before, commit)
            return Move(text, max(1, commits_between(self._repository, before, commit)), paths)
        except NoSuchCommit as missing:
            lost = f"commit {missing.commit[:SHORT]} is no longer in the repository"
        except OctojobsError as refused:
            lost = f"they can't be compared ({refused})"
        return Move(text, lost=f"{lost}: everything counts as changed")
