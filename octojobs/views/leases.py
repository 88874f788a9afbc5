"""A lease as a view: what is held, by whom, and how long."""

from __future__ import annotations

from octojobs.core.hold import run_of
from octojobs.core.lease import Lease
from octojobs.store.leases import Kept
from octojobs.views.values import View, instant


def lease_view(kept: Kept) -> View:
    """One line of `lease list`; `holds` is None when nobody can tell, and `problem` says why then."""
    lease = kept.lease or Lease("")
    return {
        "lease": kept.name,
        "holder": lease.holder,
        "task": lease.task,
        "name": lease.name,
        "branch": lease.branch,
        "worktree": lease.worktree,
        "paths": list(lease.paths),
        "run": run_of(kept.name),
        "pid": lease.process.pid if lease.process is not None else None,
        "since": instant(lease.since),
        "until": instant(lease.until),
        "holds": kept.holds,
        "problem": kept.problem,
    }
