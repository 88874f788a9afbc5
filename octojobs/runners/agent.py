"""Agent jobs: the order to `agent_host.py`, which runs the agent's program and reads what it prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from octojobs.core.agent import Agent, refusal
from octojobs.core.agent_names import agent_of
from octojobs.core.codec import encode
from octojobs.core.job import AgentAction, Job, Limits
from octojobs.core.run import Run
from octojobs.runners.base import NotPreparable
from octojobs.runners.sandbox.order import Order
from octojobs.slotted import dataclass

HOST = Path(__file__).with_name("agent_host.py")
PROMPT = "OCTOJOBS_PROMPT"
"""Takes the prompt to the host: the environment is for the user's eyes, an argument for everybody's. The program does not get it."""
LONGEST = 100_000
"""Bytes of a prompt in the definitions, and of one that a program takes as an argument: the system's own bound is 128 KB."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of the job is carried out with: the agent, the limits, its profile's share of the daemon's environment."""

    agent: Agent
    action: AgentAction
    limits: Limits
    env: Mapping[str, str] = field(repr=False)


def planned(job: Job, action: AgentAction, agents: Mapping[str, Agent], environ: Mapping[str, str]) -> Plan:
    """The plan. The job's own limits come before the profile's. Raises NotPreparable: no such agent, or one that can't do it."""
    name = agent_of(action)
    agent = agents.get(name)
    if agent is None:
        raise NotPreparable(f'there is no agent "{name}" in the definitions; write .octopoid/agents/{name}/agent.yaml, or name another')
    if why := refusal(agent, action):
        raise NotPreparable(why)
    if len(action.prompt.encode()) > LONGEST:
        raise NotPreparable(f"its prompt has more than {LONGEST:,} bytes; commit it as a file, and name that in `prompt_file:`")
    profile, limits = agent.profile, job.limits
    limits = replace(
        limits,
        timeout_s=profile.wall_s if limits.timeout_s is None else limits.timeout_s,
        idle_timeout_s=profile.idle_s if limits.idle_timeout_s is None else limits.idle_timeout_s,
    )
    return Plan(agent, action, limits, {name: environ[name] for name in profile.pass_env if name in environ})


def agent_argv(run: Run, plan: Plan, place: Order) -> tuple[str, ...]:
    """The argument vector of the host: octojobs itself, whatever the repository has (`-E`, `-P`).

    Prompt and texts of the agent are not in it: the host reads them at the commit that the definitions were read at.
    """
    order = {
        "place": encode(place),
        "definitions": run.definitions,
        "agent": encode(plan.agent),
        "action": encode(replace(plan.action, prompt="")),
    }
    return (sys.executable, "-E", "-P", str(HOST), json.dumps(order, ensure_ascii=False))
