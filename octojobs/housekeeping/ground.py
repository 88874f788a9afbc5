"""What a shipped job stands on: the repository's tasks and state as its run was told of them, and the time."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from octojobs.core.codec import decode
from octojobs.core.definitions import AGENT_WORKTREES, Settings, TaskSettings
from octojobs.engine.clock import SystemClock
from octojobs.facts.fact import FactContext
from octojobs.flows.forms import Form
from octojobs.flows.queue import Place
from octojobs.repository import Repository
from octojobs.runners.context import JobContext
from octojobs.store.paths import StatePaths

STATE_ABOVE_RUN = 3
"""`<state>/runs/<job>/<run>/<attempt>`: the state folder is the fourth parent of the attempt's folder."""


def paths_of(context: JobContext) -> StatePaths:
    """The state folder that the run's own folder lies in."""
    return StatePaths(context.run.folder.parents[STATE_ABOVE_RUN])


def place_of(context: JobContext) -> Place:
    """Where the tasks are, under the settings that the run was started with; the defaults where it was told none."""
    if not context.enqueue_command:
        return Place(context.repository, paths_of(context))
    order = json.loads(context.enqueue_command[-1])
    settings = decode(TaskSettings, order["settings"])
    return Place(Path(order["repository"]), StatePaths(Path(order["state"])), settings, Form(order["format"]))


def agent_worktrees_of(context: JobContext) -> tuple[str, ...]:
    """The globs of agents' worktrees, as the settings had them when the run was started; the defaults where it was told none."""
    order = json.loads(context.enqueue_command[-1]) if context.enqueue_command else {}
    return tuple(order.get("agent_worktrees", AGENT_WORKTREES))


def now_of(context: JobContext) -> datetime:
    """Now (aware UTC), and never before the instant that the run is for: a clock that was set back expires nothing twice."""
    return max(SystemClock().now(), context.run.scheduled_at)


def look_of(context: JobContext) -> FactContext:
    """A look at the outside as a guard takes it, with the environment of the run."""
    state = paths_of(context).root
    return FactContext(Repository.discover(context.repository), context.repository, state, Settings(), now_of(context))


class WrongArgument(ValueError):
    """What `args:` give can't be; the message says what, and what can."""


def chosen(value: str, name: str, allowed: tuple[str, ...]) -> str:
    """The value, where it is one of those that are allowed; raises WrongArgument, which names them all."""
    if value not in allowed:
        raise WrongArgument(f"args: {name}: {value!r} is none of {', '.join(allowed)}")
    return value


def listed(value: object, name: str) -> tuple[str, ...]:
    """The texts; raises WrongArgument for what is no list of them: a text alone would count as its letters."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        fix = f"; write [{json.dumps(value)}]" if isinstance(value, str) else ""
        raise WrongArgument(f"args: {name}: {value!r} is no list of texts{fix}")
    return tuple(value)
