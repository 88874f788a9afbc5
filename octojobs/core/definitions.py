"""What a repository declares: its jobs and the settings they live under, frozen as they were at one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from octojobs.core.identity import JobId
from octojobs.core.job import Job
from octojobs.errors import Problem
from octojobs.slotted import dataclass

if TYPE_CHECKING:  # the hook reads definitions, and mostly those of no agent, which nobody measures
    from octojobs.core.agent import Agent
    from octojobs.core.channel import Channel
    from octojobs.core.telemetry import MetricsSettings, TracesSettings

JOBS_FILE = ".octopoid/jobs.yaml"
DEFAULT_POOL = "default"
"""The pool of jobs that name none; its size is `max_concurrent`."""
AGENTS_POOL = "agents"
"""The pool of agent jobs that name none; where nobody says how large it is, it has room for one."""
FRONT_MATTER, OCTOPOID_FORM = "front_matter", "octopoid"
"""How the files of tasks are written (`task_format`)."""
TASKS_FOLDER = ".octopoid/tasks"
AGENT_WORKTREES = (
    ".octopoid/runtime/tasks/*/worktree",
    ".octopoid/worktrees/*",
    ".orchestrator/agents/*/worktree",
    ".orchestrator/tasks/*/worktree",
)


@dataclass(frozen=True, slots=True)
class DeclaredCondition:
    """A condition of the repository's own: a command whose exit code 0 holds, or a `module:function`; one of the two."""

    name: str
    command: tuple[str, ...] | str | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How much of the finished runs is kept; whatever exceeds one of the bounds is pruned, oldest first."""

    days: int = 90
    runs_per_job: int = 200
    bytes: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many agents may work here at a time; with `count_external` those that other programs run are among them."""

    max_concurrent: int = 1
    count_external: bool = False


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """Where the repository's tasks lie, and how many there may be.

    `folder` is relative to the main worktree. `max_open` bounds the tasks that are not finished, `max_per_run` those that one run
    enqueues, `queue_limits` those in a state. A claim lasts `lease_s` unless it is renewed; after `max_attempts` claims that came
    to nothing a task is quarantined.
    """

    folder: str = TASKS_FOLDER
    max_open: int = 100
    max_per_run: int = 20
    queue_limits: Mapping[str, int] = field(default_factory=dict)
    lease_s: int = 3600
    max_attempts: int = 3


DEFAULT_TASK_SETTINGS = TaskSettings()


@dataclass(frozen=True, slots=True)
class Settings:
    """What `.octopoid/octojobs.yaml` says, complete with its defaults.

    `max_concurrent` is the size of the default pool, that of the jobs that name none; `pools` has the sizes of the named ones.
    `python` is the interpreter of script jobs ("" means the one that octojobs runs in), `modules` are imported there for what
    they register, `state_dir` is where octojobs keeps its state ("" means under the git common directory), `agent_worktrees`
    are globs relative to the main worktree: a linked worktree that matches one belongs to an agent. `task_format` is `front_matter`
    or `octopoid`. `channels` are where the jobs' `notify` leads. `metrics` and `traces` are None where nobody wants any.
    `capacity` is that of the pool `agents`.
    """

    max_concurrent: int = 4
    pools: Mapping[str, int] = field(default_factory=dict)
    python: str = ""
    modules: tuple[str, ...] = ()
    conditions: Mapping[str, DeclaredCondition] = field(default_factory=dict)
    retention: Retention = Retention()
    jobs_file: str = JOBS_FILE
    state_dir: str = ""
    agent_worktrees: tuple[str, ...] = AGENT_WORKTREES
    task_format: str = FRONT_MATTER
    tasks: TaskSettings = DEFAULT_TASK_SETTINGS
    channels: Mapping[str, Channel] = field(default_factory=dict)
    metrics: MetricsSettings | None = None
    traces: TracesSettings | None = None
    capacity: Capacity = Capacity()

    @property
    def pool_sizes(self) -> dict[str, int]:
        """The sizes of all pools by name, the default one and that of the agents among them."""
        return {AGENTS_POOL: self.capacity.max_concurrent, **self.pools, DEFAULT_POOL: self.max_concurrent}


@dataclass(frozen=True, slots=True)
class Definitions:
    """The jobs of one source, in file order.

    `source` is "worktree" or a full commit id; `digest` is a SHA-256 over the paths and blob ids that were read, so
    equal digests mean equal definitions; `warnings` were found in files that are otherwise fine.

    `pins` are the scripts that jobs name, path to blob id, where they have to be approved, too ("" where nobody has approved what
    is there); a run starts only with the pinned ones on disk. `agents` are those that jobs name and that there are. `agent_files` are
    those of all agents of the repository, path to content, unread; `keeps_plan` says whether what runs has to be approved.
    """

    jobs: Mapping[JobId, Job]
    settings: Settings = Settings()
    source: str = ""
    digest: str = ""
    warnings: tuple[Problem, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    agent_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    keeps_plan: bool = False
