"""How many tasks are in a state: files in the folder of that name, ours and octopoid's."""

from __future__ import annotations

import os
from pathlib import Path

from octojobs.facts.fact import FactContext, Unreadable, reason_of
from octojobs.slotted import dataclass

OCTOPOIDS = (".orchestrator/shared/queue", ".octopoid/runtime/shared/queue", ".octopoid/shared/queue")
"""Where versions of octopoid that keep tasks as files keep them."""


@dataclass(frozen=True, slots=True)
class Queue:
    """How many tasks are in a state, and the folders that hold them, as people know them."""

    state: str
    tasks: int
    folders: tuple[str, ...]


def queue(args: tuple[str, ...], context: FactContext) -> Queue:
    """The tasks in a state. A folder that is missing holds none; Unreadable for one that is there and can't be listed."""
    (state,) = args
    counts: dict[str, int] = {}
    seen: set[Path] = set()
    for root in (context.settings.tasks.folder, *OCTOPOIDS):
        folder = context.root / root / state
        real = Path(os.path.realpath(folder))
        if real not in seen and (count := _tasks_in(folder, context.shown(folder))) is not None:
            counts[context.shown(folder)] = count
            seen.add(real)
    return Queue(state, sum(counts.values()), tuple(counts))


def _tasks_in(folder: Path, shown: str) -> int | None:
    """How many files `*.md` a folder holds; None when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sum(1 for entry in entries if entry.name.endswith(".md") and not entry.name.startswith(".") and _is_file(entry))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unreadable(f"{shown} can't be read: {reason_of(error)}") from None


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except FileNotFoundError:
        return False  # it was moved on meanwhile
