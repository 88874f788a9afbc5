"""The runs whose shims live: how their end is noticed, and how they are asked to end."""

from __future__ import annotations

import logging
import os
import selectors
from collections.abc import Iterator, Mapping
from datetime import datetime

from octojobs import platform
from octojobs.core.events import AttemptEnded, AttemptVoid
from octojobs.core.identity import RunId
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Run
from octojobs.engine.settle import attempt_of, ended, settle
from octojobs.runners import receipts
from octojobs.runners.base import OFFER, Shim
from octojobs.runners.pool import Pool
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.running")

POLL_S = 0.25
"""How often a run that can't be heard of (adopted, and there is no pidfd) is asked whether it lives."""


class Running:
    """Watches shims by their connection, adopted ones by pidfd, or by their `live` lock. Owned by the engine's thread."""

    def __init__(self, paths: StatePaths, pool: Pool, environ: Mapping[str, str]) -> None:
        self._paths = paths
        self._environ = environ
        self._pool = pool
        self._boot_id = platform.boot_id()
        self._selector = selectors.DefaultSelector()
        self._shims: dict[RunId, Shim] = {}
        self._pidfds: dict[RunId, int] = {}
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
            self._pidfds[run.id] = fd
            self._selector.register(fd, selectors.EVENT_READ, run.id)
            self.adopted += 1
            log.info("%s adopted: its shim is pid %s", run.id, run.process.pid if run.process else "?")

    def watch(self, run: Run, shim: Shim) -> None:
        """Watch a shim that was given the run; one that is gone already leaves it to the receipts to tell."""
        if shim.connection.fileno() < 0:
            self._polled.add(run.id)
        else:
            self._shims[run.id] = shim
            self._selector.register(shim.connection, selectors.EVENT_READ, run.id)

    def settled(self, ledger: Ledger, now: datetime) -> Iterator[AttemptEnded | AttemptVoid]:
        """The end of each attempt that has ended since the last look; its shim is free then, if it can be used again."""
        ready = [key.data for key, _ in self._selector.select(0)]
        for run_id in (*ready, *self._polled):
            run = ledger.runs.get(run_id)
            shim = self._shims.get(run_id)
            words = shim.last_words() if shim is not None else ""
            event = self._settle(run, words, now) if run is not None else None
            if event is None and run is not None and run.holds_slot:
                # The shim is gone, its lock is not free yet (or it can't be heard): ask again.
                self._unwatch(run_id)
                self._polled.add(run_id)
                continue
            self._forget(run_id, words)
            if event is not None:
                yield event

    def _settle(self, run: Run, words: str, now: datetime) -> AttemptEnded | AttemptVoid | None:
        run_dir = self._paths.run_dir(run.id, run.attempt)
        if words.startswith(OFFER) and (told := receipts.exit_of(words.removeprefix(OFFER))) is not None:
            return ended(run, attempt_of(run, told), now, run_dir)
        try:
            return settle(run, run_dir, now, self._boot_id, self._environ)
        except OSError as error:
            # A disk that can't be read or written: nothing may be concluded, so the question stays open.
            log.warning("can't tell what became of %s: %s", run.id, error)
            return None

    def stop(self, run: Run, why: str) -> None:
        """Ask the shim to end the run: TERM to the group, the grace, KILL. It will get no other run: it might hear TERM too late."""
        if run.process is not None and run.phase is Phase.RUNNING:
            self._stopped.add(run.id)
            receipts.stop(run.process, self._paths.run_dir(run.id, run.attempt), why)

    def stop_cancelled(self, ledger: Ledger) -> None:
        """Ask the shims of cancelled runs to end them, each once."""
        for run_id in (*self._shims, *self._pidfds, *self._polled):
            run = ledger.runs.get(run_id)
            if run is not None and run.cancel and run_id not in self._stopped and run.process is not None:
                self.stop(run, f"cancelled by {run.cancel}")

    def close(self) -> None:
        """Stop watching; the runs go on."""
        for run_id in (*self._shims, *self._pidfds):
            self._unwatch(run_id)
        self._selector.close()

    def _unwatch(self, run_id: RunId) -> None:
        """Hear no more of it; the shim ends with its run."""
        if (shim := self._shims.pop(run_id, None)) is not None:
            self._selector.unregister(shim.connection)
            shim.close()
        if (fd := self._pidfds.pop(run_id, None)) is not None:
            self._selector.unregister(fd)
            os.close(fd)

    def _forget(self, run_id: RunId, words: str) -> None:
        shim = self._shims.get(run_id)
        if shim is not None and words.startswith(OFFER) and run_id not in self._stopped:
            del self._shims[run_id]
            self._selector.unregister(shim.connection)
            self._pool.give_back(shim)
        elif words and not words.startswith(OFFER):
            log.warning("%s could not begin: %s", run_id, words)
        self._unwatch(run_id)
        self._polled.discard(run_id)
        self._stopped.discard(run_id)
