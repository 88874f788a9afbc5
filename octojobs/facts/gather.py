"""Gathers facts: each key once, commands side by side, and whatever goes wrong is an unknown fact with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from octojobs.errors import OctojobsError
from octojobs.facts import agents, ci, files, git, idle, leases, machine, octopoid, pull_requests, queues, slots, spending
from octojobs.facts.activity import latest_activity
from octojobs.facts.commands import ask_command, ask_function
from octojobs.facts.fact import Fact, FactContext, FactKey, Known, Unknown, Unreadable, one_line

log = logging.getLogger(__name__)

SIDE_BY_SIDE = 4  # commands of guards that run at once: each may take 30 s, and a tick waits for all of them


def last_activity(context: FactContext) -> datetime:
    """When somebody last did something here, aware UTC; see `latest_activity`. Raises Unreadable where nothing tells of it."""
    found = latest_activity(context.state, context.repository.common_dir if context.repository is not None else None)
    if found is None:
        raise Unreadable("neither last_activity nor git's log of HEAD is there")
    return found


GATHERERS: Mapping[str, Callable[[tuple[str, ...], FactContext], Any]] = {
    "activity": lambda _, context: last_activity(context),
    "agent_worktrees": lambda _, context: idle.agent_worktrees(context),
    "agents": lambda _, context: context.once("agents", lambda: agents.gather(context)),
    "ahead": git.ahead,
    "changes": git.changes,
    "ci": ci.ci,
    "command": ask_command,
    "dirty": lambda _, context: context.git.is_dirty(untracked=True),
    "file": lambda args, context: files.exists(context.root / args[0], args[0]),
    "free_bytes": machine.free_bytes,
    "function": lambda args, context: ask_function(args[0], args[1], context),
    "idleness": lambda _, context: idle.idleness(context),
    "head": lambda _, context: context.git.head(),
    "leases": lambda _, context: leases.read(context),
    "leases_against": leases.against,
    "leases_on": leases.on,
    "load": machine.load,
    "merged": git.merged,
    "paused": lambda _, context: octopoid.paused_by(context),
    "power": machine.power,
    "pull_requests": pull_requests.pull_requests,
    "queue": queues.queue,
    "reach": machine.reach,
    "refs": lambda _, context: git.refs(context),
    "route": machine.route,
    "spent": spending.since,
    "slots": lambda _, context: slots.slots(context),
    "upstream": git.upstream,
}
"""How each fact is read, by its key's name; the value's type is that of the function that is called."""

_SLOW = frozenset({"ci", "command", "function", "pull_requests", "reach"})


def gather(keys: Collection[FactKey], context: FactContext) -> Mapping[FactKey, Fact]:
    """The fact of each key, looked up once however often it is named. Never raises."""
    wanted = list(dict.fromkeys(keys))
    slow = [key for key in wanted if key.name in _SLOW]
    facts: dict[FactKey, Fact] = {}
    if slow:
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(slow)), "octojobs-guard") as pool:
            facts.update(zip(slow, pool.map(lambda key: _gather_one(key, context), slow), strict=True))
    for key in wanted:
        if key not in facts:
            facts[key] = _gather_one(key, context)
    return facts


def _gather_one(key: FactKey, context: FactContext) -> Fact:
    if key.name in _SLOW and not context.may_run:
        return Unknown("not asked: nobody has allowed what it would run here")
    try:
        return Known(GATHERERS[key.name](key.args, context))
    except Unreadable as error:
        why = str(error)
    except OctojobsError as error:
        why = error.what
    except Exception as error:  # noqa: BLE001 -- one fact's bug must stop neither the tick nor the other jobs
        why = f"{type(error).__name__}: {error}"
    log.warning("the fact %s can't be told: %s", key.name, one_line(why))
    return Unknown(one_line(why))
