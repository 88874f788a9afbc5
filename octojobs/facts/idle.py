"""When somebody last changed something in a linked worktree, and how many worktrees agents have."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from octojobs.errors import GitFailed
from octojobs.facts import git, worktrees
from octojobs.facts.fact import FactContext, Unreadable, reason_of
from octojobs.facts.files import exists, modified_at, read_bytes
from octojobs.facts.sightings import Agent
from octojobs.repository import Worktree
from octojobs.slotted import dataclass

_RECORDS = ("HEAD", "index", "logs/HEAD")
"""What git writes of a worktree when somebody stages, commits, switches, merges or resets there."""


@dataclass(frozen=True, slots=True)
class Touch:
    """The last change in a worktree: `what` is a path in it, or git's record; `at` is aware UTC."""

    worktree: str
    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Idleness:
    """The last change in each linked worktree, agents that are seen in one, and what could not be read."""

    touches: tuple[Touch, ...]
    agents: tuple[Agent, ...]
    unreadable: tuple[str, ...]


def idleness(context: FactContext) -> Idleness:
    """Look at every linked worktree that is there. What git ignores (builds, caches) does not count."""
    found = worktrees.look(context)
    touches, unreadable = [], list(found.unreadable)
    for tree in git.worktrees(context)[1:]:
        try:
            if not tree.bare and exists(tree.path, context.shown(tree.path)):
                touches.append(last_touch(tree, context))
        except Unreadable as error:
            unreadable.append(str(error))
        except GitFailed as error:
            unreadable.append(error.what)
    return Idleness(tuple(touches), found.running, tuple(unreadable))


def agent_worktrees(context: FactContext) -> tuple[str, ...]:
    """The worktrees (clones, too) that agents have, by the patterns of `agent_worktrees`."""
    folders = worktrees.agent_folders(context)
    return tuple(context.shown(place) for place in folders if exists(place / ".git", context.shown(place / ".git")))


def last_touch(tree: Worktree, context: FactContext) -> Touch:
    """The last change in a worktree that is there. Raises Unreadable and GitFailed."""
    shown = context.shown(tree.path)
    records = [(modified_at(_git_folder(tree.path, shown) / name, f"{shown}'s {name}"), "git's record") for name in _RECORDS]
    files = [(_changed_at(tree.path, path), path) for path in context.git.changed_files(tree.path)]
    at, what = max((at, what) for at, what in [*records, *files] if at is not None)
    return Touch(shown, what, datetime.fromtimestamp(at, UTC))


def _git_folder(place: Path, shown: str) -> Path:
    """Where git keeps what it knows of a linked worktree: gitrepository-layout(5), "gitfile"."""
    data = read_bytes(place / ".git", f"{shown}/.git") or b""
    if not data.startswith(b"gitdir: "):
        raise Unreadable(f"{shown}/.git does not say where git's folder is")
    return place / os.fsdecode(data.removeprefix(b"gitdir: ").rstrip(b"\n"))


def _changed_at(place: Path, path: str) -> float:
    """When a file was written, or the folder that it was removed from."""
    at = place / path
    while True:
        try:
            return os.lstat(at).st_mtime
        except (FileNotFoundError, NotADirectoryError):
            at = at.parent
        except OSError as error:
            raise Unreadable(f"{at} can't be read: {reason_of(error)}") from None
