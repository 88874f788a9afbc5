"""`.octopoid/octojobs.yaml` to the frozen `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from octojobs.config.entries import Entry, Fields, each
from octojobs.config.parsers import command, folder, period, size, texts
from octojobs.config.reader import read
from octojobs.config.schema import check, properties
from octojobs.config.suggest import did_you_mean
from octojobs.core.definitions import (
    AGENTS_POOL,
    DEFAULT_TASK_SETTINGS,
    OCTOPOID_FORM,
    Capacity,
    DeclaredCondition,
    Retention,
    Settings,
    TaskSettings,
)
from octojobs.errors import Problem

if TYPE_CHECKING:  # few settings have any, and the hook reads them all
    from octojobs.core.channel import Channel
    from octojobs.core.telemetry import MetricsSettings, TracesSettings


class SettingsFile(NamedTuple):
    """The settings, those at fault at their defaults; what is wrong, and with which of them."""

    settings: Settings
    problems: tuple[Problem, ...]
    broken: frozenset[str] = frozenset()


def read_settings(path: str, data: bytes) -> SettingsFile:
    """The settings of a file; an empty one says nothing, and that is fine."""
    document = read(path, data)
    plain = Settings()
    file = Entry(document, document.top, 0, "", "")
    if document.problems or file.value is None:
        return SettingsFile(plain, tuple(document.problems), _ALL if document.problems else frozenset())
    refused = check(file, "octojobs")
    if not isinstance(file.value, dict):
        return SettingsFile(plain, refused.problems, _ALL)
    usable = [key for key in file.value if key not in refused.keys and not key.startswith("x-")]
    fields = Fields({key: file.at(key) for key in usable}, list(refused.problems))
    settings = Settings(
        max_concurrent=fields.plain("max_concurrent", plain.max_concurrent),
        pools=dict(fields.plain("pools", plain.pools)),
        python=fields.read("python", folder, plain.python),
        modules=fields.read("modules", texts, plain.modules),
        conditions=fields.read("conditions", _conditions, plain.conditions),
        retention=fields.read("retention", _retention, plain.retention),
        jobs_file=fields.read("jobs_file", _path_within, plain.jobs_file),
        state_dir=fields.read("state_dir", folder, plain.state_dir),
        agent_worktrees=fields.read("agent_worktrees", texts, plain.agent_worktrees),
        task_format=fields.read("task_format", lambda entry: _task_format(entry, fields), plain.task_format),
        tasks=fields.read("tasks", _tasks, plain.tasks),
        channels=fields.read("channels", _channels, plain.channels),
        metrics=fields.read("metrics", _metrics, plain.metrics),
        traces=fields.read("traces", _traces, plain.traces),
        capacity=fields.read("capacity", lambda entry: _capacity(entry, fields), plain.capacity),
    )
    unread = ["conditions", "channels"] if fields.problems[len(refused.problems) :] else []
    return SettingsFile(settings, tuple(fields.problems), refused.keys | refused.meant | frozenset(unread))


_ALL = frozenset(Settings.__slots__)


def _channels(entry: Entry) -> Mapping[str, Channel]:
    from octojobs.config.channels import channels  # as above

    return channels(entry)


def _conditions(entry: Entry) -> Mapping[str, DeclaredCondition]:
    return {condition.name: condition for condition in each(entry.items(), _condition)}


def _condition(entry: Entry) -> DeclaredCondition:
    name, value = str(entry.key), entry.value
    if name in properties("jobs", "condition"):
        raise entry.invalid("is the name of a built-in condition", "choose another name")
    if "command" in value:
        return DeclaredCondition(name, command=command(entry.at("command")))
    if "function" not in value:  # only keys that begin with x-
        raise entry.invalid("says nothing about when it holds", "add `command:` or `function:`")
    return DeclaredCondition(name, function=value["function"])


def _task_format(entry: Entry, fields: Fields) -> str:
    """Another program's queue is written to only when it is named."""
    form: str = entry.value
    given = fields.entries.get("tasks")
    if form == OCTOPOID_FORM and (given is None or "folder" not in given.value):
        raise entry.invalid("octopoid's form, and no queue is named", "add `tasks: {folder: .orchestrator/shared/queue}`, or where it is")
    return form


def _metrics(entry: Entry) -> MetricsSettings:
    from octojobs.config.telemetry import metrics  # few settings have any, and the hook reads them all

    return metrics(entry)


def _traces(entry: Entry) -> TracesSettings:
    from octojobs.config.telemetry import traces  # as above

    return traces(entry)


def _check_states(limits: Mapping[str, int], entry: Entry) -> None:
    from octojobs.core.flow import OCTOPOID  # few settings name a state, and the hook reads them all

    for state in limits:
        if state not in OCTOPOID.states:
            fix = did_you_mean(state, OCTOPOID.states, f"write one of {', '.join(OCTOPOID.states)}")
            raise entry.at(state).invalid("there is no such state", fix)


def _tasks(entry: Entry) -> TaskSettings:
    value: Mapping[str, Any] = entry.value
    plain = DEFAULT_TASK_SETTINGS
    limits = dict(value.get("queue_limits", plain.queue_limits))
    if limits:
        _check_states(limits, entry.at("queue_limits"))
    return TaskSettings(
        folder=_path_within(entry.at("folder")) if "folder" in value else plain.folder,
        max_open=value.get("max_open", plain.max_open),
        max_per_run=value.get("max_per_run", plain.max_per_run),
        queue_limits=limits,
        lease_s=period(entry.at("lease")) if "lease" in value else plain.lease_s,
        max_attempts=value.get("max_attempts", plain.max_attempts),
    )


def _retention(entry: Entry) -> Retention:
    value: Mapping[str, Any] = entry.value
    plain = Retention()
    amount = size(entry.at("bytes")) if "bytes" in value else plain.bytes
    return Retention(value.get("days", plain.days), value.get("runs_per_job", plain.runs_per_job), amount)


def _capacity(entry: Entry, fields: Fields) -> Capacity:
    """The pool `agents` has one size."""
    given = fields.entries.get("pools")
    if "max_concurrent" in entry.value and given is not None and AGENTS_POOL in given.value:
        raise entry.at("max_concurrent").invalid(f"pools.{AGENTS_POOL} says it, too", "keep one of them")
    return Capacity(entry.value.get("max_concurrent", 1), entry.value.get("count_external", False))


def _path_within(entry: Entry) -> str:
    path: str = entry.value
    if ".." in path.split("/"):
        raise entry.invalid(f'"{path}" leads out of the repository', "write a path in it")
    return path
