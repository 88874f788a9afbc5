"""Jobs of kjob, an agentic cron, as they are written: a TOML file of `[job]` tables, or a script of `kjob create` commands."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import date, time
from typing import Any

from octojobs.config.exchange.imported import ForeignJob, Imported
from octojobs.config.suggest import closest, did_you_mean
from octojobs.core.identity import InvalidId, JobId
from octojobs.errors import Problem, Severity
from octojobs.slotted import dataclass

FIELDS = ("prompt", "agent", "schedule", "sandbox", "output", "retries", "timeout", "enabled", "description", "timezone")
"""The fields of a job that mean the same here; `slug` is its name, and `name` its title."""

OPTIONS = {"--slug": "slug", "--prompt": "prompt", "--schedule": "schedule", "--agent": "agent", "--timeout": "timeout", "--name": "name"}
READING = ("list", "inspect", "runs", "logs", "run-now")
"""Commands of a script that declare nothing."""

_COMMAND = re.compile(r"^\s*(?:\$\s+)?kjob\s", re.MULTILINE)
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
_HEADER = re.compile(r"\s*(\[\[?)\s*jobs?\s*(?:\.\s*([A-Za-z0-9_-]+)\s*)?\]")
_KEY = re.compile(r"(\s*)([A-Za-z0-9_-]+)\s*[.=]")
_QUOTES = ('"""', "'''")


@dataclass(slots=True)
class _Table:
    """A job as it is written: its values, where it begins, and where each of its keys stands."""

    values: dict[str, Any]
    line: int = 1
    column: int = 1
    places: dict[str, tuple[int, int]] = field(default_factory=dict)


def jobs_of(path: str, text: str) -> Imported:
    """The jobs of a file, in its order; an error tells of a job that was left out, a warning of a field.

    >>> [job.name for job in jobs_of("jobs.sh", 'kjob create --slug audit --prompt /k --schedule "0 9 * * MON"').jobs]
    ['audit']
    """
    problems: list[Problem] = []
    tables = _from_script(path, text, problems) if _COMMAND.search(text) else _from_toml(path, text, problems)
    jobs = [job for table in tables if (job := _job(path, table, problems)) is not None]
    return Imported(tuple(jobs), tuple(sorted(problems)))


def _job(path: str, table: _Table, problems: list[Problem]) -> ForeignJob | None:
    slug = table.values.get("slug")
    line, column = table.places.get("slug", (table.line, table.column))
    try:
        name = JobId(str(slug or ""))
    except InvalidId as error:
        what, _, fix = ("the job has no slug", "", "give it one") if not slug else str(error).partition(": ")
        problems.append(Problem(path, line, column, what, fix))
        return None
    fields = {"title": str(table.values["name"])} if "name" in table.values else {}
    for key, value in table.values.items():
        place = table.places.get(key, (table.line, table.column))
        if key in FIELDS and _has_date(value):
            problems.append(Problem(path, *place, f"{key} is a date", 'quote it, as in "@once 2026-05-15T10:00Z"'))
            return None
        if key in FIELDS:
            fields[key] = value
        elif key not in ("slug", "name"):
            what = f'{key} of job "{name}" is left out: octojobs has no such field'
            problems.append(Problem(path, *place, what, did_you_mean(key, FIELDS), Severity.WARNING))
    return ForeignJob(name, fields, line, column, table.places)


def _has_date(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_date, value.values()))
    return any(map(_has_date, value)) if isinstance(value, list) else isinstance(value, date | time)


def _from_toml(path: str, text: str, problems: list[Problem]) -> list[_Table]:
    try:
        top = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = map(int, place.groups()) if (place := _PLACE.search(str(error))) else (text.count("\n") + 1, 1)
        what = _PLACE.sub("", str(error)).removesuffix("(at end of document)").strip()
        problems.append(Problem(path, line, column, f"this is no TOML: {what}", "mend it, or name a file of `kjob create` commands"))
        return []
    found = [_Table(values, *place) for values, place in zip(_tables(top), _places(text), strict=False)]
    if not found and top:
        problems.append(Problem(path, 0, 0, "the file has no [job]", "name a file of kjob's jobs"))
    return found


def _tables(top: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The jobs in a document: `[job]`, `[[job]]`, `[jobs.NAME]`, or one that is the document."""
    if "slug" in top:
        yield dict(top)
        return
    for key in ("job", "jobs"):
        value = top.get(key)
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))
        elif isinstance(value, dict):
            named = key == "jobs" and all(isinstance(item, dict) for item in value.values())
            yield from ({"slug": name, **item} for name, item in value.items()) if named else (value,)


def _places(text: str) -> Iterator[tuple[int, int, dict[str, tuple[int, int]]]]:
    """Line and column of each job of a TOML document, and of its keys: the standard library's reader keeps none."""
    line_at, column_at, places = 1, 1, {}
    inside = begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not inside and (header := _HEADER.match(line)):
            if header[2] and (begun == "job" or header[2] in FIELDS):
                places[header[2]] = (number, 1)  # [job.sandbox] goes on with the job
            else:
                if begun:
                    yield line_at, column_at, places
                line_at, column_at, places, begun = number, 1, {}, "jobs" if header[2] else "job"
        elif not inside and (key := _KEY.match(line)):
            begun = begun or "job"
            places.setdefault(key[2], (number, len(key[1]) + 1))
        inside = _still_inside(line, inside)
    yield line_at, column_at, places


def _still_inside(line: str, inside: str) -> str:
    """The quotes of a text of several lines that goes on after this line, "" for none."""
    for quotes in (inside,) if inside else _QUOTES:
        if line.count(quotes) % 2:
            return "" if inside else quotes
    return inside


def _from_script(path: str, text: str, problems: list[Problem]) -> list[_Table]:
    """What the `kjob create`, `enable`, `disable` and `delete` commands of a script come to."""
    found: dict[str, _Table] = {}
    for number, line in _commands(text):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            problems.append(Problem(path, number, 1, f"this is no command: {error}".lower(), "close the quotes"))
            continue
        verb, *rest = words[words.index("kjob") + 1 :] or [""]
        if verb == "create":
            table = _created(path, number, rest, problems)
            if table is not None:
                found[str(table.values.get("slug", number))] = table
        elif verb in ("enable", "disable", "delete") and rest and rest[0] in found:
            if verb == "delete":
                del found[rest[0]]
            else:
                found[rest[0]].values["enabled"] = verb == "enable"
        elif verb in ("enable", "disable", "delete"):
            what = f"kjob {verb} is left out: it names no job that the script has created"
            problems.append(Problem(path, number, 1, what, "", Severity.WARNING))
        elif verb not in READING:
            problems.append(Problem(path, number, 1, f'"kjob {verb}" is no command of kjob', did_you_mean(verb, ("create", *READING))))
    return list(found.values())


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """The commands of kjob in a script with the lines that they begin in; a backslash at its end continues a line."""
    begun, parts = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun if parts else number
        if line.endswith("\\"):
            parts += line[:-1] + " "
            continue
        if _COMMAND.match(parts + line):
            yield begun, parts + line
        parts = ""


def _created(path: str, line: int, words: list[str], problems: list[Problem]) -> _Table | None:
    table = _Table({}, line)
    while words:
        option, equals, value = words.pop(0).partition("=")
        if option not in OPTIONS:
            near = closest(option.strip("-"), OPTIONS.values())
            fix = f'did you mean "--{near}"?' if near else "remove it"
            problems.append(Problem(path, line, 1, f'"{option}" is no option of `kjob create`', fix))
            return None
        if not equals and not words:
            problems.append(Problem(path, line, 1, f"{option} has no value", "give it one"))
            return None
        table.values[OPTIONS[option]] = value if equals else words.pop(0)
    return table
