"""Puts an engine together: the store with its lock, the launcher, the definitions, the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from octojobs.engine.clock import Clock
from octojobs.engine.engine import Engine
from octojobs.engine.feed import Feed
from octojobs.engine.ground import Ground
from octojobs.engine.scope import EVERYTHING, Scope
from octojobs.engine.starter import Starter
from octojobs.repository import Repository
from octojobs.runners.launcher import Launcher
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store


def ground_of(repository: Repository, paths: StatePaths, clock: Clock, environ: Mapping[str, str]) -> Ground:
    """The main worktree of a repository as the place where jobs run."""
    return Ground(repository.main_worktree, paths, clock, environ, repository.identity(), repository)


@contextmanager
def open_engine(ground: Ground, feed: Feed, scope: Scope = EVERYTHING, *, role: str, allow_network_fs: bool = False) -> Iterator[Engine]:
    """An engine that holds the repository's lock until the block ends; running jobs outlive it.

    Raises RepositoryBusy, StateDamaged, StorageFailed, and UsageError on a file system where the promises can't be kept.
    """
    store = Store.open(ground.paths, ground.clock.now, role=role, allow_network_fs=allow_network_fs)
    try:
        engine = Engine(ground, store, feed, Starter(ground, Launcher()), scope)
    except BaseException:
        store.close()
        raise
    try:
        yield engine
    finally:
        engine.close()
