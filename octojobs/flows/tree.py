"""The folders of tasks, one for each state: a file appears in one whole, moves in one step, and never takes another's place.

Every path is opened from the repository's root downwards without following a link, and names are used within open folders
only: whatever lies in a repository, nothing outside of it is read or written. What makes a name appear or move is one call
(`rename_new`); a crash between two calls leaves a temporary file, which no reader takes for a task.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from octojobs import platform
from octojobs.errors import StorageFailed
from octojobs.flows.forms import MOST_BYTES
from octojobs.store.access import storage_failed
from octojobs.store.atomic import TEMPORARY, write_all

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_IGNORE = b"# tasks are no part of a commit\n*\n"


class Tree:
    """The folders below `root` (relative to the repository's), opened when they are needed; `close` lets go of them."""

    def __init__(self, repository: Path, root: str) -> None:
        self.root = repository / root
        self._repository = repository
        self._steps = [step for step in root.split("/") if step not in ("", ".")]
        self._open: dict[str, int] = {}

    def close(self) -> None:
        """Let go of the folders; twice is once."""
        while self._open:
            os.close(self._open.popitem()[1])

    @property
    def is_there(self) -> bool:
        """Whether there is a folder of tasks at all."""
        return self._folder("") is not None

    def names(self, state: str) -> set[str]:
        """The names of all that lies in a state's folder."""
        folder = self._folder(state)
        return set() if folder is None else set(os.listdir(folder))

    def folder_stamp(self, state: str) -> str:
        """What changes whenever a name comes into a state's folder, or leaves it; "" where there is none."""
        folder = self._folder(state)
        if folder is None:
            return ""
        status = os.fstat(folder)
        return f"{status.st_ino}.{status.st_mtime_ns}"

    def stamp(self, state: str, name: str) -> str:
        """What tells one state of the plain file from another; "" when it is not there."""
        status = self._status(state, name)
        return f"{status.st_ino}.{status.st_size}.{status.st_mtime_ns}" if status is not None and stat.S_ISREG(status.st_mode) else ""

    def written_at(self, state: str, name: str) -> datetime:
        """When the file was written last, to the second; the beginning of 1970 when it is not there."""
        status = self._status(state, name)
        return datetime.fromtimestamp(int(status.st_mtime) if status is not None else 0, UTC)

    def read(self, state: str, name: str) -> bytes:
        """The whole file; raises OSError, FileNotFoundError where it is not (any more)."""
        folder = self._folder(state)
        if folder is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        descriptor = os.open(name, _READ, dir_fd=folder)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FileNotFoundError(errno.ENOENT, "no plain file", name)
            if status.st_size > MOST_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
            data = bytearray()
            while part := os.read(descriptor, 65536):
                data += part
            return bytes(data)
        finally:
            os.close(descriptor)

    def create(self, state: str, name: str, data: bytes) -> str:
        """Make the file, durably and whole, and read it back; its stamp. FileExistsError when the name is taken."""
        folder = self._made(state)
        temporary = self._temporary(folder, name, data)
        try:
            platform.rename_new(temporary, name, source_fd=folder, target_fd=folder)
        except OSError:
            _forget(temporary, folder)
            raise
        os.fsync(folder)
        return self._read_back(state, name, data)

    def replace(self, state: str, name: str, data: bytes) -> str:
        """Make the file hold something else, durably, at one instant; its stamp."""
        folder = self._made(state)
        temporary = self._temporary(folder, name, data)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
        return self._read_back(state, name, data)

    def move(self, source: str, target: str, name: str) -> None:
        """Move the file to another state's folder, in one step: it is in one of the two at every instant, and never in both.

        FileNotFoundError when it is not in `source` any more, FileExistsError when `target` has one of that name. Not synced:
        the file is written anew after it.
        """
        there, here = self._folder(source), self._made(target)
        if there is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        platform.rename_new(name, name, source_fd=there, target_fd=here)

    def sync(self, state: str) -> None:
        """Make what came into a state's folder, and what left it, durable."""
        folder = self._folder(state)
        if folder is not None:
            os.fsync(folder)

    def remove(self, state: str, name: str, data: bytes) -> None:
        """Remove the file if it holds this, and is nobody else's; none is fine."""
        with suppress(OSError):
            if self.read(state, name) == data:
                _forget(name, self._made(state))

    def tidy(self, state: str) -> None:
        """Remove temporary files; the caller holds the lock, so whoever wrote them is gone."""
        folder = self._folder(state)
        if folder is None:
            return
        for name in os.listdir(folder):
            if name.endswith(TEMPORARY[1:]):
                _forget(name, folder)

    def _read_back(self, state: str, name: str, data: bytes) -> str:
        if self.read(state, name) != data:
            raise StorageFailed(
                f"{self.root / state / name} does not hold what was written to it", "see to the disk, or to who else writes it"
            )
        return self.stamp(state, name)

    def _status(self, state: str, name: str) -> os.stat_result | None:
        folder = self._folder(state)
        try:
            return os.stat(name, dir_fd=folder, follow_symlinks=False) if folder is not None else None
        except FileNotFoundError:
            return None

    def _temporary(self, folder: int, name: str, data: bytes) -> str:
        temporary = f".{name}.{os.getpid()}{TEMPORARY[1:]}"
        _forget(temporary, folder)
        descriptor = os.open(temporary, _NEW, 0o644, dir_fd=folder)
        try:
            try:
                write_all(descriptor, data)
                platform.sync_file(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            _forget(temporary, folder)
            raise
        return temporary

    def _folder(self, state: str, *, make: bool = False) -> int | None:
        """The open folder of a state, of all states for ""; None where there is none. Raises StorageFailed."""
        if state in self._open:
            return self._open[state]
        here = os.open(self._repository, _FOLDER)
        try:
            for number, step in enumerate([*self._steps, *([state] if state else [])], 1):
                made = make and _make(step, here)
                below = os.open(step, _FOLDER, dir_fd=here)
                os.close(here)
                here = below
                if made and number == len(self._steps):
                    _write_ignore(here)
        except FileNotFoundError:
            os.close(here)
            return None
        except OSError as error:
            os.close(here)
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise StorageFailed(
                    f"{self.root / state} leads over a link or a file", "tasks lie in plain folders: put one there"
                ) from None
            raise storage_failed("use", self.root / state, error) from None
        self._open[state] = here
        return here

    def _made(self, state: str) -> int:
        folder = self._folder(state, make=True)
        if folder is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.root / state))
        return folder


def _make(step: str, folder: int) -> bool:
    """Make the folder; whether it was missing."""
    try:
        os.mkdir(step, 0o755, dir_fd=folder)
    except FileExistsError:
        return False
    os.fsync(folder)
    return True


def _write_ignore(folder: int) -> None:
    """Keep git from seeing tasks as files that wait for a commit: `worktree_clean` would never hold."""
    with suppress(OSError):
        descriptor = os.open(".gitignore", _NEW, 0o644, dir_fd=folder)
        try:
            write_all(descriptor, _IGNORE)
        finally:
            os.close(descriptor)


def _forget(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
