"""What somebody asks an agent by hand, as a job that no file declares."""

from __future__ import annotations

from octojobs.core.agent import Agent
from octojobs.core.identity import ASKED
from octojobs.core.job import AgentAction, Job, Limits
from octojobs.core.when import ManualWhen
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, taken as it stands, and whom it is for; `model`, `max_turns` and `allowed_tools` as in a job, `timeout_s` in seconds.

    It says nothing of programs, folders or environments: those are the agent's, as the definitions in force have it.
    """

    agent: str
    prompt: str
    model: str = ""
    max_turns: int | None = None
    allowed_tools: tuple[str, ...] = ()
    timeout_s: float | None = None


def asked_job(question: Question, agent: Agent) -> Job:
    """The job of a run that asks the agent. An agent's `pre_check` is none of its guards: somebody has said that there is work.

    >>> from octojobs.core.agent import Profile
    >>> asked_job(Question("mine", "Is it green?"), Agent("mine", Profile("generic", ("cat",)))).id
    '_agent'
    """
    action = AgentAction(
        prompt=question.prompt,
        agent=agent.name,
        model=question.model,
        max_turns=question.max_turns,
        allowed_tools=question.allowed_tools,
        provider=agent.provider,
        verbatim=True,
    )
    return Job(ASKED, ManualWhen(), action, limits=Limits(timeout_s=question.timeout_s))
