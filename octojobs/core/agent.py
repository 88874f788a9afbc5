"""An agent as data: how a command-line program is given a prompt, and how what it prints is understood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from octojobs.core.agent_names import AGENTS_FOLDER
from octojobs.core.job import AgentAction
from octojobs.slotted import dataclass

OPTIONS = ("model", "max_turns", "max_budget_usd", "allowed_tools")
"""What a job may ask of an agent whose profile says how that is passed on."""

_FIELD = re.compile(r"\{([a-z_]+)(:json)?\}")
_SPLICED = "{extra_args}"
_PROMPTS = {"argument": "prompt", "file": "prompt_file"}
_TRIGGERS = {
    "non_empty": 'test -n "$(sh -c "$1" | tr -d "[:space:]")"',
    "exit_zero": 'sh -c "$1"',
    "exit_nonzero": '! sh -c "$1"',
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What an event tells: where `when` is true, `set` replaces fields, `append` lengthens texts, `add` sums numbers (all JMESPath)."""

    when: str
    set: Mapping[str, str] = field(default_factory=dict)
    append: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wording:
    """A regular expression (Python) that a line of prose is searched for, and the status that it stands for."""

    match: str
    status: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of program. `prompt` is `stdin`, `argument` or `file`; `output` is `jsonl`, `json` or `text`.

    `command` and `resume` are argument vectors whose elements may have placeholders (see `arguments`); `session` is `ours` (we
    choose the id), `event` (the program tells it) or "" (it has none). `cumulative` says that the tokens it tells are those of
    the whole session. `provider` is whose rate limits it meets. `stderr` is searched last, when nothing structured has told why it
    failed; `prose` is searched in the output of a program that prints text, whatever its exit code, and may say what a success is. Times
    are seconds.
    """

    name: str
    command: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    prompt: str = "stdin"
    session: str = ""
    output: str = "text"
    events: tuple[Rule, ...] = ()
    cumulative: bool = False
    stderr: tuple[Wording, ...] = ()
    prose: tuple[Wording, ...] = ()
    idle_s: float | None = None
    wall_s: float | None = None
    pass_env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """A profile under a name, with what the repository says of it in `.octopoid/agents/NAME/`.

    `pre_check` is a shell command that says whether there is work at all; `trigger` says what of it: `non_empty`, `exit_zero` or
    `exit_nonzero`.
    """

    name: str
    profile: Profile
    role: str = ""
    model: str = ""
    max_turns: int | None = None
    allowed_tools: tuple[str, ...] = ()
    pre_check: str = ""
    trigger: str = "non_empty"
    max_budget_usd: float | None = None

    @property
    def provider(self) -> str:
        """Whose rate limits it meets; a program of its own that names nobody shares them with no other."""
        return self.profile.provider or self.name

    @property
    def pre_check_argv(self) -> tuple[str, ...]:
        """The command of the guard that `pre_check` is: it holds with exit code 0. The text is an argument, no part of another."""
        return ("sh", "-c", _TRIGGERS[self.trigger], "pre_check", self.pre_check)


def options(agent: Agent, action: AgentAction) -> dict[str, str]:
    """What is asked of the agent, by name, as text: the job's word before the agent's."""
    turns, dollars = action.max_turns or agent.max_turns, action.max_budget_usd or agent.max_budget_usd
    chosen = {
        "model": action.model or agent.model,
        "max_turns": str(turns) if turns else "",
        "max_budget_usd": f"{dollars:.6f}".rstrip("0").rstrip(".") if dollars else "",
        "allowed_tools": ",".join(action.allowed_tools or agent.allowed_tools),
    }
    return {name: value for name, value in chosen.items() if value}


def refusal(agent: Agent, action: AgentAction) -> str:
    """Why the agent can't carry out the action; "" when it can. What can't be passed on is refused, not left out."""
    profile = agent.profile
    if not profile.command:
        return f'agent "{agent.name}" has no `command:`; say in {AGENTS_FOLDER}/{agent.name}/agent.yaml which program it is'
    if action.resume and not profile.resume:
        return f'agent "{agent.name}" can\'t go on with a session: its profile has no `resume:`'
    for name in options(agent, action):
        if name not in profile.options:
            return f'agent "{agent.name}" has no way to be told {name}; remove it, or give it an option in its agent.yaml'
    vectors = {"command": profile.command, **({"resume": profile.resume} if action.resume else {})}
    return next(filter(None, (_unheard(agent, action, field, vector) for field, vector in vectors.items())), "")


def _unheard(agent: Agent, action: AgentAction, field: str, vector: Sequence[str]) -> str:
    """What an argument vector would not pass on, in words; "" when it passes on all."""
    named = {found[1] for element in vector for found in _FIELD.finditer(element)}
    prompt = _PROMPTS.get(agent.profile.prompt)
    if prompt is not None and prompt not in named:
        return f'agent "{agent.name}" is given no prompt: there is no {{{prompt}}} in its `{field}:`; add it, or write `prompt: stdin`'
    for name in options(agent, action):
        if _SPLICED not in vector and name not in named:
            return f'agent "{agent.name}" is not told {name}: there is no {_SPLICED} in its `{field}:`; add it, or remove {name}'
    return ""


def arguments(template: Sequence[str], chosen: Sequence[tuple[str, ...]], values: Mapping[str, str]) -> tuple[str, ...]:
    r"""The argument vector: each element filled in by itself, never split and never read by a shell.

    `{extra_args}` as a whole element is replaced by the chosen options. `{NAME:json}` is the value as a JSON (and TOML) string.

    >>> arguments(("x", "--id", "{id}", "{extra_args}", "c=[{id:json}]"), [("-m", "{model}")], {"id": 'a"b', "model": "m 1"})
    ('x', '--id', 'a"b', '-m', 'm 1', 'c=["a\\"b"]')
    """
    return tuple(_filled(element, values) for element in _spliced(template, chosen))


def _spliced(template: Sequence[str], chosen: Sequence[tuple[str, ...]]) -> Iterator[str]:
    for element in template:
        if element == _SPLICED:
            yield from (part for option in chosen for part in option)
        else:
            yield element


def _filled(element: str, values: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        return json.dumps(values[found[1]]) if found[2] else values[found[1]]

    return _FIELD.sub(value, element)
