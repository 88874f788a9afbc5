"""What one place says about agents."""

from __future__ import annotations

from datetime import datetime

from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that was seen. `pid`, `task` and `since` (aware UTC) are None or "" where the place does not tell.

    `where` is the file or folder that shows it.
    """

    name: str
    pid: int | None
    task: str
    since: datetime | None
    where: str


@dataclass(frozen=True, slots=True)
class Found:
    """What one place shows: agents at work, agents that ended while their record still stands, what could not be read.

    An unhandled agent runs no more, but nobody has taken its result in yet.
    """

    running: tuple[Agent, ...] = ()
    unhandled: tuple[Agent, ...] = ()
    unreadable: tuple[str, ...] = ()


def merge(found: list[Found]) -> Found:
    """Several finds as one, in order."""
    return Found(
        tuple(agent for one in found for agent in one.running),
        tuple(agent for one in found for agent in one.unhandled),
        tuple(text for one in found for text in one.unreadable),
    )
