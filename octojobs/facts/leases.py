"""Our own leases, `leases/*.json` in the state folder: which hold, which ended unhandled, and which can't be read.

The form of a lease is defined in `core/lease.py`. A lease of a process of our own open runs (one that a job holds) shows no agent.
"""

from __future__ import annotations

import os
from dataclasses import replace

from octojobs.core.hold import run_of
from octojobs.core.lease import Lease, NotALease, from_json, shared
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.files import children, read_json
from octojobs.facts.sightings import Agent, Found
from octojobs.platform import lives
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """A lease in a file, and whether it holds; `where` is how people know the file, `run` the run of ours that has it, or ""."""

    lease: Lease
    holds: bool
    where: str
    run: str = ""


@dataclass(frozen=True, slots=True)
class Leases:
    """All leases by name of their file, and what could not be read, in words."""

    standing: tuple[Standing, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def holding(self) -> tuple[Lease, ...]:
        """Those that hold."""
        return tuple(one.lease for one in self.standing if one.holds)


def read(context: FactContext) -> Leases:
    """Every lease, read once a look; Unreadable when the folder can't be listed."""
    return context.once("leases", lambda: _read_all(context))


def look(context: FactContext) -> Found:
    """The agents that leases name."""
    found = read(context)
    agents = [(one.holds, _agent(one)) for one in found.standing if not _is_ours(one, context.own_sessions)]
    running, ended = (tuple(agent for holds, agent in agents if holds is wanted) for wanted in (True, False))
    return Found(running, ended, found.unreadable)


def on(args: tuple[str, ...], context: FactContext) -> Leases:
    """The leases on one thing, of which there may be several: `args` are the kind (`task`, `name`, `branch`, `worktree`) and which."""
    kind, wanted = args
    if kind == "worktree":
        wanted = os.path.realpath(context.root / wanted)
    found = read(context)
    return Leases(tuple(one for one in found.standing if _held(one.lease, kind, context) == wanted), found.unreadable)


def against(args: tuple[str, ...], context: FactContext) -> Leases:
    """The leases that are in the way of a hold, worktrees by their real paths; `args` are worktree, branch, name and the paths."""
    worktree, branch, name, *paths = args
    wanted = Lease("", name=name, branch=branch, worktree=os.path.realpath(context.root / worktree) if worktree else "", paths=tuple(paths))
    found = read(context)
    compared = (replace(one, lease=_resolved(one.lease, context)) for one in found.standing)
    return Leases(tuple(one for one in compared if shared(wanted, one.lease)), found.unreadable)


def _resolved(lease: Lease, context: FactContext) -> Lease:
    return replace(lease, branch=_held(lease, "branch", context), worktree=_held(lease, "worktree", context))


def _held(lease: Lease, kind: str, context: FactContext) -> str:
    held: str = getattr(lease, kind)
    if kind == "worktree" and held:
        return os.path.realpath(context.root / held)
    return f"refs/heads/{held}" if kind == "branch" and held and not held.startswith("refs/") else held


def _read_all(context: FactContext) -> Leases:
    standing, unreadable = [], []
    for path in children(context.state / "leases"):
        if path.suffix != ".json" or path.name.startswith("."):
            continue  # a writer's temporary file
        where = f"lease {path.name}"
        try:
            data = read_json(path, where)
            if data is not None:  # else it was given back while we looked
                standing.append(_judged(from_json(data), path.stem, context))
        except Unreadable as error:
            unreadable.append(str(error))
        except NotALease as error:
            unreadable.append(f"{where} {error}")
    return Leases(tuple(standing), tuple(unreadable))


def _judged(lease: Lease, name: str, context: FactContext) -> Standing:
    where = f"lease {name}.json"
    alive = lives(lease.process) if lease.process is not None else None
    holds = lease.holds(context.now, alive=alive)
    if holds is None:
        pid = lease.process.pid if lease.process is not None else 0
        raise Unreadable(f"whether process {pid} of {where} is alive can't be told")
    return Standing(lease, holds, where, run_of(name))


def _agent(one: Standing) -> Agent:
    lease = one.lease
    return Agent(lease.holder, lease.process.pid if lease.process is not None else None, lease.task, lease.since, one.where)


def _is_ours(one: Standing, own_sessions: frozenset[int]) -> bool:
    return bool(one.run) or (one.lease.process is not None and one.lease.process.pid in own_sessions)
