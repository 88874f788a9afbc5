"""Jobs of octopoid's scheduler, `.octopoid/jobs.yaml`: a list of them, or a mapping by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from octojobs.config.exchange.imported import ForeignJob, Imported
from octojobs.config.reader import Document, Mark, read
from octojobs.config.suggest import did_you_mean
from octojobs.core.identity import InvalidId, JobId
from octojobs.errors import Problem, Severity

MODULE = "orchestrator.jobs"
"""Where octopoid registers the functions of script jobs, each under the job's name."""

DEFAULT_INTERVAL_S = 60
"""How often octopoid runs a job that names no interval."""

SAME = (
    "description",
    "enabled",
    "interval",
    "interval_seconds",
    "type",
    "run",
    "args",
    "agent",
    "prompt",
    "conditions",
    "group",
    "timeout",
)
"""What means the same here."""

_OTHERWISE = ("name", "max_instances", "blueprint", "agent_config")
_OF_AGENT = ("agent_dir", "role")


class _Left(Exception):
    """A job that can't be carried over: the key that is in the way (None: the job), what is wrong, and the remedy."""


class _Told(list[Problem]):
    """Problems of one document."""

    def __init__(self, document: Document) -> None:
        super().__init__(document.problems)
        self.path = document.path

    def add(self, mark: Mark, what: str, fix: str, severity: Severity = Severity.ERROR) -> None:
        """One more, at the place of a key."""
        self.append(Problem(self.path, mark.key_line, mark.key_column, what, fix, severity))


def jobs_of(path: str, data: bytes, *, module: str = MODULE) -> Imported:
    """The jobs of a file, in its order; an error tells of a job that was left out, a warning of what is done otherwise.

    `module` has the functions of those script jobs that name none.
    """
    document = read(path, data)
    told = _Told(document)
    jobs: list[ForeignJob] = []
    if not document.refused:
        for name, values, mark in _declared(document, told):
            try:
                fields = dict(_fields(document, str(JobId(name)), values, module, told))
            except InvalidId as error:
                what, _, fix = str(error).partition(": ")
                told.add(mark, what, fix)
                continue
            except _Left as left:
                key, what, fix = left.args
                told.add(document.mark(values, key) if key else mark, f'job "{name}": {what}', fix)
                continue
            places = {key: document.mark(values, key)[:2] for key in values}
            jobs.append(ForeignJob(name, fields, mark.key_line, mark.key_column, places))
    return Imported(tuple(jobs), tuple(sorted(told)))


def _declared(document: Document, told: _Told) -> Iterator[tuple[str, dict[str, Any], Mark]]:
    """Name, values and place of each job."""
    top = document.top[0]
    jobs = top.get("jobs") if isinstance(top, dict) else None
    if not isinstance(jobs, dict | list):
        told.append(Problem(document.path, 0, 0, "the file has no `jobs:`", "name octopoid's .octopoid/jobs.yaml"))
        return
    for key, value in jobs.items() if isinstance(jobs, dict) else enumerate(jobs):
        mark = document.mark(jobs, key)
        if not isinstance(value, dict):
            told.add(mark, "this is no job", "write its fields as `name: value`")
            continue
        name = key if isinstance(key, str) else value.get("name", "")
        yield str(name), value, document.mark(value, "name") if isinstance(key, int) and "name" in value else mark


def _fields(document: Document, name: str, values: dict[str, Any], module: str, told: _Told) -> Iterator[tuple[str, Any]]:
    kind = values.get("type", "script")
    if kind not in ("script", "agent"):
        raise _Left("type", f'octopoid has no type "{kind}"', "write script or agent")
    if "interval" not in values and "interval_seconds" not in values:
        yield "interval", DEFAULT_INTERVAL_S
    yield from ((key, value) for key, value in values.items() if key in SAME)
    for key in values:
        if key not in SAME and key not in _OTHERWISE:
            fix = did_you_mean(key, (*SAME, *_OTHERWISE))
            told.add(document.mark(values, key), f'{key} of job "{name}" is left out: octojobs has no such field', fix, Severity.WARNING)
    if kind == "agent":
        yield from _agent(document, name, values, told)
    elif "run" not in values:
        yield "run", f"{module}:{name}"
        if values.get("group", "remote") == "remote":
            what = f'job "{name}": octopoid hands {name}() what it has polled from its server, octojobs does not'
            told.add(document.mark(values, "group"), what, "let the function ask for it itself", Severity.WARNING)


def _agent(document: Document, name: str, values: dict[str, Any], told: _Told) -> Iterator[tuple[str, Any]]:
    """An agent has its prompt in its own folder, unless the job has one; how it is spawned is octopoid's own affair."""
    config = values.get("agent_config", {})
    if not isinstance(config, dict):
        raise _Left("agent_config", "agent_config is no mapping", "write its fields as `name: value`")
    folder = str(config.get("agent_dir", ""))
    named = PurePosixPath(folder).name or values.get("blueprint") or config.get("role")
    if "agent" not in values and named:
        yield "agent", str(named)
    if "prompt" not in values:
        if not folder:
            raise _Left(None, "it has no prompt, and names no agent_dir that has one", "add `prompt:`")
        yield "prompt_file", f"{folder}/prompt.md"
    if isinstance(most := values.get("max_instances", 1), int) and most > 1:
        yield "overlap", "allow"
        yield "max_instances", most
    left = [key for key in config if key not in _OF_AGENT]
    if left:
        what = f'job "{name}": {", ".join(left)} of agent_config left out: how octopoid spawns an agent'
        told.add(document.mark(values, "agent_config"), what, "the agent's own profile says it here", Severity.WARNING)
