"""Agents seen by their worktrees: locked by git, lived in by a process, or marked with agent-queue's sentinel.

Which worktrees are agents' is told by `agent_worktrees` in `octojobs.yaml`: a person's own terminal in a linked worktree, or a
worktree locked because it lies on a stick, is no agent.

Whose processes count: those that let us see their working folder. A process of another user hides it. Such a process is
taken for a possible agent only where the worktree is that user's own: an agent works in a tree that it owns, and a daemon
that took every root process of the machine for a maybe would never pass the guard. Programs of our own user that hide
(ssh-agent, sudo) guard secrets and are no agents.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from octojobs.facts.fact import FactContext, Unreadable, one_line, reason_of
from octojobs.facts.files import folders, modified_at, read_bytes
from octojobs.facts.git import worktrees
from octojobs.facts.processes import Inhabitants, inhabitants
from octojobs.facts.sightings import Agent, Found, merge

SENTINEL = ".agent-queue-lock"


def look(context: FactContext) -> Found:
    """The agents' worktrees that git holds locked, or in which a process lives."""
    places = agent_folders(context)
    return look_into(places, context) if places else Found()


def look_into(places: Sequence[Path], context: FactContext) -> Found:
    """The same for worktrees that are named by their real paths, agents' or not. Raises Unreadable."""
    locks = {_real(tree.path): tree.locked for tree in worktrees(context)[1:] if tree.locked is not None}
    there = inhabitants(places, context.own_sessions)
    return merge([_look_at(place, locks.get(place), there, context) for place in places])


def _look_at(place: Path, lock: str | None, there: Inhabitants, context: FactContext) -> Found:
    shown = context.shown(place)
    inside = there.inside.get(place, ())
    if inside:
        first, more = inside[0], f" and {len(inside) - 1} more" if len(inside) > 1 else ""
        agent = Agent(f"worktree {shown} ({one_line(first.name, 40)}{more})", first.pid, "", first.since, shown)
        return Found(running=(agent,))
    if lock is not None:
        why = f": {one_line(lock, 60)}" if lock else ""
        return Found(running=(Agent(f"worktree {shown} (locked by git{why})", None, "", None, shown),))
    owner = _owner(place, shown)
    if owner != os.getuid() and owner in there.hidden_uids:
        return Found(unreadable=(f"worktree {shown} belongs to user {owner}, whose processes hide their folders",))
    return Found()


def look_at_sentinels(context: FactContext) -> Found:
    """The agents that agent-queue's sentinels name (`task id`, then `agent id`): in every worktree and every agents' folder.

    A sentinel names no process, so one that a crash left behind counts until agent-queue or a person removes it.
    """
    places = [_real(tree.path) for tree in worktrees(context) if not tree.bare] or [context.root]
    found = []
    for place in dict.fromkeys([*places, *agent_folders(context)]):
        path = place / SENTINEL
        shown = context.shown(path)
        try:
            data, at = read_bytes(path, shown), modified_at(path, shown)
        except Unreadable as error:
            found.append(Found(unreadable=(str(error),)))
            continue
        if data is not None:
            task, _, agent = data.decode("utf-8", "replace").strip().partition("\n")
            since = datetime.fromtimestamp(at, UTC) if at is not None else None
            found.append(Found(running=(Agent(f"{agent.strip() or 'agent-queue'} ({shown})", None, task, since, shown),)))
    return merge(found)


def agent_folders(context: FactContext) -> list[Path]:
    """The folders that the patterns match now, as real paths, each once."""
    patterns = context.settings.agent_worktrees
    return list(dict.fromkeys(_real(folder) for pattern in patterns for folder in folders(context.root, pattern)))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _owner(place: Path, shown: str) -> int:
    try:
        return os.stat(place).st_uid
    except OSError as error:
        raise Unreadable(f"worktree {shown} can't be read: {reason_of(error)}") from None
