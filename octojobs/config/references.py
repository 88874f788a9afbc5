"""What one definition names and another must hold: jobs, pools, conditions; checked when all files are read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from octojobs.config.entries import Entry, Fields
from octojobs.config.guards import named
from octojobs.config.schema import properties
from octojobs.config.suggest import closest, did_you_mean, listed
from octojobs.core.cronsyntax import CronError
from octojobs.core.definitions import AGENTS_POOL, Settings
from octojobs.core.job import HOOKS
from octojobs.core.once import is_once, once_instant
from octojobs.errors import Problem, Severity


class Kind(StrEnum):
    """What is named."""

    POOL = "pool"
    CONDITION = "condition"
    JOB = "job"
    ENDED = "ended"
    ONCE = "once"
    CHANNEL = "channel"
    OUTPUT = "output"
    AGENT = "agent"
    PROGRAM = "program"


PROGRAMS = {"bubblewrap": "bwrap", "docker": "docker", "podman": "podman"}
"""What a sandbox's backend needs on this machine."""
IN_SETTINGS = {Kind.POOL: "pools", Kind.CONDITION: "conditions", Kind.CHANNEL: "channels", Kind.OUTPUT: "channels"}
"""What can't be checked while that part of the settings is wrong."""


class Reference(NamedTuple):
    """One name at one place; `job` is who names it, `args` what a condition is given, `at` the `@once` instant."""

    kind: Kind
    name: str
    job: str
    place: Problem
    args: object = None
    at: datetime | None = None

    def problem(self, what: str, fix: str = "", severity: Severity = Severity.ERROR) -> Problem:
        """A problem at the name."""
        return Problem(self.place.path, self.place.line, self.place.column, f"{self.place.what}: {what}", fix, severity)


def references(job: str, fields: Fields, timezone: str) -> Iterator[Reference]:
    """All that the fields of a job name; the fields have been found right by themselves."""
    if "pool" in fields:
        entry = fields.entries["pool"]
        yield Reference(Kind.POOL, entry.value, job, entry.problem(""))
    if "agent" in fields:
        entry = fields.entries["agent"]
        yield Reference(Kind.AGENT, entry.value, job, entry.problem(""))
    if "conditions" in fields:
        for name, entry in named(fields.entries["conditions"]):
            if name not in built_in():
                yield Reference(Kind.CONDITION, name, job, entry.problem(""), args=None if entry.key != name else entry.value)
    for event in HOOKS:
        if event in fields and "run" in fields.entries[event].value:
            entry = fields.entries[event].at("run")
            yield Reference(Kind.JOB, entry.value, job, entry.problem(""))
        if event in fields and "notify" in fields.entries[event].value:
            entry = fields.entries[event].at("notify")
            yield from (Reference(Kind.CHANNEL, one.value, job, one.problem("")) for one in entry.items())
    if "on" in fields and "job" in fields.entries["on"].value:
        entry = fields.entries["on"].at("job")
        yield from (Reference(Kind.ENDED, str(one.key), job, one.problem("")) for one in entry.items())
    if "notify" in fields:
        entry = fields.entries["notify"].at("channels")
        yield from (Reference(Kind.CHANNEL, one.value, job, one.problem("")) for one in entry.items())
    if "output" in fields:
        entry = fields.entries["output"].at("channel")
        yield Reference(Kind.OUTPUT, entry.value, job, entry.problem(""))
    if "sandbox" in fields and (program := PROGRAMS.get(fields.entries["sandbox"].value["backend"])):
        yield Reference(Kind.PROGRAM, program, job, fields.entries["sandbox"].at("backend").problem(""))
    if "schedule" in fields:
        yield from _once(job, fields.entries["schedule"], timezone)


@cache
def built_in() -> tuple[str, ...]:
    """The conditions that need not be declared; a name of theirs can't be."""
    return tuple(name for name in properties("jobs", "condition") if name not in ("any", "not"))


def _once(job: str, entry: Entry, timezone: str) -> Iterator[Reference]:
    for part in entry.items() if isinstance(entry.value, list) else (entry,):
        if is_once(part.value):
            with suppress(CronError):  # told where the schedule is read
                yield Reference(Kind.ONCE, part.value, job, part.problem(""), at=once_instant(part.value, timezone))


def check(found: Iterable[Reference], jobs: Mapping[str, object], settings: Settings, now: datetime | None) -> Iterator[Problem]:
    """Names that nothing bears, jobs that start each other for ever, and instants that are past at `now`."""
    known_conditions = [*built_in(), *settings.conditions]
    starts: dict[str, list[Reference]] = {}
    for reference in found:
        name = reference.name
        match reference.kind:
            case Kind.POOL if name not in settings.pools and name != AGENTS_POOL:
                yield _unknown_pool(reference, settings)
            case Kind.CHANNEL | Kind.OUTPUT:
                yield from _channel(reference, settings)
            case Kind.CONDITION if name not in known_conditions:
                yield from _undeclared(reference, known_conditions, settings)
            case Kind.CONDITION if reference.args and name in settings.conditions:
                if settings.conditions[name].function is None:
                    yield reference.problem("a condition that is a command takes no arguments", "write the name alone")
                elif not isinstance(reference.args, dict):
                    yield reference.problem("arguments are no mapping", "write them by name")
            case Kind.JOB | Kind.ENDED if name not in jobs:
                yield reference.problem(f'there is no job "{name}"', did_you_mean(name, jobs, "declare it, or remove this"))
            case Kind.JOB:
                starts.setdefault(reference.job, []).append(reference)
            case Kind.ENDED:
                starts.setdefault(name, []).append(reference._replace(name=reference.job, job=name))
            case Kind.PROGRAM if _is_missing(name):
                fix = f"install {name}, or choose another backend; until then its runs fail"
                yield reference.problem(f"there is no program {name} here", fix, Severity.WARNING)
            case Kind.ONCE if reference.at is not None and now is not None and reference.at <= now:
                what = f"{reference.at:%Y-%m-%dT%H:%M:%SZ} is past"
                yield reference.problem(what, "remove the job, or give it a new instant", Severity.WARNING)
            case _:
                pass
    yield from _cycles(starts)


def _undeclared(reference: Reference, known: list[str], settings: Settings) -> Iterator[Problem]:
    """A condition that is neither built in nor declared: a module may register it, and no module is imported to find out."""
    name, what = reference.name, f'there is no condition "{reference.name}"'
    if not settings.modules:
        yield reference.problem(what, did_you_mean(name, known, "declare it under `conditions:` in .octopoid/octojobs.yaml"))
    elif reference.args and not isinstance(reference.args, dict):
        yield reference.problem("arguments are no mapping", "write them by name")
    elif close := closest(name, known):
        what = f"{what}, unless {listed(settings.modules, 'or')} registers one"
        yield reference.problem(what, f'did you mean "{close}"?', Severity.WARNING)


def _channel(reference: Reference, settings: Settings) -> Iterator[Problem]:
    """A channel that there is none of, or one that is told to whom (`NAME:TO`) and can't tell, or is not and must.

    A result for a channel that nobody declared is kept where it can be fetched; a notice there would tell nobody.
    """
    from octojobs.core.channel import ADDRESSED, PLATFORM, find, kept_in  # few jobs name any, and the hook starts at each commit

    found, to = find(settings.channels, reference.name)
    name = reference.name.partition(":")[0]
    if found is None and name in _own():
        return
    if found is None and reference.kind is Kind.OUTPUT:
        fix = did_you_mean(name, settings.channels, "declare it in .octopoid/octojobs.yaml")
        what = f'there is no channel "{name}": its messages are kept in the state folder, as {kept_in(reference.name)}'
        yield reference.problem(what, fix, Severity.WARNING)
    elif found is None:
        where = "in .octopoid/octojobs.yaml, or for yourself in ~/.config/octojobs/channels.yaml"
        declare = f"declare it {where}: `channels: {{{name}: {{file: told.jsonl}}}}`"
        yield reference.problem(f'there is no channel "{name}"', did_you_mean(name, settings.channels, declare))
    elif ":" in reference.name and found.kind not in ADDRESSED:
        yield reference.problem(f'"{name}" is a channel of kind {found.kind}, which goes to one place', f"write {name}")
    elif not to and PLATFORM in found.redis:
        yield reference.problem(
            f"to whom is not said, and its name has {PLATFORM}", f'write "{name}:telegram", or what the platform is called'
        )


def _is_missing(program: str) -> bool:
    from shutil import which  # with two compressors, and the hook starts at each commit

    return which(program) is None


def _own() -> Mapping[str, object]:
    """The channels of whoever asks: only a name that the repository does not declare needs them."""
    from octojobs.config.own_channels import read_own  # few have such a file, and the hook starts at each commit

    return read_own(os.environ).channels


def _unknown_pool(reference: Reference, settings: Settings) -> Problem:
    known = [*settings.pools, AGENTS_POOL]
    fix = did_you_mean(reference.name, known, f"declare it in .octopoid/octojobs.yaml: `pools: {{{reference.name}: 1}}`")
    return reference.problem(f'there is no pool "{reference.name}"', fix)


def _cycles(starts: Mapping[str, list[Reference]]) -> Iterator[Problem]:
    """One problem for each reference that closes a circle, found by a walk in depth without recursion."""
    done: set[str] = set()
    for first in starts:
        if first in done:
            continue
        path = [first]
        branches = [iter(starts[first])]
        while path:
            reference = next(branches[-1], None)
            if reference is None:
                done.add(path.pop())
                branches.pop()
            elif reference.name in path:
                yield _for_ever(reference, path[path.index(reference.name) :])
            elif reference.name not in done:
                path.append(reference.name)
                branches.append(iter(starts.get(reference.name, ())))


def _for_ever(reference: Reference, circle: list[str]) -> Problem:
    """Jobs that start each other, in that order, the last of them the first again."""
    if len(circle) == 1:
        return reference.problem("a job that starts itself never ends", "name another job")
    return reference.problem(f"{listed(circle, 'and')} start each other for ever", "remove one of them")
