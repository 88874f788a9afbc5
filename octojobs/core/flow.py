"""A flow: the states that a task can be in, each with the phase that is all the scheduler knows of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from octojobs.slotted import dataclass

STATE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""A state is the name of a folder: no such name leads anywhere else."""


class TaskPhase(StrEnum):
    """What a state means to the scheduler."""

    PROPOSED = "proposed"
    DEFINED = "defined"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing is expected of the task any more."""
        return self in (TaskPhase.DONE, TaskPhase.FAILED, TaskPhase.CANCELLED)


@dataclass(frozen=True, slots=True)
class Flow:
    """The states by name, in the order in which a task passes them, and those that octojobs itself moves tasks to.

    `ready`, `running` and so on are names of `states`; each has the phase that it is called after, and `quarantined`, where
    a task goes that nobody could finish, has the phase `failed`. Raises ValueError for names that are none, or of another phase.
    """

    name: str
    states: Mapping[str, TaskPhase]
    proposed: str = "proposed"
    ready: str = "incoming"
    running: str = "claimed"
    waiting: str = "provisional"
    done: str = "done"
    failed: str = "failed"
    quarantined: str = "quarantined"

    def __post_init__(self) -> None:
        for state in self.states:
            if not STATE_NAME.fullmatch(state):
                raise ValueError(f"{state!r} is not the name of a state: a small letter first, then those, digits, _ and -, 32 at most")
        for role in ("proposed", "ready", "running", "waiting", "done", "failed", "quarantined"):
            state = getattr(self, role)
            phase = TaskPhase.FAILED if role == "quarantined" else TaskPhase(role)
            if self.states.get(state) is not phase:
                raise ValueError(f"{self.name}: {role}: {state!r} is not a state in phase {phase}")

    def of_phase(self, *phases: TaskPhase) -> tuple[str, ...]:
        """The states in these phases, in the flow's order."""
        return tuple(state for state, phase in self.states.items() if phase in phases)


OCTOPOID = Flow(
    "default",
    {
        "proposed": TaskPhase.PROPOSED,
        "incoming": TaskPhase.READY,
        "claimed": TaskPhase.RUNNING,
        "provisional": TaskPhase.WAITING,
        "done": TaskPhase.DONE,
        "failed": TaskPhase.FAILED,
        "quarantined": TaskPhase.FAILED,
    },
)
"""octopoid's own, and the default."""
