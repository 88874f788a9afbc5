"""A job as declared: frozen, typed, complete with its defaults; nothing after the loader sees a raw mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from octojobs.core.guards import Guard
from octojobs.core.identity import JobId
from octojobs.core.sandbox import NOT_APART, WORKTREE, Sandbox
from octojobs.core.when import IntervalWhen, When
from octojobs.slotted import dataclass


class JobType(StrEnum):
    """What a run of the job does."""

    COMMAND = "command"
    SCRIPT = "script"
    AGENT = "agent"
    TASK = "task"


class Priority(StrEnum):
    """Ready runs start in this order."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 starts first."""
        return list(Priority).index(self)


class Overlap(StrEnum):
    """What happens when a job falls due while a run of it is still open."""

    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """What happens to due instants that passed while nobody was there to start them."""

    LATEST = "latest"
    NONE = "none"
    ALL = "all"


class WhenBlocked(StrEnum):
    """What a due instant does while a guard does not hold."""

    WAIT = "wait"
    SKIP = "skip"


class OnUnknown(StrEnum):
    """What a guard that can't be evaluated does to the job."""

    SKIP = "skip"
    RUN = "run"


class Backoff(StrEnum):
    """How the delay before a retry grows with the attempt: d, d·n, d·2^(n-1)."""

    CONSTANT = "constant"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a job was declared; `line` counts from 1."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class CommandAction:
    """A string for `sh -c` (or `bash -eo pipefail -c`), or an argument vector that runs without a shell."""

    command: str | tuple[str, ...]
    shell: str = "sh"

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector of the process."""
        if isinstance(self.command, tuple):
            return self.command
        if self.shell == "bash":
            return ("bash", "-eo", "pipefail", "-c", self.command)
        return (self.shell, "-c", self.command)


@dataclass(frozen=True, slots=True)
class ScriptAction:
    """A Python function, `package.module:function` or a name registered with `@octojobs.job`."""

    run: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentAction:
    """A prompt for a coding agent, given as it stands or as a file of the repository.

    `provider` is whose limits its agent meets, as the definitions know the agent; "" where they don't.
    `expect` is an `Expect` of `core/expect.py` as the codec writes it, empty for one that asks for nothing. A prompt that is `verbatim`
    names no placeholders.
    """

    prompt: str = ""
    prompt_file: str = ""
    agent: str = ""
    model: str = ""
    max_turns: int | None = None
    allowed_tools: tuple[str, ...] = ()
    resume: bool = False
    max_budget_usd: float | None = None
    provider: str = ""
    expect: Mapping[str, Any] = field(default_factory=dict)
    i_accept: str = ""
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class TaskAction:
    """A task to enqueue. Texts may have the placeholders of `core/placeholders.py`; `expires_in_s` counts from its creation."""

    title: str
    body: str = ""
    role: str = ""
    priority: str = ""
    branch: str = ""
    dedupe: str = ""
    acceptance: tuple[str, ...] = ()
    expires_in_s: int | None = None
    proposed: bool = False


Action = CommandAction | ScriptAction | AgentAction | TaskAction


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one attempt, in seconds and bytes; None means no bound."""

    timeout_s: float | None = None
    idle_timeout_s: float | None = None
    kill_grace_s: float = 10.0
    max_output: int = 10_000_000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed attempt is tried again; `on` names outcomes, `exit_codes` narrows `failed`."""

    max: int = 0
    backoff: Backoff = Backoff.EXPONENTIAL
    delay_s: float = 10.0
    max_delay_s: float = 3600.0
    jitter: bool = False
    on: tuple[str, ...] = ("failed", "timed_out")
    exit_codes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What happens when a run has begun or ended: a command, a run of another job, a task, a message to channels, or nothing."""

    command: CommandAction | None = None
    run: JobId | None = None
    enqueue: TaskAction | None = None
    notify: tuple[str, ...] = ()

    @property
    def action(self) -> CommandAction | TaskAction | None:
        """What a run of its own carries out."""
        return self.command or self.enqueue


NOTHING = FollowUp()
HOOKS = ("on_start", "on_success", "on_failure")
"""The fields with what a run brings about, in the order in which it happens."""


@dataclass(frozen=True, slots=True)
class Notify:
    """What is told of the job (`core/notices.py`), and to which channels, none by default; a due run is late after `after_s`."""

    on: tuple[str, ...] = ("failed", "recovered", "missed")
    channels: tuple[str, ...] = ()
    after_s: int = 3600


NOBODY = Notify()


@dataclass(frozen=True, slots=True)
class Ping:
    """An address that is told of each run's beginning and end; `allow_hosts` may lie at addresses that are not public."""

    url: str
    allow_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """What a run has to itself from its guards' passing to its end: a branch in full, a worktree as written, patterns, a name."""

    worktree: str = ""
    branch: str = ""
    paths: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Durations are seconds; `timezone` is an IANA name; `source` says where it stands; `output` is a channel, or none."""

    id: JobId
    when: When
    action: Action
    source: Source = Source("", 0)
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    enabled: bool = True
    timezone: str = "UTC"
    jitter_s: int = 0
    conditions: tuple[Guard, ...] = ()
    when_blocked: WhenBlocked = WhenBlocked.WAIT
    on_unknown: OnUnknown = OnUnknown.SKIP
    hold: Hold | None = None
    limits: Limits = Limits()
    overlap: Overlap = Overlap.SKIP
    max_instances: int = 1
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_window_s: int | None = None
    start_deadline_s: int | None = None
    priority: Priority = Priority.MEDIUM
    pool: str = ""
    group: str = ""
    retries: RetryPolicy = RetryPolicy()
    pause_after: int | None = None
    run_when_paused: bool = False
    cwd: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    python: str = ""
    sandbox: Sandbox | None = None
    on_start: FollowUp = NOTHING
    on_success: FollowUp = NOTHING
    on_failure: FollowUp = NOTHING
    notify: Notify = NOBODY
    output: str = ""
    ping: Ping | None = None

    @property
    def type(self) -> JobType:
        """The job's type, told by its action."""
        match self.action:
            case CommandAction():
                return JobType.COMMAND
            case ScriptAction():
                return JobType.SCRIPT
            case AgentAction():
                return JobType.AGENT
            case TaskAction():
                return JobType.TASK

    @property
    def hooks(self) -> tuple[tuple[str, FollowUp], ...]:
        """What its runs bring about, by HOOKS."""
        return tuple(zip(HOOKS, (self.on_start, self.on_success, self.on_failure), strict=True))

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that are told something of its runs."""
        return tuple(dict.fromkeys((*self.notify.channels, *(name for _, hook in self.hooks for name in hook.notify))))

    @property
    def tells(self) -> bool:
        """Whether anybody outside is told of its runs, or gets its results."""
        if self.notify.channels or self.output or self.ping is not None:
            return True
        return bool(self.on_start.notify or self.on_success.notify or self.on_failure.notify)

    @property
    def apart(self) -> Sandbox:
        """Where its runs are kept apart: what it says, else a worktree for an agent, and nowhere for the others."""
        if self.sandbox is not None and not isinstance(self.action, TaskAction):
            return self.sandbox
        return WORKTREE if isinstance(self.action, AgentAction) else NOT_APART

    @property
    def provider(self) -> str:
        """Whose rate limits its runs meet; empty for a job that asks no agent."""
        return self.action.provider if isinstance(self.action, AgentAction) else ""

    @property
    def adapts(self) -> bool:
        """Whether its interval follows from what its runs were worth."""
        return isinstance(self.when, IntervalWhen) and self.when.longest_s is not None
