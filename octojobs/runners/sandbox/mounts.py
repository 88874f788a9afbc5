"""What of the machine a job has a sandbox show, and what no mount may reach: octojobs' own state, and what would run later."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.pieces import How, Piece


def checked(repository: Repository, order: Order, env: Mapping[str, str]) -> tuple[Piece, ...]:
    """The mounts of the order, each with its two places in full. Raises OctojobsError for one that is not there, or opens a wall."""
    return tuple(_checked(repository, order, env))


def _checked(repository: Repository, order: Order, env: Mapping[str, str]) -> Iterator[Piece]:
    for mount in order.sandbox.mounts:
        source = _source(mount.source, repository.main_worktree, env)
        target = Path(os.path.normpath(mount.target)) if mount.target else source
        real = Path(os.path.realpath(source))
        if not real.exists():
            raise OctojobsError(f"{mount.source}, which it mounts, is not there ({source})", "make it, or remove it from `mounts:`")
        for ours in (order.paths.root, repository.common_dir):
            if mount.write and _overlap(real, ours.resolve()):
                raise OctojobsError(
                    f"{mount.source} can't be mounted to be written: {ours} is in it, or holds it", "mount less, or to read"
                )
        for held in (order.tree, repository.common_dir, repository.main_worktree, order.run_dir):
            if held.is_relative_to(target):
                raise OctojobsError(f"a mount at {target} would hide {held}", "give it another `target:`")
        yield Piece(How.WRITE if mount.write else How.READ, real, target)


def _source(said: str, root: Path, env: Mapping[str, str]) -> Path:
    """In full: `~/` is the home folder of whoever runs octojobs."""
    if said == "~" or said.startswith("~/"):
        return Path(os.path.normpath(f"{env.get('HOME') or os.path.expanduser('~')}/{said[2:]}"))
    return Path(os.path.normpath(root / said))


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
