"""The runs whose shims live: how their end is noticed, and how they are asked to end."""

from __future__ import annotations

import logging
import os
import selectors
from collections.abc import Iterable, Iterator
from datetime import datetime

from octojobs import platform
from octojobs.core.events import AttemptEnded, AttemptVoid
from octojobs.core.identity import RunId
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run
from octojobs.engine.settle import settle
from octojobs.runners import receipts
from octojobs.runners.base import Launched
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.running")

POLL_S = 0.25
"""How often a run without a pidfd (adopted after its pid was lost, or macOS) is asked whether it lives."""


class Running:
    """Watches shims by pidfd, and by their `live` lock where there is none. Owned by the engine's thread."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths
        self._boot_id = platform.boot_id()
        self._selector = selectors.DefaultSelector()
        self._fds: dict[RunId, int] = {}
        self._polled: set[RunId] = set()
        self._stopped: set[RunId] = set()
        self.adopted = 0

    def fileno(self) -> int:
        """A descriptor that is readable when some shim has ended."""
        return self._selector.fileno()

    @property
    def polls(self) -> bool:
        """Whether some run can only be watched by asking."""
        return bool(self._polled)

    def adopt(self, ledger: Ledger) -> None:
        """Take over the runs that an earlier daemon started (promise P5)."""
        for run in ledger.runs.values():
            if run.holds_slot:
                self._adopt(run)

    def _adopt(self, run: Run) -> None:
        fd = platform.open_pidfd(run.process) if run.process is not None else None
        if fd is None:
            self._polled.add(run.id)
        else:
            self._register(run.id, fd)
            self.adopted += 1
            log.info("%s adopted: its shim is pid %s", run.id, run.process.pid if run.process else "?")

    def watch(self, run: Run, launched: Launched) -> None:
        """Watch a shim whose gate was opened."""
        if launched.pidfd is None:
            self._polled.add(run.id)
        else:
            self._register(run.id, launched.pidfd)

    def unsettled(self, runs: Iterable[RunId]) -> None:
        """Gates were closed unopened: look at the receipts until they say what became of these."""
        self._polled.update(runs)

    def settled(self, ledger: Ledger, now: datetime) -> Iterator[AttemptEnded | AttemptVoid]:
        """The end of each attempt that has ended since the last look."""
        ready = [key.data for key, _ in self._selector.select(0)]
        for run_id in (*ready, *self._polled):
            run = ledger.runs.get(run_id)
            event = self._settle(run, now) if run is not None else None
            if event is None and run is not None and run.holds_slot:
                # The shim is gone, its lock is not free yet (or there is no pidfd): ask again.
                self._unregister(run_id)
                self._polled.add(run_id)
                continue
            self._forget(run_id)
            if event is not None:
                yield event

    def _settle(self, run: Run, now: datetime) -> AttemptEnded | AttemptVoid | None:
        try:
            return settle(run, self._paths.run_dir(run.id, run.attempt), now, self._boot_id)
        except OSError as error:
            # A disk that can't be read or written: nothing may be concluded, so the question stays open.
            log.warning("can't tell what became of %s: %s", run.id, error)
            return None

    def stop(self, run: Run, why: str) -> None:
        """Ask the shim to end the run: TERM to the group, the grace, KILL."""
        if run.process is not None and run.phase is Phase.RUNNING:
            receipts.stop(run.process, self._paths.run_dir(run.id, run.attempt), why)

    def stop_cancelled(self, ledger: Ledger) -> None:
        """Ask the shims of cancelled runs to end them, each once."""
        for run_id in (*self._fds, *self._polled):
            run = ledger.runs.get(run_id)
            if run is not None and run.cancel and run_id not in self._stopped and run.process is not None:
                self._stopped.add(run_id)
                self.stop(run, f"cancelled by {run.cancel}")

    def close(self) -> None:
        """Stop watching; the runs go on."""
        for run_id in list(self._fds):
            self._unregister(run_id)
        self._selector.close()

    def _register(self, run_id: RunId, fd: int) -> None:
        self._fds[run_id] = fd
        self._selector.register(fd, selectors.EVENT_READ, run_id)

    def _unregister(self, run_id: RunId) -> None:
        fd = self._fds.pop(run_id, None)
        if fd is not None:
            self._selector.unregister(fd)
            os.close(fd)

    def _forget(self, run_id: RunId) -> None:
        self._unregister(run_id)
        self._polled.discard(run_id)
        self._stopped.discard(run_id)
