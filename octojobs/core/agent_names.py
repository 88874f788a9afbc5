"""What an agent is called, and where the repository's own texts of it stand."""

from __future__ import annotations

from octojobs.core.job import AgentAction

DEFAULT_AGENT = "claude"
"""The agent of a job that names none."""
AGENTS_FOLDER = ".octopoid/agents"


def agent_of(action: AgentAction) -> str:
    """The name of the action's agent."""
    return action.agent or DEFAULT_AGENT


def texts_of(name: str) -> tuple[str, ...]:
    """The paths of an agent's own texts, in the order in which they stand before a job's prompt; any may be missing."""
    return f"{AGENTS_FOLDER}/{name}/prompt.md", f"{AGENTS_FOLDER}/{name}/instructions.md"
