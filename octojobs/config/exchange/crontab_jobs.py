"""Entries of a crontab to jobs: schedule and zone, shell, variables, and a name for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from octojobs.config.exchange.cron_commands import name_of, unescape, with_input
from octojobs.config.exchange.crontab import CronEntry, Crontab
from octojobs.config.exchange.imported import ForeignJob, Imported
from octojobs.core.cron import Cron
from octojobs.core.cronsyntax import CronError
from octojobs.errors import Problem, Severity

_PLAIN_SHELLS = ("", "sh", "dash")
_BRACES = ("sh", "dash", "bash", "zsh", "ksh")
"""Shells that group commands by `{ … }` and take a here-document."""


class _Left(Exception):
    """An entry that can't become a job: the column, what is in the way, and the remedy."""


def jobs_of(crontab: Crontab, *, timezone: str, user: str, taken: Collection[str] = ()) -> Imported:
    """A job for each entry that can be one.

    `timezone` is the zone that cron reads the schedules in where no CRON_TZ says otherwise: only jobs in another one get a
    `timezone`. `user` is who will run octojobs, `taken` are names that other jobs have.
    """
    names = {name.lower() for name in taken}
    jobs: list[ForeignJob] = []
    problems = list(crontab.problems)
    for entry in crontab.entries:
        try:
            fields = _fields(entry, timezone)
        except _Left as left:
            column, what, fix = left.args
            problems.append(Problem(crontab.path, entry.line, column, what, fix))
            continue
        if entry.user and entry.user.partition(":")[0] != user:
            problems.append(_other_user(crontab.path, entry, user))
        name = _unique(name_of(unescape(entry.command)[0]), names)
        jobs.append(ForeignJob(name, fields, entry.line, entry.column))
    return Imported(tuple(jobs), tuple(sorted(problems)))


def _fields(entry: CronEntry, timezone: str) -> dict[str, Any]:
    zone = entry.variables.get("CRON_TZ") or timezone
    _check_schedule(entry, zone)
    fields: dict[str, Any] = {"description": entry.description} if entry.description else {}
    fields["schedule"] = " ".join(entry.schedule.split())
    if zone != timezone:
        fields["timezone"] = zone
    delay = entry.variables.get("RANDOM_DELAY", "0")
    if not delay.isdecimal():
        raise _Left(entry.column, f'RANDOM_DELAY is "{delay}", no number of minutes', "write minutes there, or remove it")
    if int(delay):
        fields["jitter"] = f"{int(delay)}m"
    fields.update(_command(entry))
    return {**fields, **_surroundings(entry.variables)}


def _check_schedule(entry: CronEntry, zone: str) -> None:
    if (at := entry.schedule.find("~")) >= 0:
        raise _Left(entry.column + at, "~ lets chance choose the time", "name a time, and add `jitter:` to spread jobs")
    try:
        Cron.parse(entry.schedule, zone)
    except CronError as error:
        raise _Left(entry.column + error.offset, error.what, error.fix) from None


def _command(entry: CronEntry) -> dict[str, Any]:
    command, text = unescape(entry.command)
    shell = entry.variables.get("SHELL", "")
    base = PurePosixPath(shell).name
    if not command.strip():
        raise _Left(entry.command_column, "the command is empty: % begins what it would read", "write \\% for a percent sign")
    if text is not None:
        if base and base not in _BRACES:
            raise _Left(entry.command_column, f"% gives {base} an input that can't be written in its language", "let a script read it")
        command = with_input(command, text)
    if base in _PLAIN_SHELLS:
        return {"command": command}
    if base == "bash":
        return {"command": command, "shell": "bash"}
    return {"command": [shell, "-c", command]}


def _surroundings(variables: Mapping[str, str]) -> dict[str, Any]:
    """The environment, and the folder: cron starts commands in HOME."""
    env = {name: value for name, value in variables.items() if name not in ("SHELL", "CRON_TZ", "RANDOM_DELAY")}
    return {**({"cwd": env["HOME"]} if env.get("HOME") else {}), **({"env": env} if env else {})}


def _other_user(path: str, entry: CronEntry, user: str) -> Problem:
    what = f"cron runs this as {entry.user}, octojobs as {user}"
    fix = f"run it by `sudo -n -u {entry.user}`, or by an octojobs of that user"
    return Problem(path, entry.line, entry.command_column, what, fix, Severity.WARNING)


def _unique(name: str, names: set[str]) -> str:
    """The name, or the name with a number; it is taken then."""
    number, free = 1, name
    while free.lower() in names:
        number += 1
        free = f"{name}-{number}"
    names.add(free.lower())
    return free
