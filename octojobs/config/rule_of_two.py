"""The rule of two: what strangers write, secrets, and effects outside don't come together in an agent's job by accident."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from octojobs.core.agent import Agent
from octojobs.core.agent_names import agent_of
from octojobs.core.guards import conditions_in
from octojobs.core.job import AgentAction, Job
from octojobs.core.placeholders import UNTRUSTED, mentioned
from octojobs.core.sandbox import Backend, Sandbox
from octojobs.core.when import TaskWhen
from octojobs.errors import Problem

ACCEPTED = "untrusted-input-with-secrets"

_OF_STRANGERS = frozenset({"has_open_prs", "has_stale_prs", "queue_not_empty"})
_WEB = frozenset({"webfetch", "websearch", "web_fetch", "google_web_search"})
_CREDENTIAL = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "AUTH_SOCK")
_OF_MODELS = (
    "ANTHROPIC_",
    "AZURE_OPENAI_",
    "CLAUDE_",
    "CODEX_",
    "DEEPSEEK_",
    "GEMINI_",
    "GOOGLE_",
    "GROQ_",
    "MISTRAL_",
    "OPENAI_",
    "OPENROUTER_",
    "XAI_",
)


def violations(jobs: Iterable[Job], known: Mapping[str, Agent]) -> Iterator[Problem]:
    """A problem for each agent job that has all three, and does not say that this is meant."""
    for job in jobs:
        action = job.action
        if not isinstance(action, AgentAction) or action.i_accept == ACCEPTED:
            continue
        agent = known.get(agent_of(action))
        read, held = untrusted_input(job, action, agent), secrets_of(job, agent)
        if read and held and has_effects(job.apart):
            what = f"it reads what strangers write ({read}), has secrets ({', '.join(held)}), and can reach others"
            fix = f"take one of them away, such as the network with a sandbox, or write `i_accept: {ACCEPTED}`"
            yield Problem(job.source.path, job.source.line, 1, f'job "{job.id}": {what}', fix)


def untrusted_input(job: Job, action: AgentAction, agent: Agent | None) -> str:
    """What of the definitions gives the agent the words of strangers, "" when nothing does."""
    for name in UNTRUSTED:
        if name in mentioned(action.prompt):
            return f"${{{name}}} in its prompt"
    if isinstance(job.when, TaskWhen):
        return "a task that starts it"
    for condition in conditions_in(job.conditions):
        if condition.name in _OF_STRANGERS:
            return condition.name
    tools = action.allowed_tools or (agent.allowed_tools if agent is not None else ())
    return next((tool for tool in tools if tool.partition("(")[0].lower() in _WEB), "")


def secrets_of(job: Job, agent: Agent | None) -> tuple[str, ...]:
    """The names of the job's secrets, and of variables that it or its agent is given and that are called like one.

    The keys of models don't count: no agent is without one.
    """
    given = (*job.pass_env, *job.env, *(agent.profile.pass_env if agent is not None else ()))
    named = (name for name in given if any(word in name.upper() for word in _CREDENTIAL) and not name.startswith(_OF_MODELS))
    return tuple(dict.fromkeys((*job.secrets, *named)))


def has_effects(sandbox: Sandbox) -> bool:
    """Whether a run can reach others: only a sandbox without a network keeps it from that."""
    return sandbox.backend in (Backend.NONE, Backend.WORKTREE) or bool(sandbox.network)
