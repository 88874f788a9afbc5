"""One file of jobs, read and built: what the loader keeps of it until its content changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from octojobs.config.declared import declared
from octojobs.config.entries import Entry, Fields
from octojobs.config.jobs import Defaults, build, common, own_fields
from octojobs.config.parsers import environment, zone_name
from octojobs.config.reader import read
from octojobs.config.references import Reference
from octojobs.config.schema import FRAME, check
from octojobs.core.job import Job
from octojobs.errors import Problem


class Placed(NamedTuple):
    """The name of a job, right or wrong in itself, and where it stands."""

    name: str
    path: str
    line: int
    column: int


class JobsFile(NamedTuple):
    """The jobs of one file that are right by themselves, all their names, and what is wrong."""

    jobs: tuple[Job, ...]
    names: tuple[Placed, ...]
    defaults: Defaults
    references: tuple[Reference, ...]
    problems: tuple[Problem, ...]


def read_jobs(path: str, data: bytes, inherited: Defaults, stem: str | None) -> JobsFile:
    """The file's jobs; `stem` is that of a file that may be one job, else None."""
    document = read(path, data)
    if document.refused:
        return JobsFile((), (), inherited, (), tuple(document.problems))
    problems = list(document.problems)
    file = Entry(document, document.top, 0, "", "")
    defaults = inherited
    if isinstance(file.value, dict) and (stem is None or "jobs" in file.value or "job" in file.value):
        if not _is_plain(file.value):
            problems.extend(check(file, "jobs", FRAME).problems)
        defaults = _defaults(file, inherited, problems)
    found, wrong = declared(document, stem)
    problems.extend(wrong)
    jobs: list[Job] = []
    references: list[Reference] = []
    for one in found:
        built = build(one, defaults)
        problems.extend(built.problems)
        references.extend(built.references)
        if built.job is not None:
            jobs.append(built.job)
    names = tuple([Placed(one.id, path, one.entry.mark.key_line, one.entry.mark.key_column) for one in found])
    return JobsFile(tuple(jobs), names, defaults, tuple(references), tuple(dict.fromkeys(problems)))


def _is_plain(value: Mapping[str, Any]) -> bool:
    """Whether a file says nothing about itself but its version and time zone: no schema need be compiled for that (4 ms)."""
    version, timezone = value.get("version", 1), value.get("timezone", "UTC")
    return value.keys() <= _PLAIN and type(version) is int and version == 1 and type(timezone) is str and timezone != ""


_PLAIN = frozenset(("version", "timezone", "defaults", "jobs", "job"))


def _defaults(file: Entry, inherited: Defaults, problems: list[Problem]) -> Defaults:
    """The file's own `timezone` and `defaults` upon the inherited ones; what is wrong is noted and left out."""
    timezone = inherited.timezone
    if isinstance(file.value.get("timezone"), str):
        fields = Fields({"timezone": file.at("timezone")})
        timezone = fields.read("timezone", zone_name, timezone)
        problems.extend(fields.problems)
    if "defaults" not in file.value:
        return Defaults(timezone, inherited.entries, inherited.env, inherited.content)
    entry = file.at("defaults")._replace(label="defaults", path="")
    refused = check(entry, "jobs", "defaults")
    if not isinstance(entry.value, dict):
        problems.extend(refused.problems)
        return Defaults(timezone, inherited.entries, inherited.env, inherited.content)
    # The document goes when the file is built; of it only this part stays.
    entry = entry._replace(document=entry.document.part(entry.value))
    fields = own_fields(entry, refused)
    meaning = common(fields, Fields({}))
    env = {**inherited.env, **fields.read("env", environment, {})}
    fields.read("timezone", zone_name, "")
    problems.extend([*refused.problems, *fields.problems])
    own = {name: given for name, given in fields.entries.items() if name != "env"}
    return Defaults(timezone, {**inherited.entries, **own}, env, f"{inherited.content}{meaning}{entry.value}")
