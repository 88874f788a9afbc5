"""The job's output file, which the job writes to by itself: kept within its bound, secrets masked, growth noticed.

The job holds the file with O_APPEND, so the shim may change what lies before its end at any time. When the file is
larger than the bound, it is cut to its head and gets a marker and its own tail appended; what the job writes between
the reading of the tail and the cut is lost. The bound holds about: a fast writer is ahead of us for some milliseconds.

Secrets are overwritten in place by as many asterisks, at each look and at the end: the length shows, a reader in
the first second may see them, and a secret that the job encodes is not recognised. Best effort.
"""

from __future__ import annotations

import os

MOST_TAIL = 4 << 20
_CHUNK = 1 << 20
_SHORTEST_SECRET = 4
"""Masking every `1` would ruin a log and hide nothing."""
_MARKER = b"\n[octojobs: %15d bytes are left out here]\n"
_MARKER_SIZE = len(_MARKER % 0)
_FIRST_LOOK_S, _LAST_LOOK_S = 0.05, 1.0
_HURRY_S = 0.002


class Output:
    """One `output.log`; standard output and error of this process (and of the job) go there from now on."""

    def __init__(self, path: str, limit: int, secrets: list[bytes]) -> None:
        stream = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        os.close(stream)
        # pwrite on a descriptor with O_APPEND appends, whatever the offset (Linux): masking needs one without.
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW) if secrets else 1
        self._limit = max(limit, 0)
        self._head = self._limit // 2
        self._tail = min(self._limit // 4, MOST_TAIL)
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
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
            self._mask(final=False)
            self._pause_s = min(max((self._limit - self.size) / (2 * rate + 1), _HURRY_S), _LAST_LOOK_S)
        self._looked_at = now
        return self._pause_s

    def note(self, text: str) -> None:
        """Append a line of our own, marked as such."""
        os.write(1, f"[octojobs: {text}]\n".encode("utf-8", "surrogateescape"))

    def finish(self) -> None:
        """The job has ended: bound and mask the whole."""
        self.size = os.fstat(self._file).st_size
        self._bound()
        self._mask(final=True)
        self.size = os.fstat(self._file).st_size

    def _bound(self) -> None:
        if self.size <= self._limit:
            return
        tail = os.pread(self._file, self._tail, self.size - self._tail)
        gone = self.size - self._head - len(tail) - (_MARKER_SIZE if self.left_out else 0)
        self.left_out += gone
        os.ftruncate(self._file, self._head)
        _write_all(1, _MARKER % self.left_out + tail)
        self._masked_to = min(self._masked_to, self._head)
        self.size = os.fstat(self._file).st_size

    def _mask(self, *, final: bool) -> None:
        if not self._secrets:
            return
        overlap = max(map(len, self._secrets)) - 1
        position = max(self._masked_to - overlap, 0)
        while position < self.size:
            data = os.pread(self._file, _CHUNK + overlap, position)
            if not data:
                break
            for secret in self._secrets:
                at = data.find(secret)
                while at >= 0:
                    os.pwrite(self._file, b"*" * len(secret), position + at)
                    at = data.find(secret, at + len(secret))
            position += _CHUNK
        self._masked_to = self.size if not final else 0


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
