"""From older formats of the state to this one, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from octojobs.errors import ExitCode, OctojobsError
from octojobs.slotted import dataclass

VERSION = 1
"""The format that this octojobs writes; formats count from 1."""


class NewerFormat(OctojobsError):
    """The state was written by a newer octojobs: nothing is wrong with it, but this one must not touch it."""

    exit_code = ExitCode.DAMAGED


@dataclass(frozen=True, slots=True)
class Migration:
    """From one format to the next: of the snapshot's `state`, and of one event in the journal that continues it."""

    state: Callable[[dict[str, Any]], dict[str, Any]]
    event: Callable[[dict[str, Any]], dict[str, Any]]


MIGRATIONS: dict[int, Migration] = {}
"""The step from each older format to the one after it; format 1 is the first."""


def check_version(version: int) -> None:
    """Raise NewerFormat when this octojobs can't read the format."""
    if version > VERSION:
        raise NewerFormat(
            f"the state is in format {version}, written by a newer octojobs; this one reads formats up to {VERSION}",
            "upgrade octojobs, or keep a separate state with --state-dir",
        )


def upgrade_state(version: int, state: dict[str, Any]) -> dict[str, Any]:
    """The snapshot's state in this format."""
    for step in range(version, VERSION):
        state = MIGRATIONS[step].state(state)
    return state


def upgrade_event(version: int, event: dict[str, Any]) -> dict[str, Any]:
    """An event of the journal in this format; a journal is in the format of the snapshot that it continues."""
    for step in range(version, VERSION):
        event = MIGRATIONS[step].event(event)
    return event
