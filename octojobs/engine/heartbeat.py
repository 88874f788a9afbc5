"""What a running daemon says of itself, for `status`: written when it changes, never on a timer."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict

from octojobs.core.one_line import spelled
from octojobs.slotted import dataclass
from octojobs.store.paths import FILE_MODE, StatePaths

log = logging.getLogger("octojobs.heartbeat")


@dataclass(frozen=True, slots=True)
class Vitals:
    """The daemon's own view: what it runs (`definitions`, a commit or "worktree"), why that is not the newest
    (`note`), why it starts nothing (`held`), and how many jobs are live.
    """

    pid: int
    version: str
    since: str
    source: str
    definitions: str
    jobs: int
    note: str = ""
    held: str = ""

    @property
    def in_words(self) -> str:
        """How it stands, as one line."""
        what = f"{self.jobs} job{'' if self.jobs == 1 else 's'} of {self.definitions[:12]}"
        return spelled("; ".join(filter(None, (what, self.held and f"no new starts: {self.held}", self.note))))


SIZE = 4096
"""One block, padded, written in place: a full disk is what the file has to tell of, so it must take no new space."""

_LONGEST = 1000


class Heartbeat:
    """Writes `heartbeat.json` when the vitals changed. Not fsynced: it says nothing that a crash must keep."""

    def __init__(self, paths: StatePaths) -> None:
        self._path = paths.heartbeat
        self._last: Vitals | None = None

    def beat(self, vitals: Vitals) -> None:
        """Write the vitals if they are news."""
        if vitals == self._last:
            return
        shown = {key: value[:_LONGEST] if isinstance(value, str) else value for key, value in asdict(vitals).items()}
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
            try:
                written = os.pwrite(descriptor, json.dumps(shown).encode().ljust(SIZE), 0)
                os.ftruncate(descriptor, written)  # what was said before may have been longer: texts beyond ASCII take more room
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("can't write %s: %s", self._path, os.strerror(error.errno or 0))
        self._last = vitals

    @staticmethod
    def read(paths: StatePaths) -> Vitals | None:
        """The vitals that a daemon wrote last; None when there are none that can be read."""
        try:
            return Vitals(**json.loads(paths.heartbeat.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
