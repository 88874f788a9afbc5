"""Keeps the logs of a worktree that is about to be removed: those that git ignores, and git's own of where HEAD stood."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from octojobs.platform import make_private_folders
from octojobs.store.paths import FILE_MODE
from octojobs.worktrees import Linked, ignored_files

MOST_BYTES = 50_000_000
"""Of the logs of one worktree: more is no log that anybody reads, and the state folder is no dump."""
HEAD_LOG = "HEAD.reflog"
"""Tells commits that somebody left behind by a reset: they stand nowhere else."""


class TooMuch(Exception):
    """The logs are larger than MOST_BYTES; the message says so."""


def logs_of(one: Linked) -> dict[str, Path]:
    """The logs by the names that they get in the archive: regular files called `*.log` that git ignores, links left out.

    Raises TooMuch, GitFailed and OSError.
    """
    found = {path: one.path / path for path in ignored_files(one) if path.endswith(".log")}
    found = {name: path for name, path in found.items() if stat.S_ISREG(path.lstat().st_mode)}
    if (one.git_dir / "logs" / "HEAD").is_file():
        found[HEAD_LOG] = one.git_dir / "logs" / "HEAD"
    if sum(path.lstat().st_size for path in found.values()) > MOST_BYTES:
        raise TooMuch(f"its logs have more than {MOST_BYTES // 1_000_000} MB")
    return found


def keep_logs(logs: dict[str, Path], folder: Path) -> None:
    """Copy them below `folder`, which is made, for the user alone. Raises OSError, nothing being left of them then.

    A folder that is there already is an error: it holds the logs of another worktree.
    """
    make_private_folders(folder.parent)
    folder.mkdir(mode=0o700)
    try:
        for name, path in logs.items():
            make_private_folders((folder / name).parent)
            _copy(path, folder / name)
    except BaseException:
        drop_logs(folder)
        raise


def drop_logs(folder: Path) -> None:
    """Remove what `keep_logs` copied: the worktree is still there, with all of it."""
    shutil.rmtree(folder, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    with (
        os.fdopen(os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as old,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb") as new,
    ):
        shutil.copyfileobj(old, new)
        new.flush()
        os.fsync(new.fileno())
