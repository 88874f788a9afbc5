"""The place of a run: a worktree of its own until the block ends, and what was done in it kept then; for commands, functions and agents."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field, replace
from pathlib import Path

from octojobs import platform, run_worktrees
from octojobs.config.pins import objections
from octojobs.core.sandbox import Backend
from octojobs.errors import OctojobsError
from octojobs.repository import Repository
from octojobs.run_worktrees import Work
from octojobs.runners.sandbox import enclosure, trees
from octojobs.runners.sandbox.order import Order
from octojobs.runners.sandbox.report import report, say
from octojobs.runners.sandbox.trees import Taken
from octojobs.slotted import dataclass

LINGER_S = 5.0
"""How long what a run leaves running may go on in its worktree, as the shim waits; then it is ended: nobody writes while it is kept."""
_IN_A_HURRY = 0.25
"""The part of `kill_grace` that is left to them when the run was asked to end."""
_LOOK_S = 0.05


@dataclass(slots=True)
class Place:
    """The folder that a run works in; `taken` is what became of it, once it is over. In a `hurry` nothing is waited for for long."""

    folder: Path
    hurry: bool = False
    taken: Taken | None = field(default=None)

    @property
    def work(self) -> Work:
        """What was done in it."""
        return self.taken.work if self.taken else trees.NOTHING


def with_base(order: Order, repository: Repository) -> Order:
    """The order with the commit that its worktree is made of: HEAD, where the run has none. Raises OctojobsError when there is none."""
    if order.whose.base or order.sandbox.backend is Backend.NONE:
        return order
    head = repository.head().commit
    if head is None:
        raise OctojobsError("there is no commit that a worktree could be made of", "commit something")
    return replace(order, whose=replace(order.whose, base=head))


@contextmanager
def place_of(repository: Repository, order: Order, environ: Mapping[str, str]) -> Iterator[Place]:
    """The run's place: its worktree, or with the backend `none` the main one. Raises OctojobsError when it can't be made.

    A sandbox ends with this process, and this process with the shim: nothing of a run goes on in it that nobody watches.
    """
    backend = order.sandbox.backend
    if backend is Backend.NONE:
        yield Place(repository.main_worktree)
        return
    try:
        enclosure.require_usable(backend, environ)
        if backend is Backend.BUBBLEWRAP:
            platform.end_with_parent(os.getppid())
        _take_in(repository, order)
        trees.make(repository, order.paths, order.whose, order.tree)
        _require_approved(repository, order)
    except OSError as error:
        raise OctojobsError(f"its worktree can't be made: {error}") from error
    platform.set_subreaper()
    place = Place(order.tree)
    try:
        yield place
    finally:
        end_stragglers(order.grace_s * _IN_A_HURRY if place.hurry else LINGER_S)
        place.taken = trees.close(repository, order.paths, order.whose, order.tree)


def _require_approved(repository: Repository, order: Order) -> None:
    """Raise OctojobsError for a file that the job names and that nobody has approved as it is in the worktree, which goes then."""
    if why := "; ".join(objections(order.tree, order.pins, order.pins)):
        run_worktrees.remove(repository, order.tree)
        raise OctojobsError(why.replace("on disk", f"at {order.whose.base[:7]}"))


def end_stragglers(linger_s: float) -> None:
    """Wait for the descendants that outlive the run's process, and kill those that go on. Everything that ends here is reaped."""
    give_up_at = time.monotonic() + linger_s
    while platform.reap() and (left := platform.descendants(os.getpid())):
        if time.monotonic() >= give_up_at:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() >= give_up_at + LINGER_S:
                return
        select.select((), (), (), _LOOK_S)


def _take_in(repository: Repository, order: Order) -> None:
    """What earlier runs have left, because they were killed, is kept now; a failure is told, and is no reason not to run."""
    try:
        for taken in trees.take_in(repository, order.paths):
            say(f"{taken.whose.run} was killed and left a worktree")
            report(order.paths, taken)
    except (OctojobsError, OSError) as error:
        say(f"what killed runs have left stays: {error}")
