"""The shim's end of its connection to the daemon: runs come in, the end of each is told.

A message from the daemon is a length and so many bytes of JSON, a run; the length 0 says that the end of the last run is on
disk in the journal. A message to the daemon is "." when the result is there and the next run is welcome, with the result behind
it unless that is long, and anything else in words: why the run could not begin.
The end of file says that there is no daemon any more, or that it wants no more of this shim.
"""

from __future__ import annotations

import json
import os
import select
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from octojobs.runners.shim import signals

if TYPE_CHECKING:
    from octojobs.runners.shim.run import Spec

RECORD_MS = 500
"""How long the daemon may take to record an end before the shim sees to its durability itself."""
_HEADER = struct.Struct("!I")
_MOST_TOLD = 4096
"""Bytes that the daemon's one read takes whole; it finds a longer result in its file."""


class Link:
    """One connection; `fd` is this process's alone."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._ear = select.poll()
        self._ear.register(fd, select.POLLIN)
        self._next: int | None = None  # the length of a spec whose header was read already
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def receive(self) -> Spec | None:
        """Wait for a run; None when there will be none. SIGTERM ends an idle shim, which has nothing to tidy up."""
        self._let_go()
        size, self._next = self._next, None
        if not size:
            with signals.term_kills():
                while size == 0 or size is None:
                    header = self._read(_HEADER.size)
                    if header is None:
                        return None
                    (size,) = _HEADER.unpack(header)
        data = self._read(size)
        return None if data is None else cast("Spec", json.loads(data))

    def announce(self, result: bytes) -> bool:
        """Tell the daemon that the result is there; whether it says, in time, that it has recorded it."""
        try:
            os.write(self._fd, b"." + (result if len(result) <= _MOST_TOLD else b""))
        except OSError:
            return False
        if not self._ear.poll(RECORD_MS):
            return False
        header = self._read(_HEADER.size)
        if header is None:
            return False
        (self._next,) = _HEADER.unpack(header)
        return True

    def complain(self, why: str) -> None:
        """Tell the daemon why the run could not begin."""
        with suppress(OSError):
            os.write(self._fd, why.encode("utf-8", "surrogateescape"))

    def _let_go(self) -> None:
        """Close the last run's output, and at first the daemon's: a shim must pin no file, and no pipe that somebody reads to its end."""
        for number in (1, 2):
            os.dup2(self._nothing, number)

    def _read(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                part = os.read(self._fd, size - len(data))
            except ConnectionError:
                return None
            if not part:
                return None
            data += part
        return data
