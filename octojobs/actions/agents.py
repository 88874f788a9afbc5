"""The agents that jobs may ask, and what they have used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from octojobs import process
from octojobs.actions.history import known_job
from octojobs.actions.workspace import Workspace
from octojobs.config.agents import missing, read_agent, shipped, shipped_profile
from octojobs.config.contents import Contents
from octojobs.config.files import is_agent
from octojobs.core.agent import Agent
from octojobs.core.agent_names import agent_of
from octojobs.core.definitions import AGENTS_POOL
from octojobs.core.job import AgentAction, Job
from octojobs.core.usage import by_day, summed
from octojobs.errors import UsageError
from octojobs.facts.fact import one_line
from octojobs.slotted import dataclass
from octojobs.store.usage import used
from octojobs.views.agents import limit_view, sum_view, usage_view
from octojobs.views.values import View

ANSWERS_WITHIN_S = 10.0
"""How long a program may take to say its version: some are a second of JavaScript."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An agent by its name, None when its file is wrong, and why; `path` is the file's, "" for one that is shipped."""

    name: str
    path: str
    agent: Agent | None
    problem: str = ""


def list_agents(workspace: Workspace) -> list[View]:
    """Those of the repository, then the shipped ones that no file of it replaces; each an agent of `agent list`.

    A shipped program is asked for its version. One that the repository names is only looked for: it may do anything.
    """
    found = [*_declared(workspace)]
    names = {one.name for one in found}
    found += [_Found(name, "", Agent(name, shipped_profile(name))) for name in shipped() if name not in names]
    found = [one for one in found if one.agent is None or one.agent.profile.command]
    ledger, now = workspace.ledger(), workspace.clock.now()
    in_force = workspace.in_force
    declared = in_force.jobs.values() if in_force is not None else ()
    asking = [(job, agent_of(job.action)) for job in declared if isinstance(job.action, AgentAction)]

    def view(one: _Found) -> View:
        provider = one.agent.provider if one.agent is not None else ""
        limit = limit_view(provider, ledger.limit(provider, now))
        return {**_view(workspace, one, [job for job, name in asking if name == one.name]), "provider": provider or None, "limit": limit}

    with ThreadPoolExecutor(max(1, len(found)), "octojobs-agents") as pool:
        return list(pool.map(view, found))


def _declared(workspace: Workspace) -> Iterator[_Found]:
    files = Contents(workspace.source).look()
    for path in sorted(filter(is_agent, files)):
        name = path.split("/")[-2]
        made = read_agent(name, path, files[path][1])
        yield _Found(name, path, made.agent, str(made.problems[0]) if made.problems else "")


def _view(workspace: Workspace, found: _Found, jobs: Sequence[Job]) -> View:
    agent = found.agent
    program = agent.profile.command[0] if agent is not None else ""
    place = _place(workspace, program) if program else None
    return {
        "agent": found.name,
        "file": found.path or None,
        "profile": agent.profile.name if agent is not None else None,
        "program": program or None,
        "found": place,
        "version": _version(place, workspace.environ) if agent is not None and place and _is_shipped(agent) else None,
        "jobs": [str(job.id) for job in jobs],
        "pools": sorted({job.pool or AGENTS_POOL for job in jobs}) or [AGENTS_POOL],
        "problem": found.problem,
    }


def _place(workspace: Workspace, program: str) -> str | None:
    """Where the program is; None when it is not there."""
    if "/" in program:
        path = workspace.root / program
        return str(path) if os.access(path, os.X_OK) and not path.is_dir() else None
    return shutil.which(program, path=workspace.environ.get("PATH"))


def _is_shipped(agent: Agent) -> bool:
    """Whether its program is the one of a shipped profile, of which it is known that it tells its version."""
    return agent.profile.name in shipped() and agent.profile.command[:1] == shipped_profile(agent.profile.name).command[:1]


def _version(program: str, environ: Mapping[str, str]) -> str | None:
    try:
        done = process.run([program, "--version"], timeout_s=ANSWERS_WITHIN_S, env=environ, cwd="/")
    except OSError:
        return None
    words = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return one_line(words[0], 80) if done.ok and words else None


def usage(workspace: Workspace, job: str | None, agent: str | None, since: datetime | None) -> View:
    """What agents have used: `usage` (by day, job and agent, the newest day first), `total` and `problems` (what could not be read).

    Open runs count with the attempts that have ended. Raises UsageError for a job or an agent that nobody knows.
    """
    recorded = workspace.ledger()
    name = known_job(workspace, recorded, job) if job is not None else None
    ledger = used(workspace.paths, since, recorded.runs.values())
    if agent is not None and agent not in {one.usage.agent for one in ledger.spent}:
        _require_known(workspace, agent)
    spent = [one for one in ledger.spent if name in (None, one.job) and agent in (None, one.usage.agent)]
    return {
        "usage": [usage_view(key, total) for key, total in by_day(spent).items()],
        "total": sum_view(summed(spent)),
        "problems": list(ledger.problems),
    }


def agent_names(workspace: Workspace) -> list[str]:
    """The names of the agents of the repository and of the shipped ones, sorted."""
    return sorted({*shipped(), *(one.name for one in _declared(workspace))})


def _require_known(workspace: Workspace, agent: str) -> None:
    if agent not in agent_names(workspace):
        raise UsageError(*missing(agent))
