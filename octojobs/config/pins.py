"""Pins: the scripts that jobs name, by the ids of their contents, so that what was approved is what runs.

A pin is a plain file of the repository's tree. What a symbolic link or a submodule leads to, and what git doesn't have, has none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from octojobs.config.blob import blob_id
from octojobs.config.disk import open_below
from octojobs.config.source import WORKTREE
from octojobs.core.definitions import Definitions
from octojobs.core.named_files import spelled, spelled_by
from octojobs.repository import Entry, Repository
from octojobs.slotted import dataclass

UNAPPROVED = ""
"""The pin of a file that is there and that nobody has approved."""

_AT_ONCE = 500
"""Paths in one question to git: a command line has its limits."""
_LINK = "a symbolic link"
_ODD = {"120000": _LINK, "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class Pins:
    """What stands at the named paths: `files` are the pins, path to blob id; `odd` says what else a path is, or leads through."""

    files: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)


class PinFinder:
    """Finds the pins of definitions; what was asked of the same commit last is not asked again. Not shared by threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._asked: tuple[str, frozenset[str]] = ("", frozenset())
        self._found = Pins()

    def find(self, source: str, definitions: Iterable[Definitions]) -> Pins:
        """The pins that the jobs have at `source`: a commit, or the working tree. Raises GitFailed."""
        root = self._repository.main_worktree
        named = frozenset(path for one in definitions for path in all_spelled(one, root) if _is_inside(path))
        if source == WORKTREE:
            return _of_disk(root, named)
        if (source, named) != self._asked:
            self._found = _of_entries(named, self._entries(source, named))
            self._asked = (source, named)
        return self._found

    def _entries(self, commit: str, paths: Collection[str]) -> dict[str, Entry]:
        """Most words are no files: what doesn't begin as something in the root begins is not asked for."""
        found = self._repository.entries(commit, ())
        nested = sorted(path for path in paths if "/" in path and path.partition("/")[0] in found)
        for start in range(0, len(nested), _AT_ONCE):
            found |= self._repository.entries(commit, nested[start : start + _AT_ONCE])
        return found


def all_spelled(definitions: Definitions, root: Path) -> set[str]:
    """Every path that a job, or the command of a channel, may mean, whether there is such a file or not."""
    told = {path for channel in definitions.settings.channels.values() for path in spelled_by(channel.command, str(root))}
    return told | {path for job in definitions.jobs.values() for path in spelled(job, definitions.settings, str(root), definitions.agents)}


def changed(approved: Mapping[str, str], found: Pins) -> tuple[str, ...]:
    """The paths whose content is not the approved one, sorted. A file that is gone is no change: without it nothing new runs."""
    other = [path for path, oid in found.files.items() if approved.get(path) != oid]
    return tuple(sorted([*other, *(path for path in found.odd if path in approved)]))


def unpinned(definitions: Definitions, pins: Pins, root: Path) -> dict[str, str]:
    """The files that jobs name and that are not pinned, with the reason: those that are there, or lie behind a link."""
    reasons = dict(pins.odd)
    for path in all_spelled(definitions, root) - pins.files.keys() - reasons.keys():
        if _is_inside(path):
            if os.path.isfile(root / path):
                reasons[path] = "not in the commit"
        elif os.path.isfile(root / path):
            reasons[path] = "outside of the repository"
    return dict(sorted(reasons.items()))


def objections(root: Path, pins: Mapping[str, str], paths: Iterable[str]) -> Iterator[str]:
    """For each of the paths on disk that is not as pinned: which, and what to do. One that is gone is none of a pin's business."""
    for path in sorted({path for path in paths if path in pins}):
        pin = pins[path]
        found = on_disk(root, path, pin)
        if found is None or (found == pin and pin != UNAPPROVED):
            continue
        here = f"on disk {found[:7]}" if found else "on disk no plain file"
        what = f"not the approved one ({pin[:7]}, {here})" if pin else f"new ({here}), and nobody has approved it"
        yield f"{path} is {what}; commit it and `octojobs allow`, or bring the approved one back"


def on_disk(root: Path, path: str, like: str = "") -> str | None:
    """The blob id of the file below `root` as it is saved, "" for what is no plain file or can't be read, None where nothing is.

    No link is followed. `like` is an id of the repository.
    """
    content = content_on_disk(root, path)
    return blob_id(content, like) if isinstance(content, bytes) else content


def content_on_disk(root: Path, path: str) -> bytes | str | None:
    """As `on_disk`, the content instead of its id."""
    try:
        descriptor = open_below(root, path)
    except FileNotFoundError:
        return None
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and path != ".." and not path.startswith("../") and ".git" not in path.split("/")


def _of_entries(paths: Iterable[str], entries: Mapping[str, Entry]) -> Pins:
    files, odd = {}, {}
    for path in sorted(paths):
        mode, oid = entries.get(path, ("", ""))
        if mode.startswith("100"):
            files[path] = oid
        elif mode in _ODD:
            odd[path] = _ODD[mode]
        elif not mode and (way := _way(path, entries)):
            odd[path] = f"behind {way}"
    return Pins(files, odd)


def _way(path: str, entries: Mapping[str, Entry]) -> str:
    """The link or submodule that a path leads through, "" for none."""
    while path := path.rpartition("/")[0]:
        if kind := _ODD.get(entries.get(path, ("", ""))[0]):
            return kind
    return ""


def _of_disk(root: Path, paths: Iterable[str]) -> Pins:
    files, odd = {}, {}
    for path in sorted(paths):
        oid = on_disk(root, path)
        if oid:
            files[path] = oid
        elif oid == "" and os.path.isfile(root / path):
            odd[path] = _LINK if os.path.islink(root / path) else f"behind {_LINK}"
    return Pins(files, odd)
