"""The job's output file, which the job writes to by itself: kept within its bound, secrets masked, growth noticed.

The job holds the file with O_APPEND, so the shim may change what lies before its end at any time. When the file is
larger than the bound, it is cut to its head and gets a marker and its own tail appended. What the job writes in the
microseconds between our last look and the cut is lost, and what it writes between the cut and the marker stands before
the marker. The bound holds about: a fast writer is ahead of us for some milliseconds.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octojobs.runners.shim.mask import Mask

MOST_TAIL = 4 << 20
_MARKER = b"\n[octojobs: %15d bytes are left out here]\n"
_MARKER_SIZE = len(_MARKER % 0)
_FIRST_LOOK_S, _LAST_LOOK_S = 0.05, 1.0
_HURRY_S = 0.002
_CHASE = 16


class Output:
    """One `output.log`; standard output and error of this process (and of the job) go there from now on."""

    def __init__(self, path: str, limit: int, mask: Mask) -> None:
        stream = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.close(stream)
        # pwrite on a descriptor with O_APPEND appends, whatever the offset (Linux): masking needs one without.
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW) if mask else 1
        self._limit = max(limit, 0)
        self._head = self._limit // 2
        self._tail = min(self._limit // 4, MOST_TAIL)
        self.mask = mask
        self._masked_to = 0
        self._looked_at = 0.0
        self._pause_s = _FIRST_LOOK_S
        self.left_out = 0
        self.size = 0
        self.grown_at = 0.0

    @property
    def total(self) -> int:
        """Bytes that the job wrote, as far as they were seen."""
        return self.size + self.left_out - (_MARKER_SIZE if self.left_out else 0)

    def look(self, now: float) -> float:
        """Bound and mask what is there at monotonic `now`; returns in how many seconds to look again."""
        if now - self._looked_at < min(self._pause_s, _HURRY_S):
            return self._pause_s
        before, size = self.size, os.fstat(self._file).st_size
        self.size = size
        if size == before:
            self._pause_s = min(self._pause_s * 2, _LAST_LOOK_S)
        else:
            self.grown_at = now
            rate = max(size - before, 0) / max(now - self._looked_at, _HURRY_S)
            self._bound()
            self._pause_s = min(max((self._limit - self.size) / (2 * rate + 1), _HURRY_S), _LAST_LOOK_S)
        self._looked_at = now
        return self._pause_s

    def note(self, text: str) -> None:
        """Append a line of our own, marked as such; it says what `exit.json` says, so a full disk may swallow it."""
        with suppress(OSError):
            os.write(1, f"[octojobs: {self.mask.text(text)}]\n".encode("utf-8", "surrogateescape"))

    def finish(self) -> None:
        """The job has ended: bound and mask the whole."""
        self.size = os.fstat(self._file).st_size
        self._bound()
        self.size = os.fstat(self._file).st_size

    def _bound(self) -> None:
        """Mask, cut, and mask what came meanwhile: a cut through a secret would leave halves that nobody recognises."""
        self._hide()
        if self.size > self._limit:
            with suppress(OSError):  # a full disk: the job's end must be recorded all the same, bounded or not
                self._cut()
            self._hide()

    def _cut(self) -> None:
        start = self.size - self._tail
        tail = os.pread(self._file, self._tail, start)
        for _ in range(_CHASE):  # the job may write on: read after it, so that next to nothing falls into the gap
            more = os.pread(self._file, 1 << 16, start + len(tail))
            if not more:
                break
            tail += more
        gone = start + len(tail) - self._head - self._tail - (_MARKER_SIZE if self.left_out else 0)
        tail = tail[len(tail) - self._tail :]
        self.left_out += gone
        os.ftruncate(self._file, self._head)
        _write_all(1, _MARKER % self.left_out + tail)
        self._masked_to = min(self._masked_to, self._head)
        self.size = os.fstat(self._file).st_size

    def _hide(self) -> None:
        if self.mask:
            with suppress(OSError):  # as in _bound: a file system may need room to overwrite
                self.mask.region(self._file, self._masked_to, self.size)
                self._masked_to = self.size


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
