"""The process around a sandboxed run, `PYTHON host.py ORDER`: makes the worktree, runs the command in it, and keeps what it did.

It runs inside of the shim, as any job does: the death of a daemon is nothing to it, and time limits are the shim's. Its exit code, or
the signal that ends it, is the command's own; 125 means that there was no place to run it in, 126 and 127 that it could not be started.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run by path: the package may lie where Python finds nothing by itself.
    sys.path.append(str(Path(__file__).resolve().parents[3]))

import json
import os
from collections.abc import Mapping
from typing import Any, NoReturn

from octojobs.core.codec import decode
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.runners.sandbox import enclosure
from octojobs.runners.sandbox.inner import Inner, NotStarted, asked_to_end, block_signals, end_as
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.place import Place, place_of, with_base
from octojobs.runners.sandbox.report import report, say
from octojobs.runners.shim.spawn import CANNOT_EXECUTE

NO_PLACE = 125
"""As `docker run` and env(1) say it: the trouble is not the command's."""


def main(told: Mapping[str, Any]) -> NoReturn:
    """Carry out the order; this process ends as the command did."""
    block_signals()
    env = dict(os.environ)  # before git's variables are taken out: the job may have set some
    order: Order = decode(Order, told)
    try:
        repository = Repository.discover(Path(order.repository))
        order = with_base(order, repository)
        with place_of(repository, order, env) as place:
            status = _status(repository, order, place, env)
    except (OctojobsError, OSError) as error:
        say(f"no sandbox ({order.sandbox.backend.value}) could be made: {error}")
        sys.exit(NO_PLACE)
    if place.taken is not None:
        report(order.paths, place.taken)
    end_as(status)


def _status(repository: Repository, order: Order, place: Place, env: Mapping[str, str]) -> int:
    """The wait status of the command, or of one that can't be started."""
    try:
        return _run(repository, order, place, env)
    except (OctojobsError, OSError) as error:
        say(str(error))
        return (error.code if isinstance(error, NotStarted) else NO_PLACE) << 8


def _run(repository: Repository, order: Order, place: Place, env: Mapping[str, str]) -> int:
    """The wait status of the command. Raises OctojobsError, and OSError, when there is none."""
    if number := asked_to_end():
        return number
    if not os.path.isabs(order.cwd) and not order.folder.is_dir():
        raise NotStarted(f"can't start: the folder {order.folder} can't be entered: there is none", CANNOT_EXECUTE)
    enclosed = enclosure.enclose(repository, order, env)
    inner = Inner(enclosed, order.grace_s)
    inner.begin()
    status = inner.wait()
    place.hurry = inner.was_asked
    enclosed.require_begun(os.waitstatus_to_exitcode(status))
    return status


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
