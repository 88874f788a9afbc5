"""Of what the world of a sandbox is made: the repository to read, the run's own worktree to write, nothing of the rest of the state."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import octojobs
from octojobs import run_worktrees
from octojobs.repository import Repository
from octojobs.runners.sandbox.inside import Inside
from octojobs.runners.sandbox.order import Order

PACKAGE = Path(octojobs.__file__).parent
_FIXED = ("gitdir", "commondir", "locked", "config.worktree")
"""Of the worktree's own files, those that tell git where it is: they lead nowhere else afterwards."""


class How(Enum):
    """How a folder or file is seen inside."""

    READ = "read"
    WRITE = "write"
    EMPTY = "empty"


class Piece(NamedTuple):
    """`source` of the machine, seen at `target`; a sandbox that can make an empty folder by itself needs no source for one."""

    how: How
    source: Path
    target: Path


def pieces(repository: Repository, order: Order, inside: Inside) -> Iterator[Piece]:
    """What is seen, in order: a later piece lies over an earlier one."""
    common, tree, root = repository.common_dir, order.tree, repository.main_worktree
    yield Piece(How.READ, root, root)
    if not common.is_relative_to(root):
        yield Piece(How.READ, common, common)
    yield Piece(How.EMPTY, inside.state, order.paths.root)
    yield Piece(How.WRITE, tree, tree)
    yield Piece(How.READ, tree / ".git", tree / ".git")
    own = run_worktrees.git_dir(repository, tree)
    yield Piece(How.WRITE, own, own)
    yield from (Piece(How.READ, own / name, own / name) for name in _FIXED if (own / name).exists())
    objects = common / "objects"
    yield Piece(How.WRITE, objects, objects)
    for folder in (objects / "info", common / "logs"):
        folder.mkdir(exist_ok=True)
    yield Piece(How.READ, objects / "info", objects / "info")
    yield Piece(How.WRITE, inside.refs, common / "refs")
    yield Piece(How.WRITE, inside.logs, common / "logs")
    yield Piece(How.WRITE, inside.run, order.run_dir)
    if order.memory:
        yield Piece(How.WRITE, inside.memory, Path(order.memory).parent)
        yield Piece(How.READ, PACKAGE, PACKAGE)
