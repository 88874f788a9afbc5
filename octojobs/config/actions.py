"""What a job does: exactly one of `command`, `run`, `task` and a prompt, and what belongs to each."""

from __future__ import annotations

import re
from typing import Any

from octojobs.config.entries import Entry, Fields
from octojobs.config.parsers import command, dollars, mapping, texts
from octojobs.config.suggest import did_you_mean
from octojobs.config.tasks import task
from octojobs.core.job import Action, AgentAction, CommandAction, JobType, ScriptAction
from octojobs.core.sandbox import Backend

NAMES = ("command", "run", "task", "prompt", "prompt_file")
_TYPES = {
    "command": JobType.COMMAND,
    "run": JobType.SCRIPT,
    "task": JobType.TASK,
    **dict.fromkeys(("prompt", "prompt_file"), JobType.AGENT),
}
_BELONGS = {
    "shell": JobType.COMMAND,
    **dict.fromkeys(("args", "python"), JobType.SCRIPT),
    **dict.fromkeys(
        ("agent", "model", "max_turns", "max_budget_usd", "allowed_tools", "resume", "expect", "adapt", "i_accept"), JobType.AGENT
    ),
}
_OWNER = {JobType.COMMAND: "command", JobType.SCRIPT: "run", JobType.AGENT: "prompt", JobType.TASK: "task"}
# A function of a module, or a name registered with `@octojobs.job("name")`. Compiled when first needed, as all here.
_FUNCTION = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*|[A-Za-z_][\w-]*"


def action(fields: Fields, own: Fields, here: Entry) -> Action | None:
    """The job's action; None when it is wrong, which is noted in `fields`. `here` is the job itself."""
    given = own.given(NAMES)
    if not given:
        stated: str = own.plain("type", "")
        fix = f"add `{_OWNER[JobType(stated)]}:`" if stated else "add one of command, run, task, prompt or prompt_file"
        fields.problems.append(here.problem_at_key("says nothing about what it runs", fix))
        return None
    for name in given[1:]:
        if name in own:
            fields.problems.append(own.entries[name].problem_at_key(f"{given[0]} and {name} are both given", "keep one of them"))
    kind = _TYPES[given[0]]
    _check_company(fields, own, given[0], kind)
    match kind:
        case JobType.COMMAND:
            return _command(fields, own)
        case JobType.SCRIPT:
            run = fields.read("run", _function, "")
            return ScriptAction(run, fields.read("args", mapping, {})) if run else None
        case JobType.TASK:
            return fields.read("task", task, None)
        case JobType.AGENT:
            _check_adapting(fields, own)
            return AgentAction(
                prompt=fields.read("prompt", _prompt, ""),
                prompt_file=fields.plain("prompt_file", ""),
                agent=fields.plain("agent", ""),
                model=fields.plain("model", ""),
                max_turns=fields.plain("max_turns", None),
                max_budget_usd=fields.read("max_budget_usd", dollars, None),
                allowed_tools=fields.read("allowed_tools", texts, ()),
                resume=fields.plain("resume", False),
                expect=fields.read("expect", lambda entry: _expect(entry, fields), {}),
                i_accept=fields.plain("i_accept", ""),
            )


def _prompt(entry: Entry) -> str:
    """The text as it stands; a placeholder that there is not would be read by the agent as it stands, too."""
    text: str = entry.value
    if "${" in text:
        from octojobs.core.placeholders import OF_PROMPTS, unknown  # prompts without any don't pay for it

        for offset, name in unknown(text):
            fix = did_you_mean(name, OF_PROMPTS, f"write one of {', '.join(OF_PROMPTS)}, or $${{{name}}} for the text")
            raise entry.invalid(f"there is no ${{{name}}}", fix, offset=offset)
    return text


def _check_adapting(fields: Fields, own: Fields) -> None:
    """Only a change that is expected and does not come tells a no-op."""
    expected = fields.entries["expect"].value if "expect" in fields else {}
    if "adapt" in own and not {"files_changed", "commits", "pr"} & expected.keys():
        fix = "add `expect:` with files_changed, commits or pr"
        own.problems.append(own.entries["adapt"].problem_at_key("adapts to runs that change nothing, and no change is expected", fix))


def _expect(entry: Entry, fields: Fields) -> dict[str, Any]:
    from octojobs.config.expects import expect  # jobs that expect nothing don't pay for it

    apart = "sandbox" not in fields or fields.entries["sandbox"].value.get("backend") != Backend.NONE
    return expect(entry, has_worktree=apart)


def _check_company(fields: Fields, own: Fields, name: str, kind: JobType) -> None:
    """The declared type is the action's, and no field stands here that belongs to another one."""
    if "type" in own and own.entries["type"].value != kind and name in own:
        stated = own.entries["type"]
        fields.problems.append(stated.problem(f'is "{stated.value}", and the job has `{name}:`', f"write {kind}, or remove the type"))
    for field, owner in _BELONGS.items():
        if field in own and owner is not kind:
            fields.problems.append(own.entries[field].problem_at_key(f"{field} belongs to jobs with `{_OWNER[owner]}:`", "remove it"))
    if "sandbox" in own and kind is JobType.TASK:
        fields.problems.append(
            own.entries["sandbox"].problem_at_key("sandbox belongs to jobs with `command:`, `run:` or `prompt:`", "remove it")
        )


def _command(fields: Fields, own: Fields) -> CommandAction | None:
    argv = fields.read("command", command, None)
    if argv is None:
        return None
    if isinstance(argv, tuple):
        if "shell" in own:
            what = "no shell runs a command that is a list"
            fields.problems.append(own.entries["shell"].problem(what, "remove it, or write the command as text"))
        return CommandAction(argv)
    return CommandAction(argv, fields.plain("shell", "sh"))


def _function(entry: Entry) -> str:
    name: str = entry.value
    if re.fullmatch(_FUNCTION, name, re.ASCII):
        return name
    program = " " in name or "/" in name or name.endswith((".py", ".sh"))
    fix = f"write `command: {name}` to run a program" if program else "write package.module:function, or a registered name"
    raise entry.invalid(f'"{name}" is no Python function', fix)
