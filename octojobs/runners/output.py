"""Reads the output that runs left: the last lines, what comes next, and all of it made safe for a terminal."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

OUTPUT_FILE = "output.log"
_CHUNK = 1 << 16
_CUT = b"\n[octojobs: the output was cut here while it was being followed]\n"
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
_VISIBLE = {
    **{code: f"^{chr(code + 64)}" for code in range(32) if chr(code) not in "\n\t"},
    0x7F: "^?",
    **{code: f"<U+{code:04X}>" for code in (*range(0x80, 0xA0), *map(ord, _BIDI))},
}


def visible(data: bytes) -> str:
    r"""Text for a terminal: bytes that are not UTF-8 are replaced, control and direction characters shown, not obeyed.

    Newlines and tabs stay; `\r\n` is a newline.

    >>> visible(b"\x1b[31mred\r\n\xff")
    '^[[31mred\n\ufffd'
    """
    return data.decode("utf-8", "replace").replace("\r\n", "\n").translate(_VISIBLE)


def open_output(path: Path) -> int | None:
    """A descriptor for reading; None when there is no such file. A link or a device is refused as if it weren't there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def read(path: Path, most: int | None = None) -> bytes:
    """The file, or its first `most` bytes; empty when it isn't there."""
    descriptor = open_output(path)
    if descriptor is None:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read() if most is None else file.read(most)


def tail(path: Path, lines: int) -> bytes:
    """The last `lines` lines, whole; empty when the file isn't there. Reads no more than it must."""
    descriptor = open_output(path)
    if descriptor is None or lines <= 0:
        if descriptor is not None:
            os.close(descriptor)
        return b""
    try:
        position = os.fstat(descriptor).st_size
        parts: list[bytes] = []
        newlines = 0
        while position > 0 and newlines <= lines:
            step = min(_CHUNK, position)
            position -= step
            parts.append(os.pread(descriptor, step, position))
            newlines += parts[-1].count(b"\n")
        found = b"".join(reversed(parts))
    finally:
        os.close(descriptor)
    at = len(found) - found.endswith(b"\n")
    for _ in range(lines):  # not splitlines: a progress bar's `\r` ends no line
        at = found.rfind(b"\n", 0, at)
        if at < 0:
            return found
    return found[at + 1 :]


def follow(path: Path, ended: Callable[[], bool], wait: Callable[[], None], start: int = 0) -> Iterator[bytes]:
    """What is in the file from byte `start` on, and what comes until `ended()`; `wait()` is called between two looks.

    `ended` is asked before each look, so that what a run wrote last is not missed. Where `max_output` cuts the file
    meanwhile, a line says so and the following goes on at its new end.
    """
    position, descriptor = start, None
    try:
        while True:
            last = ended()
            descriptor = open_output(path) if descriptor is None else descriptor
            if descriptor is not None:
                size = os.fstat(descriptor).st_size
                if size < position:
                    position = size
                    yield _CUT
                while data := os.pread(descriptor, _CHUNK, position):
                    position += len(data)
                    yield data
            if last:
                return
            wait()
    finally:
        if descriptor is not None:
            os.close(descriptor)
