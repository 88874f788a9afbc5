"""What a person reads before allowing a repository: the files' difference, and everything that would be executed."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping

from octojobs.core.agent_names import agent_of
from octojobs.core.channel import Channel
from octojobs.core.definitions import Definitions
from octojobs.core.durations import format_duration
from octojobs.core.guards import AnyOf, Condition, Guard, Not
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction, TaskAction
from octojobs.core.sandbox import Backend
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, JobWhen, ManualWhen, RefWhen, ScheduleWhen, TagWhen, TaskWhen

Files = Mapping[str, tuple[str, bytes]]


def difference(before: Files, after: Files) -> str:
    """The unified diff between two sets of definition files, "" when they are equal; a new or removed file is shown whole."""
    parts: list[str] = []
    for path in sorted({*before, *after}):
        old = _lines(before[path][1]) if path in before else []
        new = _lines(after[path][1]) if path in after else []
        old_name = f"a/{path}" if path in before else "/dev/null"
        new_name = f"b/{path}" if path in after else "/dev/null"
        parts.extend(difflib.unified_diff(old, new, old_name, new_name))
    return "".join(parts)


def what_runs(definitions: Definitions) -> tuple[str, ...]:
    """A line for each thing that would be executed: modules and conditions of the settings, then the jobs in file order.

    Before them, where the state would be written if the repository chose a folder for it.
    """
    settings = definitions.settings
    lines = [f"state: written to {_shown(settings.state_dir)}"] if settings.state_dir else []
    lines += [f"module {name}: imported by every script job" for name in settings.modules]
    for name, declared in settings.conditions.items():
        lines.append(f"condition {name}: {_shown(declared.command) if declared.command is not None else declared.function}")
    for channel in settings.channels.values():
        lines.append(f"channel {channel.name}: {_leads_to(channel)}")
    if settings.metrics is not None:
        places = [settings.metrics.textfile and f"written to {settings.metrics.textfile}"]
        places.append(f"served at 127.0.0.1:{settings.metrics.port}" if settings.metrics.port else "")
        lines.append(f"metrics: {' and '.join(filter(None, places))}")
    if settings.traces is not None:
        lines.append(f"traces: sent to {settings.traces.otlp}")
    actions = (job.action for job in definitions.jobs.values())
    resumed = {agent_of(action) for action in actions if isinstance(action, AgentAction) and action.resume}
    for agent in definitions.agents.values():
        passed = f" (passes on {', '.join(agent.profile.pass_env)})" if agent.profile.pass_env else ""
        lines.append(f"agent {agent.name}: {_shown(agent.profile.command)}{passed}")
        if agent.name in resumed:
            lines.append(f"agent {agent.name}, going on with a session: {_shown(agent.profile.resume)}")
    for job in definitions.jobs.values():
        lines += _of_job(job)
    return tuple(lines)


def _of_job(job: Job) -> Iterator[str]:
    surroundings = [f"in {job.cwd}"] if job.cwd != "." else []
    surroundings += [f"{word} {', '.join(names)}" for word, names in _environment(job) if names]
    if job.python:
        surroundings.append(f"with {job.python}")
    surroundings += _apart(job)
    suffix = f" ({'; '.join(surroundings)})" if surroundings else ""
    yield f"{job.id}: {'' if job.enabled else 'disabled, '}{_when(job)}: {_action(job)}{suffix}"
    for guard in _commands(job.conditions):
        yield f"{job.id}: condition: {guard}"
    if isinstance(job.action, AgentAction) and (command := job.action.expect.get("command")):
        yield f"{job.id}: expects of its worktree: {_shown(tuple(command))}"
    for name, follow_up in job.hooks:
        word = name.replace("_", " ")
        if follow_up.command is not None:
            yield f"{job.id}: {word}: {_shown(follow_up.command.command)}"
        if follow_up.enqueue is not None:
            yield f"{job.id}: {word}: enqueue a task: {_shown(follow_up.enqueue.title)}"
        if follow_up.run is not None:
            yield f"{job.id}: {word}: run {follow_up.run}"
        if follow_up.notify:
            yield f"{job.id}: {word}: tell {', '.join(follow_up.notify)}"
    if job.ping is not None:
        yield f"{job.id}: pings {job.ping.url}"


def _leads_to(channel: Channel) -> str:
    match channel.kind:
        case "file":
            return f"append to {channel.file}"
        case "command":
            return _shown(channel.command)
        case "webhook":
            return f"post to {channel.webhook}"
        case "relay":
            return f"post to the relay {channel.relay}"
        case "redis":
            return f"publish to {channel.redis}"
        case "apprise":
            return f"send by apprise to {channel.apprise}"
        case "task":
            return f"enqueue a task: {_shown(channel.task.title if channel.task else None)}"
        case _:
            return "show on the desktop"


def _apart(job: Job) -> Iterator[str]:
    """What keeps its runs apart, and what it lets through; an agent's worktree goes without saying."""
    sandbox = job.apart
    if sandbox.backend is Backend.NONE or (isinstance(job.action, AgentAction) and sandbox.backend is Backend.WORKTREE):
        return
    yield f"in a sandbox: {sandbox.backend.value}" + (f" {sandbox.image}" if sandbox.image else "")
    if sandbox.network:
        yield "with the network" if sandbox.network is True else f"with network {sandbox.network}"
    for mount in sandbox.mounts:
        yield f"{'writes to' if mount.write else 'sees'} {mount.source} as {mount.target or mount.source}"


def _environment(job: Job) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The names only: a value may be long, and a secret's is nobody's business."""
    return ("sets", tuple(job.env)), ("passes on", job.pass_env), ("secrets", job.secrets)


def _when(job: Job) -> str:
    match job.when:
        case ScheduleWhen(entries):
            return f"{' and '.join(entries)} {job.timezone}"
        case IntervalWhen(period_s):
            return f"every {format_duration(period_s)}"
        case ActivityWhen(active_s, idle_s, dormant_s):
            return f"every {' or '.join(map(format_duration, (active_s, idle_s, dormant_s)))}, by activity"
        case AfterWhen(delay_s):
            return f"{format_duration(delay_s)} after its last run"
        case ManualWhen():
            return "when asked"
        case RefWhen(ref, paths):
            return f"when {ref} moves" + (f" and {' or '.join(paths)} changed" if paths else "")
        case TagWhen(pattern):
            return f"for each new tag {pattern}"
        case TaskWhen(state, flow):
            return f"for each task{f' of flow {flow}' if flow else ''} that comes into {state}"
        case JobWhen(other, ending):
            return f"when a run of {other} has {ending.value}"


def _action(job: Job) -> str:
    if isinstance(job.action, CommandAction):
        return ("bash: " if job.action.shell == "bash" else "") + _shown(job.action.command)
    if isinstance(job.action, ScriptAction):
        return f"run {job.action.run}"
    if isinstance(job.action, TaskAction):
        return f"enqueue a task: {_shown(job.action.title)}"
    action = job.action
    where = ", without a worktree" if job.apart.backend is Backend.NONE else ""
    asked = _shown(action.prompt) if action.prompt else f"what {action.prompt_file} says"
    return f"ask agent {agent_of(action)}{where}: {asked}"


def _shown(command: str | tuple[str, ...] | None) -> str:
    """A string as it stands, an argument vector quoted as a shell would read it; further lines indented: none can pose as a job."""
    text = command if isinstance(command, str) else shlex.join(command or ())
    return "\n      ".join(text.splitlines())


def _commands(guards: tuple[Guard, ...]) -> Iterator[str]:
    for guard in guards:
        match guard:
            case Condition("command", args):
                command = args["command"]
                yield _shown(command if isinstance(command, str) else tuple(command))
            case AnyOf(inner):
                yield from _commands(inner)
            case Not(inner_guard):
                yield from _commands((inner_guard,))
            case _:
                continue


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines
