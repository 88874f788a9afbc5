"""A taker: a process that wants a lease as soon as it is told, says whether it got it, and lives on until its input ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from octojobs.core.lease import Lease
from octojobs.core.run import Process
from octojobs.engine.clock import SystemClock
from octojobs.platform import boot_id, start_ticks
from octojobs.store.leases import LeaseHeld, Leases
from octojobs.store.paths import StatePaths


def main(root: Path, holder: str) -> None:
    """Prints `got NAME`, or `no` and what is in the way."""
    me = Process(os.getpid(), start_ticks(os.getpid()) or 0, boot_id())
    leases = Leases(StatePaths(root / "state"), root)
    wanted = Lease(holder, worktree="tree", paths=("src/**",) if holder.endswith(("1", "3")) else ("src/a",), process=me)
    print("ready", flush=True)  # noqa: T201 - the test reads it
    sys.stdin.readline()
    try:
        print(f"got {leases.take(wanted, SystemClock().now()).name}", flush=True)  # noqa: T201 - as above
    except LeaseHeld as held:
        print(f"no {held}", flush=True)  # noqa: T201 - as above
    sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
