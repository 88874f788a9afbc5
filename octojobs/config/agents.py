"""`.octopoid/agents/NAME/agent.yaml`, and the profiles that are shipped, to frozen agents."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import octojobs
from octojobs.config.entries import Entry, Fields, each
from octojobs.config.files import agent_file
from octojobs.config.parsers import dollars, period, texts
from octojobs.config.reader import read
from octojobs.config.references import Reference
from octojobs.config.schema import check
from octojobs.config.suggest import did_you_mean
from octojobs.core.agent import Agent, Profile, Rule, Wording, refusal
from octojobs.core.agent_names import DEFAULT_AGENT, agent_of
from octojobs.core.definitions import Definitions
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import AgentAction, Job
from octojobs.errors import InvalidDefinitions, Problem, Severity, UsageError

Files = Mapping[str, tuple[str, bytes]]

_PROFILES = Path(octojobs.__file__).parent / "agents" / "profiles"


class AgentFile(NamedTuple):
    """The agent, None when something is wrong with it."""

    agent: Agent | None
    problems: tuple[Problem, ...] = ()


def shipped() -> tuple[str, ...]:
    """The names of the shipped profiles."""
    return tuple(sorted(path.stem for path in _PROFILES.glob("*.yaml")))


@cache
def shipped_profile(name: str) -> Profile:
    """A shipped profile; KeyError when there is none of that name."""
    if name not in shipped():
        raise KeyError(name)
    file = _PROFILES / f"{name}.yaml"
    made = _agent(name, str(file), file.read_bytes(), Profile(name))
    if made.agent is None:  # one of our own files
        raise ValueError("\n".join(map(str, made.problems)))
    return made.agent.profile


def agents(jobs: Iterable[Job], files: Files) -> tuple[dict[str, Agent], list[Problem]]:
    """The agents that the jobs name as far as there are any, and what is wrong with them. Others are not read: they are octopoid's."""
    found: dict[str, Agent] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys(agent_of(job.action) for job in jobs if isinstance(job.action, AgentAction)):
        path = agent_file(name)
        if path in files:
            made = read_agent(name, path, files[path][1])
            problems.extend(made.problems)
            if made.agent is not None:
                found[name] = made.agent
        elif name in shipped():
            found[name] = Agent(name, shipped_profile(name))
    return found, problems


def unfit(jobs: Iterable[Job], known: Mapping[str, Agent], places: Iterable[Reference], broken: Collection[str]) -> Iterator[Problem]:
    """What the jobs ask of their agents and those can't do. An agent that is not there is a warning: the run says so, too.

    `places` are where jobs name agents, `broken` the paths of agents' files that are wrong themselves.
    """
    named = {reference.job: reference for reference in places}
    for job in jobs:
        if not isinstance(job.action, AgentAction):
            continue
        name = agent_of(job.action)
        if agent_file(name) in broken:
            continue
        agent, place = known.get(name), named.get(job.id)
        if agent is None:
            (what, fix), severity = missing(name), Severity.WARNING
        else:
            what, fix, severity = refusal(agent, job.action), "", Severity.ERROR
        if not what:
            continue
        if place is not None and place.place.path == job.source.path:
            yield place.problem(what, fix, severity)
        else:
            yield Problem(job.source.path, job.source.line, 1, f'job "{job.id}": {what}', fix, severity)


def missing(name: str) -> tuple[str, str]:
    """That there is no such agent, and what to do."""
    return f'there is no agent "{name}"', f"write {agent_file(name)}, or name one of {', '.join(shipped())}"


def agent_named(definitions: Definitions, name: str) -> Agent:
    """The agent of that name, whether a job names it or not. Raises UsageError for none, InvalidDefinitions when its file is wrong."""
    if name in definitions.agents:
        return definitions.agents[name]
    path = agent_file(name)
    if path in definitions.agent_files:
        made = read_agent(name, path, definitions.agent_files[path])
        if made.agent is None:
            raise InvalidDefinitions(made.problems)
        return made.agent
    if name not in shipped():
        raise UsageError(*missing(name))
    return Agent(name, shipped_profile(name))


def guarded(jobs: Mapping[JobId, Job], known: Mapping[str, Agent]) -> Mapping[JobId, Job]:
    """The jobs, those of agents with a `pre_check` guarded by it."""
    found = dict(jobs)
    for job in jobs.values():
        agent = known.get(agent_of(job.action)) if isinstance(job.action, AgentAction) else None
        if agent is not None and agent.pre_check:
            check_work = Condition("command", {"command": list(agent.pre_check_argv)})
            found[job.id] = replace(job, conditions=(*job.conditions, check_work))
    return found


def provided(jobs: Mapping[JobId, Job], known: Mapping[str, Agent]) -> Mapping[JobId, Job]:
    """The jobs, each told whose rate limits its agent meets."""
    found = dict(jobs)
    for job in jobs.values():
        if isinstance(job.action, AgentAction) and (agent := known.get(agent_of(job.action))) is not None:
            found[job.id] = replace(job, action=replace(job.action, provider=agent.provider))
    return found


def read_agent(name: str, path: str, data: bytes) -> AgentFile:
    """The agent of a file: the profile that it chooses, overridden by what else stands there."""
    return _agent(name, path, data, None)


def _agent(name: str, path: str, data: bytes, base: Profile | None) -> AgentFile:
    document = read(path, data)
    if document.problems:
        return AgentFile(None, tuple(document.problems))
    file = Entry(document, document.top, 0, "", "")
    if file.value is None:
        return AgentFile(Agent(name, base or shipped_profile(_default(name, ()))))
    refused = check(file, "agent")
    if not isinstance(file.value, dict):
        return AgentFile(None, refused.problems)
    fields = Fields({key: file.at(key) for key in file.value if key not in refused.keys}, list(refused.problems))
    chosen = base or fields.read("profile", _profile, shipped_profile(_default(name, file.value)))
    agent = Agent(
        name,
        _overridden(fields, chosen),
        role=fields.plain("role", ""),
        model=fields.plain("model", ""),
        max_turns=fields.plain("max_turns", None),
        max_budget_usd=fields.read("max_budget_usd", dollars, None),
        allowed_tools=fields.read("allowed_tools", texts, ()),
        pre_check=fields.plain("pre_check", ""),
        trigger=fields.plain("pre_check_trigger", "non_empty"),
    )
    return AgentFile(None if fields.problems else agent, tuple(fields.problems))


def _default(name: str, given: Container[str]) -> str:
    """The profile of an agent that names none. A program of its own is not taken for another that prints events."""
    return name if name in shipped() else "generic" if "command" in given else DEFAULT_AGENT


def _profile(entry: Entry) -> Profile:
    try:
        return shipped_profile(entry.value)
    except KeyError:
        fix = did_you_mean(entry.value, shipped(), f"write one of {', '.join(shipped())}")
        raise entry.invalid(f'there is no profile "{entry.value}"', fix) from None


def _overridden(fields: Fields, base: Profile) -> Profile:
    """The profile with what the file says of it."""
    chosen = fields.entries.get("options")
    options = {str(one.key): texts(one) for one in chosen.items()} if chosen is not None else {}
    nothing: Mapping[str, Any] = {}
    session, env = fields.plain("session", nothing), fields.plain("env", nothing)
    return replace(
        base,
        command=fields.read("command", texts, base.command),
        resume=fields.read("resume", texts, base.resume),
        options={**base.options, **options},
        prompt=fields.plain("prompt", base.prompt),
        session=session.get("source", base.session),
        output=fields.plain("output", base.output),
        provider=fields.plain("provider", base.provider),
        events=fields.read("events", _rules, base.events),
        cumulative=fields.plain("usage", "cumulative" if base.cumulative else "per_run") == "cumulative",
        stderr=fields.read("stderr", _wordings, base.stderr),
        prose=fields.read("prose", _wordings, base.prose),
        **fields.read("timeouts", _timeouts, nothing),
        pass_env=tuple(env["pass"]) if "pass" in env else base.pass_env,
    )


def _timeouts(entry: Entry) -> dict[str, float]:
    return {f"{one.key}_s": value for one, value in zip(entry.items(), each(entry.items(), period), strict=True)}


def _rules(entry: Entry) -> tuple[Rule, ...]:
    return tuple(each(entry.items(), _rule))


def _rule(entry: Entry) -> Rule:
    value: Mapping[str, Any] = entry.value
    each(_expressions(entry), _checked_expression)
    return Rule(value["when"], dict(value.get("set", {})), dict(value.get("append", {})), dict(value.get("add", {})))


def _expressions(entry: Entry) -> list[Entry]:
    operations = (entry.at(name) for name in ("set", "append", "add") if name in entry.value)
    return [entry.at("when"), *(one for operation in operations for one in operation.items())]


def _checked_expression(entry: Entry) -> None:
    import jmespath  # lazily: few repositories have agents with rules of their own
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(entry.value)
    except JMESPathError as error:
        raise entry.invalid(f"is no JMESPath expression: {str(error).splitlines()[0].rstrip(':')}", "see https://jmespath.org") from None


def _wordings(entry: Entry) -> tuple[Wording, ...]:
    return tuple(each(entry.items(), _wording))


def _wording(entry: Entry) -> Wording:
    pattern = entry.at("match")
    try:
        re.compile(pattern.value)
    except re.error as error:
        raise pattern.invalid(f"is no regular expression: {error}", "write one as Python reads them") from None
    return Wording(pattern.value, entry.value["status"])
