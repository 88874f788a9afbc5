"""A job as a view: what it declares, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from octojobs.core.job import AgentAction, CommandAction, FollowUp, Hold, Job, Notify, RetryPolicy, ScriptAction, TaskAction
from octojobs.core.ledger import JobState, Pause
from octojobs.core.run import Run
from octojobs.core.sandbox import Backend, Sandbox
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, JobWhen, ManualWhen, RefWhen, ScheduleWhen, TagWhen, TaskWhen
from octojobs.slotted import dataclass
from octojobs.views.values import View, duration, instant, pause_view, quiet_view


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger says of a job: `state` is None before first sight, `next_due` None when nothing is coming.

    `mode` is that of an interval by activity, None for any other job.
    """

    state: JobState | None = None
    pause: Pause | None = None
    next_due: datetime | None = None
    open_runs: Sequence[Run] = ()
    mode: str | None = None


def when_text(job: Job) -> str:
    """When the job is due, in one phrase: `0 2 * * *`, `every 1h`, `1h after the last run`, `when asked`, `when refs/heads/main moves`."""
    match job.when:
        case ScheduleWhen(entries):
            return " | ".join(entries)
        case IntervalWhen(period_s, longest_s):
            return f"every {duration(period_s)}" + (f", up to {duration(longest_s)} when there is nothing to do" if longest_s else "")
        case ActivityWhen(active_s, idle_s, dormant_s):
            return f"every {duration(active_s)} when active, {duration(idle_s)} when idle, {duration(dormant_s)} when dormant"
        case AfterWhen(delay_s):
            return f"{duration(delay_s)} after the last run"
        case ManualWhen():
            return "when asked"
        case RefWhen(ref, paths):
            return f"when {ref} moves" + (f" and {', '.join(paths)} changed" if paths else "")
        case TagWhen(pattern):
            return f"for each new tag {pattern}"
        case TaskWhen(state, flow):
            return f"for each task{_of(flow)} that comes into {state}"
        case JobWhen(other, ending):
            return f"when {other} has {ending.value}"


def adapted_view(job: Job, state: JobState | None) -> View | None:
    """`interval` and `no_ops` of a job whose interval is another than the declared one for now, because there was nothing to do."""
    if state is None or state.stretch is None or not isinstance(job.when, IntervalWhen) or state.stretch.period_s == job.when.period_s:
        return None
    return {"interval": duration(state.stretch.period_s), "no_ops": state.no_ops}


def adapted_text(adapted: View | None) -> str:
    """The same in words; empty for one whose interval is the declared one."""
    return f"every {adapted['interval']} for now: {adapted['no_ops']} no-ops in a row" if adapted else ""


def waiting_text(job: Job) -> str:
    """What a job that is triggered waits for; empty for one that is due by the clock, or when asked."""
    match job.when:
        case RefWhen(ref):
            return f"waits for {ref} to move"
        case TagWhen(pattern):
            return f"waits for a new tag {pattern}"
        case TaskWhen(state, flow):
            return f"waits for a task{_of(flow)} to come into {state}"
        case JobWhen(other, ending):
            return f"waits for a run of {other} that has {ending.value}"
        case _:
            return ""


def _of(flow: str) -> str:
    return f" of flow {flow}" if flow else ""


def action_text(job: Job) -> str:
    """What a run of the job does, in one line."""
    match job.action:
        case CommandAction(command=str(command)):
            return command
        case CommandAction(command=command):
            return " ".join(command)
        case ScriptAction(run=run):
            return run
        case AgentAction(prompt=prompt, prompt_file=prompt_file, agent=agent):
            return f"agent {agent or 'default'}: {prompt or prompt_file}"
        case TaskAction(title=title):
            return f"task {title}"


def job_view(job: Job, standing: Standing) -> View:
    """One line of `list`: identity, when, and how it stands."""
    state = standing.state
    return {
        "job": str(job.id),
        "title": job.title,
        "type": job.type.value,
        "when": when_text(job),
        "timezone": job.timezone,
        "enabled": job.enabled,
        "priority": job.priority.value,
        "pool": job.pool or "default",
        "group": job.group,
        "tags": list(job.tags),
        "next": instant(standing.next_due),
        "adapted": adapted_view(job, state),
        "paused": pause_view(standing.pause),
        "open_runs": [{"id": str(run.id), "phase": run.phase.value} for run in standing.open_runs],
        "last_run": str(state.last_run) if state and state.last_run else None,
        "last_outcome": state.last_outcome.value if state and state.last_outcome else None,
        "last_end": instant(state.last_end) if state else None,
        "last_success_at": instant(state.last_success_at) if state else None,
        "failures": state.failures if state else 0,
        "source": {"path": job.source.path, "line": job.source.line},
    }


def job_detail(job: Job, standing: Standing) -> View:
    """`job_view`, and under `fields` every field with its effective value, by the names of the jobs file."""
    state = standing.state
    seen = {"cursor": instant(state.cursor), "anchor": instant(state.anchor), "mode": standing.mode} if state else None
    return {**job_view(job, standing), "description": job.description, "seen": seen, "fields": fields_view(job)}


def fields_view(job: Job) -> View:
    """The job as its YAML would say it with every default written out; durations are text, None means no bound."""
    limits = job.limits
    return {
        "type": job.type.value,
        **_when_fields(job),
        "timezone": job.timezone,
        "jitter": duration(job.jitter_s),
        "enabled": job.enabled,
        "conditions": [str(guard) for guard in job.conditions],
        "when_blocked": job.when_blocked.value,
        "on_unknown": job.on_unknown.value,
        "hold": _hold_fields(job.hold),
        "timeout": duration(limits.timeout_s),
        "idle_timeout": duration(limits.idle_timeout_s),
        "kill_grace": duration(limits.kill_grace_s),
        "max_output": limits.max_output,
        "overlap": job.overlap.value,
        "max_instances": job.max_instances,
        "catch_up": job.catch_up.value,
        "catch_up_window": duration(job.catch_up_window_s),
        "start_deadline": duration(job.start_deadline_s),
        "priority": job.priority.value,
        "pool": job.pool or "default",
        "group": job.group,
        "retries": _retries_fields(job.retries),
        "pause_after": job.pause_after,
        "run_when_paused": job.run_when_paused,
        **_action_fields(job),
        "cwd": job.cwd,
        "env": dict(job.env),
        "pass_env": list(job.pass_env),
        "secrets": list(job.secrets),
        "python": job.python,
        "sandbox": sandbox_view(job.apart),
        **_hooks_fields(job),
    }


def _hooks_fields(job: Job) -> View:
    """What its runs bring about, and who is told of them."""
    return {
        "on_start": _follow_up(job.on_start),
        "on_success": _follow_up(job.on_success),
        "on_failure": _follow_up(job.on_failure),
        "output": {"channel": job.output} if job.output else None,
        "notify": _notify_fields(job.notify) if job.notify.channels else None,
        "ping": job.ping.url if job.ping else None,
    }


def sandbox_view(sandbox: Sandbox) -> View:
    """Where runs are kept apart, as the YAML says it; what a backend does not take is left out."""
    said: View = {"backend": sandbox.backend.value}
    if sandbox.image:
        said["image"] = sandbox.image
    if sandbox.backend not in (Backend.NONE, Backend.WORKTREE):
        mounts = [{"source": mount.source, "target": mount.target or mount.source, "write": mount.write} for mount in sandbox.mounts]
        said |= {"network": sandbox.network, "mounts": mounts}
    return said


def _hold_fields(hold: Hold | None) -> View | None:
    if hold is None:
        return None
    said = {"worktree": hold.worktree, "branch": hold.branch, "paths": list(hold.paths), "name": hold.name}
    return {key: value for key, value in said.items() if value}


def _notify_fields(notify: Notify) -> View:
    return {"on": list(notify.on), "channels": list(notify.channels), "after": duration(notify.after_s)}


def _retries_fields(retries: RetryPolicy) -> View:
    return {
        "max": retries.max,
        "backoff": retries.backoff.value,
        "delay": duration(retries.delay_s),
        "max_delay": duration(retries.max_delay_s),
        "jitter": retries.jitter,
        "on": list(retries.on),
        "exit_codes": list(retries.exit_codes),
    }


def _when_fields(job: Job) -> View:
    match job.when:
        case ScheduleWhen(entries):
            return {"schedule": list(entries)}
        case IntervalWhen(period_s, longest_s):
            return {"interval": duration(period_s), "adapt": {"max_interval": duration(longest_s)} if longest_s else None}
        case ActivityWhen(active_s, idle_s, dormant_s, quiet):
            paces = {"active": duration(active_s), "idle": duration(idle_s), "dormant": duration(dormant_s)}
            return {"interval": paces, "quiet_hours": quiet_view(quiet)}
        case AfterWhen(delay_s):
            return {"after": duration(delay_s)}
        case ManualWhen():
            return {"manual": True}
        case RefWhen(ref, paths):
            return {"on": {"ref": ref, "paths": list(paths)} if paths else {"ref": ref}}
        case TagWhen(pattern):
            return {"on": {"tag": pattern}}
        case TaskWhen(state, flow):
            return {"on": {"task": {"state": state, "flow": flow} if flow else {"state": state}}}
        case JobWhen(other, ending):
            return {"on": {"job": {str(other): ending.value}}}


def _action_fields(job: Job) -> View:
    match job.action:
        case CommandAction(command=command, shell=shell):
            return {"command": command, "shell": shell} if isinstance(command, str) else {"command": list(command)}
        case ScriptAction(run=run, args=args):
            return {"run": run, "args": dict(args)}
        case AgentAction() as action:
            return {
                "prompt": action.prompt,
                "prompt_file": action.prompt_file,
                "agent": action.agent,
                "model": action.model,
                "max_turns": action.max_turns,
                "max_budget_usd": action.max_budget_usd,
                "allowed_tools": list(action.allowed_tools),
                "resume": action.resume,
                "expect": dict(action.expect) or None,
                "i_accept": action.i_accept,
            }
        case TaskAction() as task:
            return {"task": _task_fields(task)}


def _task_fields(task: TaskAction) -> View:
    return {
        "title": task.title,
        "body": task.body,
        "role": task.role,
        "priority": task.priority,
        "branch": task.branch,
        "dedupe": task.dedupe,
        "acceptance": list(task.acceptance),
        "expires_in": duration(task.expires_in_s),
        "proposed": task.proposed,
    }


def _follow_up(follow_up: FollowUp) -> View | None:
    if follow_up.command is not None:
        command = follow_up.command.command
        return {"command": command if isinstance(command, str) else list(command)}
    if follow_up.enqueue is not None:
        return {"enqueue": _task_fields(follow_up.enqueue)}
    if follow_up.notify:
        return {"notify": list(follow_up.notify)}
    return {"run": str(follow_up.run)} if follow_up.run else None
