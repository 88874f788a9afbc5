"""An agent's job that reads what strangers write, has secrets and can reach others is refused, unless it says that this is meant."""

from __future__ import annotations

import pytest

from tests.config.loading import problems

AGENT_FILE = ".octopoid/agents/mine/agent.yaml"
SECRET = "secrets: [DEPLOY_KEY]"  # the name of one
RESULT = "prompt: 'It said ${result}'"


def refused(*fields: str, agent: str = "") -> list[str]:
    """What is wrong with an agent job of these fields."""
    text = ", ".join(("prompt: Look" if not any(one.startswith("prompt") for one in fields) else "", *fields)).strip(", ")
    due = "" if "on:" in text else "manual: true, "
    return problems(f"jobs:\n  a: {{{due}agent: mine, {text}}}\n", more={AGENT_FILE: f"profile: claude\n{agent}"})


def told(read: str, held: str) -> list[str]:
    """The message."""
    return [
        (
            f'2:1: job "a": it reads what strangers write ({read}), has secrets ({held}), and can reach others; '
            "take one of them away, such as the network with a sandbox, or write `i_accept: untrusted-input-with-secrets`"
        )
    ]


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ((RESULT,), "${result} in its prompt"),
        (("prompt: 'Why {reason}?'",), "${reason} in its prompt"),
        (("prompt: 'See ${changed_files}'",), "${changed_files} in its prompt"),
        (("on: {task: {state: incoming}}",), "a task that starts it"),
        (("conditions: [{not: {has_stale_prs: {}}}]",), "has_stale_prs"),
        (("conditions: [has_open_prs]",), "has_open_prs"),
        (("allowed_tools: [Read, 'WebFetch(domain:x.org)']",), "WebFetch(domain:x.org)"),
    ],
)
def test_what_strangers_write_and_secrets_do_not_come_together(fields: tuple[str, ...], read: str) -> None:
    """Each by itself is no harm."""
    assert refused(*fields, SECRET) == told(read, "DEPLOY_KEY")
    assert refused(*fields) == []


def test_secrets_alone_are_no_harm() -> None:
    """Nobody else has a say in what the agent does with them."""
    assert refused(SECRET) == []


@pytest.mark.parametrize(
    ("fields", "agent", "held"),
    [
        (("pass_env: [GH_TOKEN, EDITOR]",), "", "GH_TOKEN"),
        (("env: {NPM_API_KEY: x, COLOR: 'no'}",), "", "NPM_API_KEY"),
        (("pass_env: [SSH_AUTH_SOCK]",), "", "SSH_AUTH_SOCK"),
        ((), "env: {pass: [ANTHROPIC_API_KEY, GITHUB_TOKEN]}\n", "GITHUB_TOKEN"),
    ],
)
def test_a_variable_that_is_called_like_a_secret_is_one(fields: tuple[str, ...], agent: str, held: str) -> None:
    """Whether the job has it or its agent; the key of the model itself is not counted, since no agent is without one."""
    assert refused(RESULT, *fields, agent=agent) == told("${result} in its prompt", held)


def test_the_tools_of_the_agent_count_where_the_job_names_none() -> None:
    """What it may use is what its file says then."""
    assert refused(SECRET, agent="allowed_tools: [WebSearch]\n") == told("WebSearch", "DEPLOY_KEY")
    assert refused(SECRET, "allowed_tools: [Read]", agent="allowed_tools: [WebSearch]\n") == []


def test_whoever_means_it_says_so() -> None:
    """In the words that name the risk, and no others."""
    assert refused(RESULT, SECRET, "i_accept: untrusted-input-with-secrets") == []
    (problem,) = refused(RESULT, SECRET, "i_accept: 'yes'")
    assert 'i_accept: "yes" is not allowed' in problem or "untrusted-input-with-secrets" in problem
