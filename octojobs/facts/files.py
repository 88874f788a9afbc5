"""Reading other programs' files and folders so that "missing" and "unreadable" are never confused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from octojobs.facts.fact import Unreadable, reason_of

MAX_BYTES = 1_000_000  # these are files of a few lines; a larger one is somebody's mistake and would cost every tick
_MAGIC = frozenset("*?[")


def read_bytes(path: Path, shown: str) -> bytes | None:
    """The file's content, None when there is none; Unreadable for anything else, a folder and a pipe included."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not hold the tick
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unreadable(f"{shown} can't be read: {reason_of(error)}") from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable(f"{shown} is not a regular file")
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Unreadable(f"{shown} can't be read: {reason_of(error)}") from None
    if len(data) > MAX_BYTES:
        raise Unreadable(f"{shown} is larger than {MAX_BYTES} bytes")
    return data


def read_json(path: Path, shown: str) -> Any:
    """The JSON value in the file, None when there is no file; Unreadable when it is torn or no JSON."""
    data = read_bytes(path, shown)
    if data is None:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable(f"{shown} is not valid JSON") from None
    if value is None:
        raise Unreadable(f"{shown} holds null")
    return value


def modified_at(path: Path, shown: str) -> float | None:
    """Seconds since the epoch at which the file was last written, None when there is none; Unreadable otherwise."""
    try:
        return os.stat(path).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unreadable(f"{shown} can't be read: {reason_of(error)}") from None


def exists(path: Path, shown: str) -> bool:
    """Whether there is something at the path, links followed; Unreadable when the system does not say."""
    return modified_at(path, shown) is not None


def folders(root: Path, pattern: str) -> Iterator[Path]:
    """The folders that match a glob below `root` (or an absolute one), by name; `**` is any depth, `*` no leading dot.

    `glob` of the standard library passes over what it may not read; here that raises Unreadable.
    """
    parts = Path(pattern).parts
    if parts and parts[0] == os.sep:
        return _expand(Path(os.sep), parts[1:])
    return _expand(root, parts)


def _expand(base: Path, parts: Sequence[str]) -> Iterator[Path]:
    if not parts:
        if _is_folder(base):
            yield base
        return
    head, rest = parts[0], parts[1:]
    if head == "**":
        yield from _expand(base, rest)
        for child in children(base):
            if not child.name.startswith(".") and not child.is_symlink():
                yield from _expand(child, parts)
    elif _MAGIC.intersection(head):
        for child in children(base):
            if fnmatchcase(child.name, head) and (head.startswith(".") or not child.name.startswith(".")):
                yield from _expand(child, rest)
    else:
        yield from _expand(base / head, rest)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Unreadable(f"{path} can't be read: {reason_of(error)}") from None


def children(base: Path) -> list[Path]:
    """What a folder holds, by name; nothing when there is no such folder; Unreadable when it can't be listed."""
    try:
        with os.scandir(base) as entries:
            return sorted(Path(entry.path) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unreadable(f"{base} can't be read: {reason_of(error)}") from None
