"""`agent.yaml` is a definition: read at the commit, checked with the jobs, wrong at a place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from octojobs.config.agents import read_agent, shipped, shipped_profile
from octojobs.core.agent import Agent
from tests.config.loading import load

PATH = ".octopoid/agents/mine/agent.yaml"
OCTOPOID = """\
role: gatekeeper
model: sonnet
max_turns: 100
interval_seconds: 120
spawn_mode: scripts
lightweight: false
job_agent: true
claim_from: provisional
max_instances: 1
allowed_tools:
  - Read
  - Bash
"""


def agent(text: str, name: str = "mine") -> Agent:
    """The agent that the text makes."""
    made = read_agent(name, PATH, text.encode())
    assert made.agent is not None, made.problems
    return made.agent


def problems(text: str) -> list[str]:
    """What is wrong with the text."""
    return [str(problem) for problem in read_agent("mine", PATH, text.encode()).problems]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_profile_is_right(name: str) -> None:
    """Its expressions compile, and whoever has sessions can be told which."""
    profile = shipped_profile(name)
    assert bool(profile.command) == (name != "generic")
    assert not profile.resume or profile.session
    assert ("{session_id}" in profile.command) == (profile.session == "ours")
    assert all("{session_id}" in argv and "{extra_args}" in argv for argv in (profile.resume,) if argv)


def test_octopoids_own_file_is_an_agent() -> None:
    """Claude with its role, model, turns and tools; what only octopoid reads is left alone."""
    found = agent(OCTOPOID)
    assert (found.profile.name, found.role, found.model, found.max_turns) == ("claude", "gatekeeper", "sonnet", 100)
    assert found.allowed_tools == ("Read", "Bash")


def test_a_profile_is_overridden_field_by_field() -> None:
    """The rest stays as it is shipped; an agent that is called as a profile is built on it."""
    found = agent("profile: codex\ntimeouts: {idle: 90s}\nenv: {pass: [KEY]}\n").profile
    codex = shipped_profile("codex")
    assert (found.idle_s, found.wall_s, found.pass_env, found.events) == (90, codex.wall_s, ("KEY",), codex.events)
    assert agent("model: m\n", "gemini").profile == shipped_profile("gemini")
    assert agent("").profile == shipped_profile("claude")


def test_a_program_of_its_own_is_not_taken_for_claude() -> None:
    """Without a profile its output is text."""
    assert agent("command: [my-agent]\n").profile.output == "text"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("modle: x\n", ':1:1: unknown field "modle"; did you mean "model"?'),
        ("profile: cluade\n", ':1:10: profile: there is no profile "cluade"; did you mean "claude"?'),
        ("prompt: tty\n", ":1:9: prompt: "),
        ("timeouts: {idle: soon}\n", ":1:18: timeouts.idle: "),
        ("output: jsonl\nevents:\n  - when: \"type == \"\n    set: {text: x}\n", ":3:11: events.when: is no JMESPath expression: "),
        ("events: [{when: a, set: {txt: b}}]\n", ":1:"),
        ("stderr: [{match: '(', status: failed}]\n", ":1:18: stderr.match: is no regular expression: "),
        ("[]\n", ":1:1: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(text: str, problem: str) -> None:
    """File, line, column, and what to do."""
    (first, *_) = problems(text)
    assert first.startswith(f"{PATH}{problem}")


def loaded(jobs: dict[str, object], agent_yaml: str | None = None) -> list[str]:
    """The problems of jobs together with the agent `mine`."""
    more = {} if agent_yaml is None else {PATH: agent_yaml}
    return [str(problem) for problem in load(json.dumps({"jobs": jobs}), more=more).problems]


def test_a_job_and_its_agent_are_checked_together() -> None:
    """A wish that can't be passed on is an error, not ignored."""
    job = {"manual": True, "agent": "mine", "prompt": "x"}
    command = "command: [x]\n"
    assert loaded({"a": job}, command) == []
    place = '.octopoid/jobs.yaml:1:42: job "a": agent: agent "mine" '
    assert loaded({"a": {**job, "model": "m"}}, command) == [
        f"{place}has no way to be told model; remove it, or give it an option in its agent.yaml"
    ]
    assert loaded({"a": {**job, "resume": True}}, command) == [f"{place}can't go on with a session: its profile has no `resume:`"]
    assert loaded({"a": job}, "profile: generic\n") == [f"{place}has no `command:`; say in {PATH} which program it is"]


@pytest.mark.parametrize(
    ("fields", "agent_yaml", "problem"),
    [
        ({"max_budget_usd": 1}, "profile: claude\ncommand: [wrapped]\n",
         "is not told max_budget_usd: there is no {extra_args} in its `command:`; add it, or remove max_budget_usd"),
        ({}, "profile: claude\nmodel: m\ncommand: [wrapped, '--model={model}']\n", ""),
        ({"resume": True}, "profile: claude\nmodel: m\nresume: [wrapped]\n",
         "is not told model: there is no {extra_args} in its `resume:`; add it, or remove model"),
        ({}, "command: [x]\nprompt: argument\n",
         "is given no prompt: there is no {prompt} in its `command:`; add it, or write `prompt: stdin`"),
        ({}, "command: [x, '--file={prompt}']\nprompt: file\n",
         "is given no prompt: there is no {prompt_file} in its `command:`; add it, or write `prompt: stdin`"),
        ({}, "command: [x, '--file={prompt_file:json}']\nprompt: file\n", ""),
    ],
)  # fmt: skip
def test_what_no_argument_would_pass_on_is_refused(fields: dict[str, object], agent_yaml: str, problem: str) -> None:
    """A bound of a run that its program is never told of would be none."""
    job = {"manual": True, "agent": "mine", "prompt": "x", **fields}
    assert [line.partition('agent "mine" ')[2] for line in loaded({"a": job}, agent_yaml)] == [problem][: bool(problem)]


def test_an_agent_that_no_job_names_is_not_read() -> None:
    """It may be another program's, with fields that nobody here knows."""
    assert loaded({"a": {"manual": True, "command": "x"}}, "whatever: 1\n") == []
    assert loaded({"a": {"manual": True, "agent": "mine", "prompt": "x"}}, "whatever: 1\n") == [
        f'{PATH}:1:1: unknown field "whatever"; remove it; names that begin with x- are left alone'
    ]


def test_an_agent_that_is_not_there_is_a_warning() -> None:
    """It may be described later; the run says so, too."""
    (problem,) = loaded({"a": {"manual": True, "agent": "kode", "prompt": "x"}})
    assert problem.startswith(
        '.octopoid/jobs.yaml:1:42: warning: job "a": agent: there is no agent "kode"; write .octopoid/agents/kode/agent.yaml'
    )


def test_transcripts_say_how_they_were_made() -> None:
    """Who reads them must know whether somebody made them up."""
    assert "Recorded from the real programs" in (Path(__file__).parent / "transcripts/README.md").read_text()
