"""Arguments and words that the two guards about queues of tasks share."""

from __future__ import annotations

import re

from octojobs.conditions.base import Args
from octojobs.facts.queues import Queue

_STATE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def state_problems(args: Args) -> list[str]:
    """`state` is the name of a folder of tasks."""
    state = args.get("state", "incoming")
    return [] if isinstance(state, str) and _STATE.fullmatch(state) else ["state: the name of a folder of tasks, such as incoming"]


def counted(queue: Queue) -> str:
    """`3 tasks in .octopoid/tasks/incoming`."""
    many = f"{queue.tasks} task{'' if queue.tasks == 1 else 's'}"
    return f"{many} in {' and '.join(queue.folders)}" if queue.folders else f"{many}: there is no folder {queue.state}"
