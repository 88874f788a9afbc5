"""The shims that have no run at the moment: made ready ahead, and used again.

A fork of the launcher and the pages that a fresh shim copies cost as much as `true` itself, and a durable `exit.json` more;
so a shim that has ended a run cleanly is given the next one, and one is kept ready for the instant that comes.
"""

from __future__ import annotations

from octojobs.runners.base import Shim
from octojobs.runners.launcher import Launcher

MOST_READY = 16
"""Idle shims that are kept while runs come and go, of a megabyte each."""
READY_AT_REST = 1


class Pool:
    """Idle shims, the launcher behind them. Owned by the engine's thread."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._ready: list[Shim] = []
        self._unrecorded: list[Shim] = []
        self._most_ready = MOST_READY

    def take(self, count: int) -> tuple[list[Shim], str]:
        """So many shims, or fewer with the reason."""
        taken: list[Shim] = []
        for shelf in (self._unrecorded, self._ready):
            while shelf and len(taken) < count:
                shim = shelf.pop()
                if shim.is_there():
                    taken.append(shim)
                else:
                    shim.close()
        if len(taken) == count:
            return taken, ""
        forked, why = self._launcher.fork(count - len(taken))
        self._most_ready = READY_AT_REST if why else MOST_READY
        return self._with_room(taken + forked) if why else taken + forked, why

    @staticmethod
    def _with_room(shims: list[Shim]) -> list[Shim]:
        """Of all that the system would give, half: else there was no process left for what they are to run."""
        kept = (len(shims) + 1) // 2
        for shim in shims[kept:]:
            shim.close()
        return shims[:kept]

    def give_back(self, shim: Shim) -> None:
        """The shim has ended its run, which is not on disk as ended yet (or got none): it may be taken at once."""
        self._unrecorded.append(shim)

    def recorded(self) -> None:
        """All that has ended is on disk: those that were not taken meanwhile are told, and kept."""
        for shim in self._unrecorded:
            shim.recorded()
            if len(self._ready) < self._most_ready:
                self._ready.append(shim)
            else:
                shim.close()
        self._unrecorded = []

    def get_ready(self, count: int = READY_AT_REST) -> None:
        """Have so many ready, within bounds; which may fail in silence, since `take` will say why."""
        missing = min(count, self._most_ready) - len(self._ready)
        if missing > 0:
            self._ready += self._launcher.fork(missing)[0]

    def rest(self) -> None:
        """There is nothing to do: keep no more than one."""
        while len(self._ready) > READY_AT_REST:
            self._ready.pop().close()

    def close(self) -> None:
        """End the launcher and the idle shims."""
        for shim in (*self._ready, *self._unrecorded):
            shim.close()
        self._ready, self._unrecorded = [], []
        self._launcher.close()
