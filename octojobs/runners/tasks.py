"""Runs that enqueue tasks: octojobs itself, in a process of its own, as a run of any other kind."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import octojobs
from octojobs.core.codec import encode
from octojobs.core.definitions import Settings
from octojobs.core.job import TaskAction
from octojobs.store.paths import StatePaths

HOST = Path(octojobs.__file__).parent / "actions" / "task_host.py"


def task_argv(task: TaskAction | None, settings: Settings, repository_root: Path, paths: StatePaths) -> tuple[str, ...]:
    """The argument vector that enqueues the task, or with None one whose fields it reads as JSON from its standard input.

    The settings are those that the run was started with, whatever is committed meanwhile. Neither the job's Python nor what
    lies in its folder has a part in it (`-E`, `-P`).
    """
    order = {
        "repository": str(repository_root),
        "state": str(paths.root),
        "format": settings.task_format,
        "settings": encode(settings.tasks),
        "agent_worktrees": settings.agent_worktrees,
        "task": encode(task),
    }
    return (sys.executable, "-E", "-P", str(HOST), json.dumps(order, ensure_ascii=False))
