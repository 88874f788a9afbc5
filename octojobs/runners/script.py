"""Script jobs: a Python function in a process of its own, called by `script_host.py` in the repository's Python."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from octojobs.core.definitions import Settings
from octojobs.core.job import Job, ScriptAction
from octojobs.runners.tasks import task_argv
from octojobs.store.paths import StatePaths

HOST = Path(__file__).with_name("script_host.py")


def script_argv(job: Job, action: ScriptAction, settings: Settings, repository_root: Path, paths: StatePaths) -> tuple[str, ...]:
    """The argument vector that calls the function; nothing in it is secret, since everybody's `ps` shows it."""
    order = {
        "run": action.run,
        "args": dict(action.args),
        "modules": list(settings.modules),
        "state": str(paths.job_state(job.id)),
        "enqueue": task_argv(None, settings, repository_root, paths),
    }
    return (python_of(job, action, settings, repository_root), str(HOST), json.dumps(order, ensure_ascii=False))


def python_of(job: Job, action: ScriptAction, settings: Settings, repository_root: Path) -> str:
    """The interpreter: the job's `python`, else the repository's, else the one that octojobs runs in.

    A path with a slash is relative to the repository's root, a bare name is looked up on the job's PATH. octojobs'
    own functions need what octojobs needs: without a `python` of their own they run where octojobs is installed.
    """
    ours = action.run.startswith("octojobs.")
    chosen = job.python or ("" if ours else settings.python) or sys.executable
    return str(repository_root / chosen) if "/" in chosen else chosen
