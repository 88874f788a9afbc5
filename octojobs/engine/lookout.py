"""Tells cheaply when refs may have moved: by the files that git keeps them in, and after a short quiet time.

As for the definitions, time stamps start a question and never answer one, and git is asked once a minute whatever they say. A
rebase, or a fetch, moves refs many times within a moment: the question waits until they rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from octojobs.engine.clock import Clock

QUIET_S = 0.2
"""How long refs rest before git is asked about them."""

LONGEST_S = 2.0
"""How long a ref that never rests can put the question off."""

ASK_ANYWAY_S = 60.0

Stamp = tuple[tuple[int, int, int, int] | None, ...]


class Lookout:
    """Owned by the engine's thread. `should_ask` says whether it is time; `asked` and `failed` are what the caller answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: tuple[Path, ...] = ()
        self._stamp: Stamp | None = None
        self._asked_at = float("-inf")
        self._moving_since: float | None = None
        self._quiet_at: float | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, and folders, one of which changes whenever a ref that counts may have moved."""
        return self._files

    def watch(self, files: Iterable[Path]) -> None:
        """These are they; what they were before is not known, so git is asked at once when they are others."""
        files = tuple(dict.fromkeys(files))
        if files != self._files:
            self._files = files
            self._stamp = None

    def is_news(self) -> bool:
        """Whether something may have moved since the last look, and nobody has noticed yet."""
        return _stamp(self._files) != self._stamp or self._clock.monotonic() - self._asked_at >= ASK_ANYWAY_S

    def should_ask(self) -> bool:
        """Look. Whether it is time to ask: at the first look, when what has moved rests, and once a minute."""
        now, stamp = self._clock.monotonic(), _stamp(self._files)
        if self._stamp is None:
            self._stamp = stamp
            return True
        if stamp != self._stamp:
            self._stamp = stamp
            self._moving_since = now if self._moving_since is None else self._moving_since
            self._quiet_at = min(now + QUIET_S, self._moving_since + LONGEST_S)
        if self._quiet_at is not None:
            return now >= self._quiet_at
        return now - self._asked_at >= ASK_ANYWAY_S

    @property
    def waits_s(self) -> float | None:
        """How long until what has moved has rested; None when nothing has."""
        return None if self._quiet_at is None else max(0.0, self._quiet_at - self._clock.monotonic())

    def asked(self) -> None:
        """Git has answered: about the files as `should_ask` saw them, or later."""
        self._asked_at = self._clock.monotonic()
        self._moving_since = self._quiet_at = None

    def failed(self) -> None:
        """Git did not answer: ask again at the next look."""
        self.asked()
        self._stamp = None


def _stamp(files: Iterable[Path]) -> Stamp:
    return tuple(map(_stat, files))


def _stat(file: Path) -> tuple[int, int, int, int] | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size
