"""Our own leases as signs of agents: `leases/*.json` in the state folder.

A lease is `{"v": 1, "holder": NAME, "pid": N, "start_ticks": N, "boot_id": TEXT, "until": INSTANT, "task": ID, "since": INSTANT}`.
`holder` and one of a process (`pid`, `start_ticks`, `boot_id`: all three) or a term (`until`) must be there. A lease with a
process holds as long as that very process lives, whatever its term says: a suspended laptop lets terms pass. One
without holds until its term ends. A lease that no longer holds and still lies there was not handled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from octojobs.core.codec import NotDecodable, parse_instant
from octojobs.core.run import Process
from octojobs.facts.fact import FactContext, Unreadable
from octojobs.facts.files import children, read_json
from octojobs.facts.sightings import Agent, Found, merge
from octojobs.platform import is_alive


def look(context: FactContext) -> Found:
    """The agents that leases name; Unreadable when the folder can't be listed."""
    found = []
    for path in children(context.state / "leases"):
        if path.suffix != ".json" or path.name.startswith("."):
            continue  # a writer's temporary file
        try:
            found.append(_read(path, context))
        except Unreadable as error:
            found.append(Found(unreadable=(str(error),)))
    return merge(found)


def _read(path: Path, context: FactContext) -> Found:
    shown = f"lease {path.name}"
    lease = read_json(path, shown)
    if lease is None:
        return Found()  # given back while we looked
    if not isinstance(lease, dict) or not isinstance(lease.get("holder"), str):
        raise Unreadable(f"{shown} names no holder")
    holder, task = lease["holder"], str(lease.get("task") or "")
    process, until, since = _process(lease, shown), _instant(lease, "until", shown), _instant(lease, "since", shown)
    if process is None and until is None:
        raise Unreadable(f"{shown} names neither a process nor a term")
    holds: bool | None = until is not None and context.now < until
    if process is not None:
        holds = is_alive(process)
    if holds is None:
        raise Unreadable(f"whether process {process.pid if process else 0} of {shown} is alive can't be told")
    pid = process.pid if process is not None else None
    if holds:
        return Found(running=(Agent(holder, pid, task, since, shown),))
    return Found(unhandled=(Agent(holder, pid, task, since, shown),))


def _process(lease: Mapping[str, Any], shown: str) -> Process | None:
    pid, ticks, boot = lease.get("pid"), lease.get("start_ticks"), lease.get("boot_id")
    if pid is None and ticks is None and boot is None:
        return None
    if type(pid) is int and type(ticks) is int and isinstance(boot, str) and pid > 0:
        return Process(pid, ticks, boot)
    raise Unreadable(f"{shown} names a process without all of pid, start_ticks and boot_id")


def _instant(lease: Mapping[str, Any], key: str, shown: str) -> datetime | None:
    if lease.get(key) is None:
        return None
    try:
        return parse_instant(lease[key])
    except NotDecodable as error:
        raise Unreadable(f"{shown}: {key}: {error}") from None
