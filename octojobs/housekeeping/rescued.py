"""What the jobs that remove something leave behind, for a while: refs that stand for commits, and logs; and its removal by age."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from octojobs.branches import refs_below, remove_refs
from octojobs.repository import Repository
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

RESCUE = "refs/octojobs/rescue/"
"""Below it `INSTANT/BRANCH` for a branch, and the two below for a branch of a remote and for a worktree."""
RESCUE_REMOTES = f"{RESCUE}remotes/"
RESCUE_WORKTREES = f"{RESCUE}worktrees/"

_OF_REF = re.compile(rf"{re.escape(RESCUE)}(?:remotes/|worktrees/)?(?P<stamp>[^/]+)/.+", re.DOTALL)
_STAMP = "%Y%m%dT%H%M%SZ"


def stamp(at: datetime) -> str:
    """An instant (aware UTC) as a part of a path and of a ref."""
    return f"{at:{_STAMP}}"


@dataclass(frozen=True, slots=True)
class Old:
    """What is older than it need be: refs with their commits, folders of logs."""

    refs: dict[str, str]
    folders: list[Path]


def older_than(before: datetime, repository: Repository, paths: StatePaths) -> Old:
    """The rescue refs and the archived logs that were left before that instant, as their names tell; others' are left alone."""
    refs = {ref: commit for ref, commit in refs_below(repository, RESCUE).items() if _is_older(_of_ref(ref), before)}
    folders = [path for path in paths.swept.iterdir() if path.is_dir() and not path.is_symlink()] if _is_plain(paths.swept) else []
    return Old(refs, sorted(path for path in folders if _is_older(_instant(path.name), before)))


def remove(old: Old, repository: Repository) -> list[str]:
    """Remove them; what could not be removed, in words."""
    problems = remove_refs(repository, old.refs)
    for folder in old.folders:
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append(f"{folder}: {error.strerror}")
    return problems


def _is_plain(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink()


def _of_ref(ref: str) -> datetime | None:
    match = _OF_REF.fullmatch(ref)
    return _instant(match["stamp"]) if match else None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_older(at: datetime | None, before: datetime) -> bool:
    return at is not None and at < before
