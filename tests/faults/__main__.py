"""`python -m tests.faults`: does everything that the fault tests can do, and prints what was done how often, and what did not hold."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

from tests.faults.parts import PARTS
from tests.faults.tally import CannotDo, Scale, Tally

Told = tuple[Tally | str, float]
"""What a step has done, or why it can't be done here; and the seconds that it took."""


def main() -> int:
    """1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the counts of docs/faults.md, for an hour or so; else some minutes")
    parser.add_argument("--seed", type=int, default=1, help="where all dice begin (default: 1)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given again")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="so many steps at a time (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the folders for a look")
    options = parser.parse_args()
    scale = Scale(options.long, options.seed)
    root = Path(tempfile.mkdtemp(prefix="octojobs-faults-"))
    violations: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends, too
    logging.getLogger("octojobs").addHandler(logging.NullHandler())  # the engines that live in this process talk of nothing else
    print(f"seed {scale.seed}, {'long' if scale.long else 'short'}, {options.jobs} at a time, in {root}\n")
    print("| part | step | done | seconds | violations |\n|---|---|---|---|---|", flush=True)
    began = time.monotonic()
    steps = [(part, number, step.name) for part in options.only or PARTS for number, step in enumerate(PARTS[part](scale))]
    with multiprocessing.get_context("fork").Pool(options.jobs) as pool:  # ends what it has started, also when this one is ended
        for (part, _, name), told in zip(steps, pool.imap(partial(_carry_out, scale, root), steps), strict=True):
            violations += _tell(part, name, *told)
    if not (options.keep or violations):
        shutil.rmtree(root)
    print(f"\n{len(violations)} violations, after {(time.monotonic() - began) / 60:.0f} min")
    return 1 if violations else 0


def _carry_out(scale: Scale, root: Path, which: tuple[str, int, str]) -> Told:
    """Do a step, in a process of the pool: its orphans come to it, and not to another step's."""
    part, number, _ = which
    began = time.monotonic()
    try:
        return PARTS[part](scale)[number].run(scale, root / part), time.monotonic() - began
    except CannotDo as reason:
        return str(reason), time.monotonic() - began
    except Exception:  # noqa: BLE001 -- whatever it was, the other steps are done
        return Tally(violations=[f"broken off: {traceback.format_exc()}"]), time.monotonic() - began


def _tell(part: str, name: str, tally: Tally | str, seconds: float) -> list[str]:
    """Print the step's line of the table."""
    if isinstance(tally, str):
        print(f"| {part} | {name} | skipped: {tally} | | |", flush=True)
        return []
    done = ", ".join(f"{times:,} {what}" for what, times in tally.done.items())
    print(f"| {part} | {name} | {done} | {seconds:.0f} | {len(tally.violations)} |", flush=True)
    for violation in tally.violations:
        print(f"- {violation}", file=sys.stderr, flush=True)
    return [f"{part}, {name}: {violation}" for violation in tally.violations]


if __name__ == "__main__":
    sys.exit(main())
