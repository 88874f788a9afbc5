"""Takes a seat in a state folder: one that is this repository's, out of reach of `git clean`, and the only one in use."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octojobs.actions.workspace import Workspace
from octojobs.core.definitions import Settings
from octojobs.errors import UsageError
from octojobs.store.access import storage_failed
from octojobs.store.lock import DaemonLock
from octojobs.store.paths import StatePaths, make_folders

log = logging.getLogger("octojobs.state")


@contextmanager
def seated(workspace: Workspace, role: str) -> Iterator[None]:
    """Hold the repository itself while its state lies elsewhere: two folders must not mean two daemons (promise P6).

    Raises RepositoryBusy, and UsageError for a folder that is another repository's or lies in the working tree.
    """
    lock = _take(workspace, role)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _take(workspace: Workspace, role: str) -> DaemonLock | None:
    """The lock on the repository, None where the state's own lock is the same one."""
    home, root = StatePaths(workspace.repository.common_dir / "octojobs"), workspace.paths.root
    _refuse_working_tree(workspace, root)
    try:
        make_folders(home)
        make_folders(workspace.paths)
        _refuse_others(workspace, root)
        return None if os.path.samefile(home.root, root) else DaemonLock(home, workspace.clock.now(), role, state=root)
    except OSError as error:
        raise storage_failed("use", error.filename or root, error) from None


class StateMoved:
    """Says once that `state_dir` names another folder than the one in use: a daemon that runs can't move."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._told = workspace.settings.state_dir

    def look(self, settings: Settings) -> None:
        """Compare with what was said last."""
        if settings.state_dir != self._told and self._workspace.state_dir is None:
            self._told = settings.state_dir
            log.warning("state_dir is %r now; the state stays in %s until a restart", settings.state_dir, self._workspace.paths.root)


def _refuse_working_tree(workspace: Workspace, root: Path) -> None:
    real = Path(os.path.realpath(root))
    tree = workspace.root
    if real.is_relative_to(tree) and not real.is_relative_to(workspace.repository.common_dir):
        raise UsageError(
            f"the state in {root} would lie in the working tree, where `git clean` removes it",
            "choose a folder outside with --state-dir or state_dir:, or leave it where it is by default",
        )


def _refuse_others(workspace: Workspace, root: Path) -> None:
    """The state folder names its repository; an empty one is taken for this one's."""
    note, ours = root / "repository", os.fspath(workspace.repository.common_dir)
    try:
        descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        owner = os.fsdecode(note.read_bytes()).removesuffix("\n")
        if owner != ours and os.path.exists(owner):
            raise UsageError(f"the state in {root} is that of {owner}", "choose another folder with --state-dir") from None
        return
    try:
        os.write(descriptor, os.fsencode(ours) + b"\n")
    finally:
        os.close(descriptor)
