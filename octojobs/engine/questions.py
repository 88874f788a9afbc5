"""Runs by hand of agents that no job need name: whom they ask is looked up in the definitions in force, each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from octojobs.core.agent import Agent
from octojobs.core.definitions import Definitions
from octojobs.core.identity import ASKED, JobId
from octojobs.core.job import Job
from octojobs.core.run import Run
from octojobs.engine.asked import NoSuchAgent, Refused
from octojobs.errors import InvalidDefinitions, OctojobsError, UsageError
from octojobs.repository import Repository
from octojobs.store.requests import Request


def jobs_for(request: Request, definitions: Definitions) -> Mapping[JobId, Job]:
    """The jobs that the request may mean: those that are declared, and the one that its question makes. Raises Refused."""
    if request.question is None:
        return definitions.jobs
    from octojobs.config.by_hand import asked  # most repositories ask no agent

    try:
        return {**definitions.jobs, ASKED: asked(definitions, request.question)[0]}
    except (UsageError, InvalidDefinitions) as wrong:
        raise NoSuchAgent(str(wrong)) from None
    except OctojobsError as refused:
        raise Refused(str(refused)) from None


def agents_for(job: Job, definitions: Definitions) -> Mapping[str, Agent]:
    """The agents that a run of the job may ask."""
    if job.id != ASKED:
        return definitions.agents
    from octojobs.config.by_hand import agents_with  # as above

    return agents_with(definitions, job)


def pins_for(run: Run, definitions: Definitions, repository: Repository | None) -> Mapping[str, str]:
    """The pins that the worktree of the run is held to. What its commit has where an agent that is asked by hand looks, and no plan
    has approved, is pinned to nothing. Raises GitFailed.
    """
    if run.job != ASKED or not definitions.keeps_plan or repository is None:
        return definitions.pins
    from octojobs.config.pins import UNAPPROVED, PinFinder  # as above

    alone = replace(definitions, jobs={ASKED: run.definition}, agents=agents_for(run.definition, definitions))
    found = PinFinder(repository).find(run.commit or "HEAD", (alone,))
    return {**dict.fromkeys((*found.files, *found.odd), UNAPPROVED), **definitions.pins}
