"""The fact `agents`: every running agent that can be seen, every one that ended unhandled, every place that can't be read.

Five places are looked into: our own leases, octopoid's lists of pids, octopoid's scheduler lock, the agents' worktrees,
agent-queue's sentinels. Each can fail by itself: what the others saw still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from octojobs.errors import GitFailed
from octojobs.facts import leases, octopoid, worktrees
from octojobs.facts.fact import FactContext, Unreadable, one_line
from octojobs.facts.sightings import Agent, Found
from octojobs.slotted import dataclass

PLACES: tuple[tuple[str, Callable[[FactContext], Found]], ...] = (
    ("leases", leases.look),
    ("octopoid's pids", octopoid.look_at_pids),
    ("octopoid's scheduler lock", octopoid.look_at_scheduler_lock),
    ("worktrees", worktrees.look),
    ("sentinels", worktrees.look_at_sentinels),
)


@dataclass(frozen=True, slots=True)
class Agents:
    """What was seen of agents, each once; `places` are the names of what was looked into."""

    running: tuple[Agent, ...]
    unhandled: tuple[Agent, ...]
    unreadable: tuple[str, ...]
    places: tuple[str, ...]


def gather(context: FactContext) -> Agents:
    """Look into every place. Never raises for what can't be read: that is in `unreadable`, in words."""
    running: list[Agent] = []
    unhandled: list[Agent] = []
    unreadable: list[str] = []
    for _, look in PLACES:
        try:
            found = look(context)
        except Unreadable as error:
            unreadable.append(str(error))
            continue
        except GitFailed as error:
            unreadable.append(error.what)
            continue
        running += found.running
        unhandled += found.unhandled
        unreadable += found.unreadable
    return Agents(_once(running), tuple(unhandled), tuple(dict.fromkeys(unreadable)), tuple(name for name, _ in PLACES))


def _once(running: Iterable[Agent]) -> tuple[Agent, ...]:
    """An agent that two places show under one pid is one agent; the first place knows it by name."""
    kept: dict[object, Agent] = {}
    for number, agent in enumerate(running):
        kept.setdefault(agent.pid if agent.pid is not None else (number,), agent)
    return tuple(kept.values())


def describe(agent: Agent, show_time: Callable[[datetime], str]) -> str:
    """One agent in words: `implementer-1, pid 48213, task 7e0e8c52, since 13:40`."""
    parts = [one_line(agent.name, 120)]
    if agent.pid is not None:
        parts.append(f"pid {agent.pid}")
    if agent.task:
        parts.append(f"task {one_line(agent.task, 60)}")
    if agent.since is not None:
        parts.append(f"since {show_time(agent.since)}")
    return ", ".join(parts)
