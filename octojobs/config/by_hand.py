"""What somebody asks by hand, as the definitions in force allow it: which agent that is, and which job its run is one of."""

from __future__ import annotations

from collections.abc import Mapping

from octojobs.config.agents import agent_named
from octojobs.config.rule_of_two import has_effects, secrets_of, untrusted_input
from octojobs.core.agent import Agent, refusal
from octojobs.core.definitions import Definitions
from octojobs.core.job import AgentAction, Job
from octojobs.core.question import Question, asked_job
from octojobs.errors import OctojobsError, UsageError

LONGEST = 100_000
"""Bytes of a prompt: it is recorded with the run, and the environment takes it to the process that asks."""


def asked(definitions: Definitions, question: Question) -> tuple[Job, Agent]:
    """The job, and the agent. Raises UsageError for an agent that is not there or can't do it, or a prompt that none can be given;
    InvalidDefinitions when the agent's file is wrong; OctojobsError for what the rule of two refuses.
    """
    _check_prompt(question.prompt)
    agent = agent_named(definitions, question.agent)
    job = asked_job(question, agent)
    action = job.action
    assert isinstance(action, AgentAction)
    if why := refusal(agent, action):
        raise UsageError(why)
    read, held = untrusted_input(job, action, agent), secrets_of(job, agent)
    if read and held and has_effects(job.apart):
        what = f"agent {agent.name} would read what strangers write ({read}), has secrets ({', '.join(held)}), and can reach others"
        raise OctojobsError(what, "take one of them away, or declare a job that says `i_accept:`")
    return job, agent


def agents_with(definitions: Definitions, job: Job) -> Mapping[str, Agent]:
    """The agents of the definitions, and with them the one that a run by hand asks, if there is such a one (still)."""
    action = job.action
    if not isinstance(action, AgentAction) or action.agent in definitions.agents:
        return definitions.agents
    try:
        return {**definitions.agents, action.agent: agent_named(definitions, action.agent)}
    except OctojobsError:
        return definitions.agents  # the run says that there is none


def _check_prompt(prompt: str) -> None:
    if not prompt.strip():
        raise UsageError("the prompt is empty")
    try:
        size = len(prompt.encode())
    except UnicodeEncodeError:
        raise UsageError("the prompt is not UTF-8") from None
    if "\0" in prompt:
        raise UsageError("the prompt has a NUL in it", "is it a text?")
    if size > LONGEST:
        raise UsageError(f"the prompt has {size:,} bytes, more than {LONGEST:,}", "name a file in it: the agent can read the repository")
