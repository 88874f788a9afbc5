"""A claimer: a process that claims tasks until none is left, and says which: `python -m tests.flows.claimer ROOT NAME`."""

from __future__ import annotations

import sys
from pathlib import Path

from octojobs.engine.clock import SystemClock
from octojobs.flows import claiming
from octojobs.flows.queue import opened
from tests.flows.world import World


def main(root: Path, name: str) -> None:
    """Prints the id of each task that it got."""
    place, clock = World.at(root).place, SystemClock()
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    while True:
        with opened(place, clock.now(), hurried=True) as queue:
            kept = claiming.claim(queue, claiming.Claimer(name, 3600))
        if kept is None:
            return
        print(kept.task.id, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
