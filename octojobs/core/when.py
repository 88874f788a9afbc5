"""When a job is due: by the clock, by what happens, or only when asked."""

from __future__ import annotations

from enum import StrEnum

from octojobs.core.identity import JobId
from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class ScheduleWhen:
    """Due at the union of these: 5-field cron expressions, `@hourly` and its kin, `@once INSTANT`."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IntervalWhen:
    """Due at anchor + k·period; the anchor is the first sight of the job. `longest_s` is how far no-ops may stretch the period."""

    period_s: int
    longest_s: int | None = None


@dataclass(frozen=True, slots=True)
class ActivityWhen:
    """Due at intervals that activity chooses: `active_s` while somebody works here, `idle_s` for a while after, then `dormant_s`.

    `quiet` is a span of the job's wall clock that counts as dormant, in minutes since midnight; None for none.
    """

    active_s: int
    idle_s: int
    dormant_s: int
    quiet: tuple[int, int] | None = (0, 7 * 60)


@dataclass(frozen=True, slots=True)
class AfterWhen:
    """Due a fixed delay after the previous run ended; the first time at first sight."""

    delay_s: int


@dataclass(frozen=True, slots=True)
class ManualWhen:
    """Never due by itself: runs only when asked."""


@dataclass(frozen=True, slots=True)
class RefWhen:
    """Due when `ref` (a full name) has come to stand for another commit; with `paths` (patterns), when a file that they mean differs
    between the last commit handled and that one.
    """

    ref: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagWhen:
    """Due once for each new tag that `pattern` means; it goes by the name without `refs/tags/`."""

    pattern: str


class Ending(StrEnum):
    """How the run of another job has to end."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class JobWhen:
    """Due when a run of another job has ended so; FAILED stands for `timed_out` and `lost`, too, FINISHED for any end of a run."""

    job: JobId
    ending: Ending


@dataclass(frozen=True, slots=True)
class TaskWhen:
    """Due once for each task that comes into `state`; with `flow`, for those of that flow alone."""

    state: str
    flow: str = ""


Triggered = RefWhen | TagWhen | TaskWhen | JobWhen
"""`on`: due by what happens, not by the clock."""

When = ScheduleWhen | IntervalWhen | ActivityWhen | AfterWhen | ManualWhen | RefWhen | TagWhen | TaskWhen | JobWhen
