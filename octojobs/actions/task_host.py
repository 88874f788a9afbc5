"""The process of a run that enqueues a task, and of `JobContext.enqueue`: `PYTHON task_host.py ORDER`.

The order has the place, the settings and a template; without one, the fields of the task come as JSON on standard input, and the
answer goes as JSON to standard output. Exit code 0: the task is there, new or found. 1: a cap is met, or the disk refuses.
2: it is no task. The message is a line on standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run by path: the package may lie where Python finds nothing by itself.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

import json
import os
from collections.abc import Mapping
from typing import Any

from octojobs.actions.drafting import drafted, from_json, from_template
from octojobs.core.codec import decode
from octojobs.core.definitions import TaskSettings
from octojobs.core.job import TaskAction
from octojobs.core.one_line import spelled
from octojobs.engine.clock import SystemClock
from octojobs.errors import OctojobsError
from octojobs.flows import creating
from octojobs.flows.forms import Form
from octojobs.flows.queue import Place, opened
from octojobs.runners.context import write_whole
from octojobs.store.activity import touch_activity
from octojobs.store.paths import StatePaths

_MOST = 1 << 24
"""Bytes of a task as JSON: of a body that is longer than the longest one the middle is left out, and so it has to be read."""


def main(order: Mapping[str, Any]) -> int:
    """Carry out the order; returns the exit code."""
    try:
        answer = _enqueue(order)
    except OctojobsError as error:
        sys.stderr.write(f"octojobs: {spelled(str(error))}\n")
        return error.exit_code
    if order["task"] is None:
        sys.stdout.write(json.dumps(answer) + "\n")
        return 0
    write_whole(Path(os.environ["OCTOJOBS_RESULT"]), json.dumps(answer, ensure_ascii=False))
    found = "" if answer["new"] else "already there: "
    sys.stdout.write(f"{found}{answer['task']} is {answer['state']}: {spelled(answer['path'])}\n")
    return 0


def _enqueue(order: Mapping[str, Any]) -> dict[str, Any]:
    """The task's id, title, state and path, and whether it is new. Raises OctojobsError."""
    paths = StatePaths(Path(order["state"]))
    place = Place(Path(order["repository"]), paths, decode(TaskSettings, order["settings"]), Form(order["format"]))
    if order["task"] is None:
        draft = from_json(sys.stdin.buffer.read(_MOST))
    else:
        draft = from_template(decode(TaskAction, order["task"]), os.environ, paths)
    with opened(place, SystemClock().now()) as queue:
        enqueued = creating.enqueue(queue, drafted(draft, os.environ))
    if enqueued.is_new:
        touch_activity(paths)
    kept = enqueued.kept
    path = place.worktree / place.settings.folder / kept.state / kept.name
    return {"task": str(kept.task.id), "title": kept.task.title, "state": kept.state, "path": str(path), "new": enqueued.is_new}


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
