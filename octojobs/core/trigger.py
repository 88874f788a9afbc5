"""A trigger: what happened in the repository that a run is due to, as the run carries it."""

from __future__ import annotations

from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Trigger:
    """`why` says it in words. `ref` went from commit `before` ("" for none) to `commit`; `run` has ended, for a job that follows another;
    `task` has come into a state, at `at`.

    What follows a triggered run carries its ref, commits and task on; `depth` counts the jobs that have followed one another.
    """

    why: str
    ref: str = ""
    before: str = ""
    commit: str = ""
    run: str = ""
    depth: int = 0
    task: str = ""
    at: str = ""
