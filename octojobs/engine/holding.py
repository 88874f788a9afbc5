"""The leases of this engine's runs: taken when the guards have passed, bound to whoever carries the run out, given back at its end.

A lease is taken before the run's readiness is on disk, and is bound to this process: a crash in between leaves one that holds
nothing. Before the gate of an attempt opens it is bound to the attempt's own process, so that it holds on when this daemon is
killed; while a run waits for its retry it is bound to the daemon again, unless it waits for the end of a rate limit. The next
daemon gives back the leases of runs that are over, and those of runs that have no process: they are taken again before the run starts.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import datetime

from octojobs import platform
from octojobs.conditions.held import guard_text
from octojobs.core.admit import stopping_pause
from octojobs.core.guards import Status, Verdict
from octojobs.core.hold import LeaseName, run_of
from octojobs.core.identity import RunId
from octojobs.core.lease import Lease, lease_of
from octojobs.core.ledger import Ledger
from octojobs.core.run import Phase, Process, Run
from octojobs.engine.ground import Ground
from octojobs.errors import OctojobsError
from octojobs.store.leases import LeaseHeld, Leases

log = logging.getLogger("octojobs.holding")

PATIENCE_S = 0.5
"""How long a tick waits for somebody else's change of a lease: that takes milliseconds, and nothing else starts meanwhile."""


class Holding:
    """What the open runs hold. Owned by the engine's thread."""

    def __init__(self, ground: Ground, ledger: Ledger) -> None:
        self._ledger = ledger
        self._leases = Leases(ground.paths, ground.root, wait_s=PATIENCE_S, is_open=lambda run: run in ledger.runs)
        self._me = Process(os.getpid(), platform.start_ticks(os.getpid()) or 0, platform.boot_id())
        self._held: dict[RunId, Lease] = {}
        self._recover(ground.clock.now())

    def has(self, run: Run) -> bool:
        """Whether the run has its lease; a run that holds nothing needs none."""
        return run.definition.hold is None or run.id in self._held

    def take(self, run: Run, now: datetime) -> Verdict:
        """The verdict on the run's hold: passed, and it is taken; failed, and who has it; unknown when nobody can tell."""
        hold = run.definition.hold
        assert hold is not None
        guard = guard_text(hold)
        try:
            kept = self._leases.take(replace(lease_of(hold, run.id), process=run.process or self._me), now, name=LeaseName.of_run(run.id))
        except LeaseHeld as held:
            return Verdict(Status.FAILED if held.kept.holds else Status.UNKNOWN, held.what, guard)
        except OctojobsError as error:
            return Verdict(Status.UNKNOWN, error.what, guard)
        assert kept.lease is not None
        self._held[run.id] = kept.lease
        return Verdict(Status.PASSED, f"nobody else holds {lease_of(hold).what}", guard)

    def follow(self, now: datetime) -> bool:
        """Give back what runs had that are over, or wait long, and bind the others; whether something is free now."""
        freed = False
        for run_id, lease in list(self._held.items()):
            run = self._ledger.runs.get(run_id)
            try:
                if run is None or self._waits_long(run, now):
                    self._leases.give_back(LeaseName.of_run(run_id), now)
                    del self._held[run_id]
                    freed = True
                elif (process := run.process or self._me) != lease.process:
                    self._held[run_id] = bound = replace(lease, process=process)
                    self._leases.bind(LeaseName.of_run(run_id), bound)
            except OctojobsError as error:
                self._held[run_id] = lease  # the next tick tries again
                log.warning("the lease of %s can't be changed: %s", run_id, error)
        return freed

    def _waits_long(self, run: Run, now: datetime) -> bool:
        """Whether others may have what it holds meanwhile: its guards, a pause or a rate limit keep it from starting."""
        if run.phase is Phase.QUEUED and stopping_pause(self._ledger, run, now) is not None:
            return True
        return run.phase is Phase.WAITING or self._ledger.waits_for_limit(run, now)

    def close(self, now: datetime) -> None:
        """Nobody looks after the runs that have no process any more: their leases end with us."""
        for run_id in self._held:
            run = self._ledger.runs.get(run_id)
            if run is None or not run.holds_slot:
                self._give_back(LeaseName.of_run(run_id), now)

    def _recover(self, now: datetime) -> None:
        try:
            there = self._leases.all(now)
        except OctojobsError as error:
            log.warning("the leases can't be read: %s", error)
            return
        for kept in there:
            if not (named := run_of(kept.name)):
                continue
            run = next((run for run in self._ledger.runs.values() if run.id == named and run.holds_slot), None)
            if run is not None and kept.lease is not None:
                self._held[run.id] = kept.lease
            else:
                self._give_back(LeaseName(kept.name), now)

    def _give_back(self, name: LeaseName, now: datetime) -> None:
        try:
            self._leases.give_back(name, now)
        except OctojobsError as error:
            log.warning("%s can't be given back: %s", name, error)
