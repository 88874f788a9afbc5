"""The files of the repository that a job names in what it executes, so that a change of one of them is seen as the job's."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator

from octojobs.core.guards import conditions_in
from octojobs.core.job import AgentAction, CommandAction, Job, ScriptAction

_PATH = re.compile(r"[\w@%+.,/-]*[\w@%+,-]")


def named_files(job: Job, paths: Collection[str]) -> tuple[str, ...]:
    """Those of the paths (relative to the repository) that the job's command, function, prompt, conditions or follow-ups name, sorted.

    By their spelling alone: what a script calls in its turn is not looked for.
    """
    known = frozenset(paths)
    return tuple(sorted({path for path in _candidates(job) if path in known}))


def _candidates(job: Job) -> Iterator[str]:
    for text in _texts(job):
        for word in _PATH.findall(text):
            yield posixpath.normpath(posixpath.join(job.cwd, word))
    match job.action:
        case ScriptAction(run=run):
            module = run.partition(":")[0].replace(".", "/")
            yield from (f"{module}.py", f"{module}/__init__.py")
        case AgentAction(prompt_file=prompt_file) if prompt_file:
            yield posixpath.normpath(prompt_file)
        case _:
            return


def _texts(job: Job) -> Iterator[str]:
    commands = [job.action] if isinstance(job.action, CommandAction) else []
    commands += [follow_up.command for follow_up in (job.on_success, job.on_failure) if follow_up.command is not None]
    values = [command.command for command in commands]
    values += [condition.args["command"] for condition in conditions_in(job.conditions) if "command" in condition.args]
    for value in values:
        yield from (value,) if isinstance(value, str) else value
