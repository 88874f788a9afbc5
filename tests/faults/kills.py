"""Random kills: of the daemon, of shims and their jobs, of both at once, while jobs of every second leave their effects."""

from __future__ import annotations

import os
import random
import signal
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from octojobs import platform
from octojobs.actions.checkup.selftest import promises
from octojobs.engine.clock import SystemClock
from tests.faults.tally import Scale, Step, Tally
from tests.faults.world import EFFECT, Started, World, beats, opened
from tests.helpers import wait_until

JOBS = 20
COMMAND = EFFECT + "; case $OCTOJOBS_JOB in *[13579]) sleep 0.3;; esac"
"""Half of the jobs take their time, so that a kill finds some running."""
SHORTEST_S, LONGEST_S = 0.05, 0.6


def killed_daemons(seed: int, shims: bool) -> Step:
    """Daemons that live for 50 to 600 ms; with `shims`, those and their jobs die, too: before, in the same moment, or instead."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        dice = scale.dice("kills", seed, shims)
        with opened(root, beats(JOBS, COMMAND)) as world:
            before = promises.gather(world.paths)
            daemon = world.start("up")
            for number in range(scale.of(12, 200)):
                _wait(dice.uniform(SHORTEST_S, LONGEST_S))
                if daemon.poll() is not None:
                    tally.found(f"start {number}", [f"a daemon ended by itself with {daemon.status}: {daemon.said()[-2000:]}"])
                only_shims = shims and dice.random() < 0.4
                if only_shims or (shims and dice.random() < 0.5):
                    _kill_shims(world, daemon, dice, tally)
                if only_shims:
                    continue
                daemon.kill()
                tally.did("daemons killed")
                after = world.gather()
                tally.found(f"kill {number}", [*promises.nothing_lost(before, after), *promises.no_damage(after)])
                before = after
                daemon = world.start("up")
            daemon.kill()
            tally.found("at the end", _wind_up(world, before))

    return Step(f"{'daemons and shims' if shims else 'daemons'} {seed}", do)


def _kill_shims(world: World, daemon: Started, dice: random.Random, tally: Tally) -> None:
    """Half of all that the daemon has started, and of what its predecessors have left."""
    # Not the daemon's other children: without git it can't start.
    launchers = [pid for pid in platform.children(daemon.pid) if "launcher_main" in platform.describe(pid)]
    for pid in [one for root in (*launchers, *world.strays()) for one in (root, *platform.descendants(root))]:
        if dice.random() < 0.5:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                tally.did("shims, launchers and jobs killed")


def _wind_up(world: World, before: promises.Evidence) -> list[str]:
    """A last daemon catches up and leaves in good order; then all must be told, and nothing left."""
    last, now = world.start("up"), SystemClock().now()
    found = []
    with suppress(AssertionError):
        wait_until(lambda: all(state.cursor >= now for state in world.gather().ledger.jobs.values()) and world.is_up(), 20)
    if last.poll() is not None:
        found.append(f"the last daemon ended by itself with {last.status}: {last.said()[-2000:]}")
    last.send(signal.SIGTERM)
    last.wait()
    found += world.settle()
    jobs = [f"beat{number}" for number in range(JOBS)]
    evidence = world.gather()
    for job in jobs:
        found += [f"{job}: {wrong}" for wrong in promises.one_outcome(evidence.rows_of(job), [], 1, now - timedelta(seconds=2))]
    return [*found, *world.orphans(), *world.checked(jobs, before)]


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


def steps(scale: Scale) -> list[Step]:
    """Two seeds, or twenty; every second one with shims."""
    return [killed_daemons(scale.seed + number, shims=number % 2 == 1) for number in range(scale.of(2, 20))]
