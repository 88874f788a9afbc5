"""The jobs of one document, whatever the form: a mapping, a list, or one job that is the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from octojobs.config.entries import Entry
from octojobs.config.reader import Document
from octojobs.core.identity import ASKED, InvalidId, JobId
from octojobs.errors import Problem

MOST_PROBLEMS = 1_000
"""Entries of one file that are no jobs, each told by itself: nobody mends more by hand."""
_NAMES = ("id", "slug", "name")
_NAME_FIX = "write a letter or _ first, then letters, digits, _ . -, 63 at most"


class Declared(NamedTuple):
    """One job as it stands: its name, its title where `name` is that, and its entry, whose key is the name where it has one."""

    id: JobId
    title: str
    entry: Entry


def declared(document: Document, stem: str | None) -> tuple[list[Declared], list[Problem]]:
    """The jobs of the document, and what is wrong with their names; `stem` is that of a file that may be one job, else None."""
    found: list[Declared] = []
    problems: list[Problem] = []
    for one in _all(document, stem):
        if isinstance(one, Problem):
            problems.append(one)
            if len(problems) == MOST_PROBLEMS:
                problems.append(replace(one, what="so many entries are no jobs that the rest is not read", fix="is this a file of jobs?"))
                break
        else:
            found.append(one)
    return found, problems


def _all(document: Document, stem: str | None) -> Iterator[Declared | Problem]:
    file = Entry(document, document.top, 0, "", "")
    if file.value is None:
        yield Problem(document.path, 0, 0, "the file is empty", "write `jobs: {}` for no jobs")
    elif not isinstance(file.value, dict):
        yield file.problem("the file is no mapping", "write the jobs under `jobs:`")
    elif "jobs" in file.value and "job" in file.value:
        yield file.at("job").problem_at_key("job and jobs are both given", "put this one under `jobs:`")
    elif "jobs" in file.value:
        yield from _several(file.at("jobs"))
    elif "job" in file.value:
        yield _unnamed(file.at("job"), "")
    elif stem is not None:
        yield _unnamed(file, stem)
    else:
        yield Problem(document.path, 1, 1, "the file has no `jobs:`", "write `jobs: {}` for no jobs")


def _several(entry: Entry) -> Iterator[Declared | Problem]:
    if entry.value is None:
        yield entry.problem("has no value", "write `jobs: {}` for no jobs")
    elif isinstance(entry.value, dict):
        for key in entry.value:
            if not key.startswith("x-"):
                yield _keyed(entry.at(key), key)
    elif isinstance(entry.value, list):
        for item in entry.items():
            yield _unnamed(item, "")
    else:
        yield entry.problem("is neither a mapping nor a list", "write the jobs by name, or as a list")


def _keyed(entry: Entry, key: str) -> Declared | Problem:
    """A job whose name is its key; `name` is then its title, and `id` may only say the same."""
    entry = entry._replace(label=f'job "{key}"', path="")
    if not isinstance(entry.value, dict):
        return _no_mapping(entry)
    for name in ("id", "slug"):
        if entry.value.get(name, key) != key:
            return entry.at(name).problem(f'is "{entry.at(name).text}", and the job\'s key is "{key}"', "remove one of them")
    return _identified(entry, key, str(entry.value.get("name") or ""), None)


def _unnamed(entry: Entry, stem: str) -> Declared | Problem:
    """A job that says its name in `id`, `slug` or `name`, else is called as its file."""
    if not isinstance(entry.value, dict):
        return _no_mapping(entry._replace(label="", path=""), "a job ")
    given = [name for name in _NAMES if entry.value.get(name) is not None]
    if not given and not stem:
        return entry._replace(label="", path="").problem_at_key("a job has no name", "add `name:`")
    name = str(entry.value[given[0]]) if given else stem
    entry = entry._replace(label=f'job "{name}"', path="")
    if given[:2] == ["id", "slug"]:
        return entry.at("slug").problem_at_key("id and slug are both given", "keep one of them")
    title = str(entry.value.get("name") or "") if given and given[0] != "name" else ""
    return _identified(entry, name, title, entry.at(given[0]) if given else None)


def _identified(entry: Entry, name: str, title: str, at: Entry | None) -> Declared | Problem:
    if name.lower() == ASKED:
        what, fix = f'"{name}" is what runs of `octojobs agent run` are called', "choose another name"
        return at.problem(what, fix) if at is not None else entry._replace(label="").problem_at_key(what, fix)
    try:
        return Declared(JobId(name), title, entry)
    except InvalidId:
        what = f'"{name}" is not a job name'
        fix = "add `id:` with a short name" if at is not None and at.key == "name" and " " in name else _NAME_FIX
        return at.problem(what, fix) if at is not None else entry._replace(label="").problem_at_key(what, fix)


def _no_mapping(entry: Entry, subject: str = "") -> Problem:
    what = f"{subject}is {'empty' if entry.value is None else 'no mapping'}"
    return entry.problem(what, "write its fields below it, at least `interval:` and `command:`")
