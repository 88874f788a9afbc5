"""A run and its state machine: one due instant (or request) of one job, from claim to outcome."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from octojobs.core.guards import Verdict
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job
from octojobs.core.trigger import Trigger
from octojobs.slotted import dataclass


class Phase(StrEnum):
    """Where a run stands; the picture is in `docs/state-machine.md`."""

    WAITING = "waiting"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    FINISHED = "finished"


class Outcome(StrEnum):
    """What a due instant ended in; exactly one each (promise P4)."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    MISSED = "missed"


class Cause(StrEnum):
    """Why there is a run."""

    SCHEDULE = "schedule"
    CATCH_UP = "catch_up"
    MANUAL = "manual"
    ON_START = "on_start"
    ON_SUCCESS = "on_success"
    ON_FAILURE = "on_failure"
    REF = "ref"
    TAG = "tag"
    TASK = "task"
    JOB = "job"


SELF_DUE = frozenset({Cause.SCHEDULE, Cause.CATCH_UP, Cause.REF, Cause.TAG, Cause.TASK, Cause.JOB})
"""The causes that stand in the job's own definition: nobody has asked for such a run."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that can't be mistaken for another: pid, start in clock ticks since boot, boot id."""

    pid: int
    start_ticks: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt of an agent job has used, as its program told it; None is not known.

    `input_tokens` are all that the model was given, `cached_tokens` those of them that came from a cache. `model` is the one that
    really ran. `day` is the day on which the attempt ended, by the clock of the job's zone.
    """

    agent: str
    day: str
    profile: str = ""
    model: str = ""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has ended; times are aware UTC. A `void` one provably never started: no retry is used up by it.

    `usage` is what an agent has used, None where none was asked. `limited_until` is the end of the rate limit that it met.
    """

    number: int
    outcome: Outcome
    started_at: datetime | None
    ended_at: datetime
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    void: bool = False
    usage: Usage | None = None
    limited_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """An open or finished run. It carries the definition it was claimed with, so that removing a job harms no run.

    `not_before` is the instant before which nothing is tried again (a guard's next check, a retry), None for now.
    `commit` is the repository's commit at the start, `definitions` the one the job was read from ("worktree" for live editing).
    `start_followed` says that what its `on_start` asks for is claimed.
    `trigger` is what happened that the run is due to, None for one that the clock or somebody brought about.
    """

    id: RunId
    definition: Job
    due: datetime
    cause: Cause
    claimed_at: datetime
    phase: Phase = Phase.QUEUED
    attempt: int = 1
    not_before: datetime | None = None
    deadline: datetime | None = None
    forced: bool = False
    requested_by: str = ""
    definitions: str = ""
    commit: str = ""
    dirty: bool = False
    verdicts: tuple[Verdict, ...] = ()
    process: Process | None = None
    started_at: datetime | None = None
    cancel: str = ""
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    attempts: tuple[Attempt, ...] = ()
    trigger: Trigger | None = None
    start_followed: bool = False

    @property
    def job(self) -> JobId:
        """The job of this run."""
        return self.definition.id

    @property
    def is_follow_up(self) -> bool:
        """Whether this is what the `on_start`, `on_success` or `on_failure` of another run has brought about."""
        return "+" in self.id

    @property
    def is_beside(self) -> bool:
        """Whether it goes on beside the run that it follows, and so takes no room: in a pool of one it would begin when that has ended."""
        return self.cause is Cause.ON_START and self.is_follow_up

    @property
    def is_deferred(self) -> bool:
        """Whether it waits for the end of a rate limit; the attempt that met it uses up no retry."""
        return self.phase is Phase.RETRYING and self.attempts[-1].limited_until is not None

    @property
    def holds_slot(self) -> bool:
        """Whether the run has a process, or is about to: from `starting` until it has ended; a retry that waits has none."""
        return self.phase in (Phase.STARTING, Phase.RUNNING)

    @property
    def takes_room(self) -> bool:
        """Whether it takes room in its pool."""
        return self.holds_slot and not self.is_beside


class IllegalTransition(Exception):
    """The state machine has no such arrow; the message names the run, where it stands, and the event."""
