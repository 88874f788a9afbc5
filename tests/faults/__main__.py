"""`python -m tests.faults`: does everything that the fault tests can do, and prints what was done how often, and what did not hold."""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.parts import PARTS
from tests.faults.tally import CannotDo, Scale, Step


def main() -> int:
    """1 when something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the counts of docs/faults.md, for an hour or so; else some minutes")
    parser.add_argument("--seed", type=int, default=1, help="where all dice begin (default: 1)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone; may be given again")
    parser.add_argument("--keep", action="store_true", help="leave the folders for a look")
    options = parser.parse_args()
    scale = Scale(options.long, options.seed)
    root = Path(tempfile.mkdtemp(prefix="octojobs-faults-"))
    violations: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends, too
    logging.getLogger("octojobs").addHandler(logging.NullHandler())  # the engines that live in this process talk of nothing else
    print(f"seed {scale.seed}, {'long' if scale.long else 'short'}, in {root}\n")
    print("| part | step | done | seconds | violations |\n|---|---|---|---|---|")
    for part in options.only or PARTS:
        for step in PARTS[part](scale):
            violations += _told(part, step, scale, root / part)
    if not (options.keep or violations):
        shutil.rmtree(root)
    print(f"\n{len(violations)} violations")
    return 1 if violations else 0


def _told(part: str, step: Step, scale: Scale, root: Path) -> list[str]:
    """Do the step and print its line of the table."""
    began = time.monotonic()
    try:
        tally = step.run(scale, root)
    except CannotDo as reason:
        print(f"| {part} | {step.name} | skipped: {reason} | | |", flush=True)
        return []
    done = ", ".join(f"{times:,} {what}" for what, times in tally.done.items())
    print(f"| {part} | {step.name} | {done} | {time.monotonic() - began:.0f} | {len(tally.violations)} |", flush=True)
    for violation in tally.violations:
        print(f"- {violation}", file=sys.stderr, flush=True)
    return [f"{part}, {step.name}: {violation}" for violation in tally.violations]


if __name__ == "__main__":
    sys.exit(main())
