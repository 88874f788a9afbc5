"""Hides the values of secrets in what is stored: in place, one asterisk a byte, as far as they can be recognised.

The length shows, a reader in the first second may see a value, one that the job encodes is not recognised, and values
of fewer than four bytes are left alone: masking every `1` would ruin a log and hide nothing. Best effort.
"""

from __future__ import annotations

import json
import os

_SHORTEST = 4
_CHUNK = 1 << 20


class Mask:
    """The values to hide; falsy when there are none."""

    def __init__(self, secrets: list[str]) -> None:
        values = {secret.encode("utf-8", "surrogateescape") for secret in secrets}
        # As they would stand in a JSON string, too: a quote, a backslash or a newline in a value is written differently there.
        values |= {json.dumps(secret)[1:-1].encode("ascii") for secret in secrets}
        self._values = sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)
        self._overlap = max(map(len, self._values), default=1) - 1

    def __bool__(self) -> bool:
        return bool(self._values)

    def text(self, text: str) -> str:
        """The text with the values hidden."""
        for value in self._values:
            text = text.replace(value.decode("utf-8", "surrogateescape"), "*" * len(value))
        return text

    def region(self, descriptor: int, start: int, end: int) -> None:
        """Overwrite the values in a file, also one that began before `start`; not with O_APPEND, where pwrite appends (Linux)."""
        position = max(start - self._overlap, 0)
        while position < end:
            data = os.pread(descriptor, _CHUNK + self._overlap, position)
            if not data:
                return
            for value in self._values:
                at = data.find(value)
                while at >= 0:
                    os.pwrite(descriptor, b"*" * len(value), position + at)
                    at = data.find(value, at + len(value))
            position += _CHUNK

    def file(self, path: str) -> None:
        """Overwrite the values in a whole file, if it is one and can be written."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return
        try:
            self.region(descriptor, 0, os.fstat(descriptor).st_size)
        except OSError:  # a pipe, or a full disk: what can't be masked stays
            return
        finally:
            os.close(descriptor)
