"""Writing files so that a crash leaves the old one or the new one, never a half: the rules of `runs.md`, "Files"."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from octojobs import platform
from octojobs.store.paths import FILE_MODE

TEMPORARY = "*.octojobs-tmp"
"""The pattern of temporary files: one that outlives its writer is debris of a crash."""


def sync_data(descriptor: int) -> None:
    """Put a file's data on the disk; its times may stay behind (fdatasync(2)). Raises OSError."""
    if sys.platform == "linux":
        os.fdatasync(descriptor)
    else:
        platform.sync_file(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names that were created, renamed or removed in the folder durable; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; raises OSError, some of the bytes being written then (ENOSPC in the middle)."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def replace_file(path: Path, data: bytes, *, keep: Path | None = None, durable: bool = True) -> None:
    """Make `path` hold `data`, at one instant; with `keep`, what it held before is under that name afterwards.

    An error is final for the file that it befell (after a failed fsync the kernel calls the pages clean): a new file is
    written once more, then OSError is raised and `path` is as it was. `durable=False` leaves out the syncs.
    """
    if keep is not None:
        keep_file(path, keep)
    try:
        _replace(path, data, durable)
    except OSError:
        _replace(path, data, durable)


def _replace(path: Path, data: bytes, durable: bool) -> None:
    temporary = _write_temporary(path, data, durable)
    try:
        os.rename(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if durable:
        # Without this the last update is lost in a power cut on every file system that was tried.
        sync_folder(path.parent)


def keep_file(path: Path, keep: Path) -> None:
    """Give the file a second name, replacing what had it; `path` is there at every instant. No file, nothing happens.

    Where the file system knows no hard links, it is copied. Raises OSError.
    """
    link = _temporary_name(keep)
    with suppress(FileNotFoundError):
        os.unlink(link)
    try:
        os.link(path, link, follow_symlinks=False)
    except FileNotFoundError:
        return
    except PermissionError:
        replace_file(keep, path.read_bytes())
        return
    os.rename(link, keep)
    # When both are the same file already, rename(2) does nothing and leaves the other name.
    with suppress(FileNotFoundError):
        os.unlink(link)


def _write_temporary(path: Path, data: bytes, durable: bool) -> Path:
    temporary = _temporary_name(path)
    with suppress(FileNotFoundError):
        os.unlink(temporary)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    try:
        try:
            write_all(descriptor, data)
            if durable:
                platform.sync_file(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY[1:]}")


def remove_debris(folder: Path, *, shared: bool = False) -> None:
    """Remove temporary files of a writer that died; the caller knows that no other one is at work in the folder.

    In a `shared` folder others may be: a file whose writer's pid is in use stays.
    """
    for path in folder.glob(TEMPORARY):
        if not (shared and _is_in_use(path.name.split(".")[-2])):
            with suppress(OSError):
                path.unlink()


def _is_in_use(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True
