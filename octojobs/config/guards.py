"""`conditions:` in all its forms to guards, arguments normalised.

What `Condition.args` holds, by name: `on_branch` {branches: [..]} · `file_exists` {path} · `between` {from, to}, both `HH:MM` ·
`quiet_for` {duration_s} · `command` {command: text or list} · `has_stale_prs` {older_than_s} or nothing · a declared one: as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from octojobs.config.entries import Entry, each
from octojobs.config.parsers import command, period
from octojobs.core.guards import AnyOf, Condition, Guard, Not

_known: dict[str, tuple[Guard, ...]] = {}
"""What lists of conditions mean, by their text: thousands of jobs have the same few."""
_MOST_KNOWN = 1024
_TIME = r"([01]?[0-9]|2[0-3]):([0-5][0-9])"


def guards(entry: Entry) -> tuple[Guard, ...]:
    """All of the entry's conditions; those of jobs that say the same are the same object."""
    written = repr(entry.value)
    if (known := _known.get(written)) is None:
        if len(_known) == _MOST_KNOWN:
            _known.clear()
        known = _known[written] = tuple(each(entry.items(), _guard))
    return known


def named(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """Every condition's name in a list of conditions, with the entry that names it."""
    for item in entry.items() if isinstance(entry.value, list) else (entry,):
        if isinstance(item.value, str):
            yield item.value, item
        else:
            (name,) = item.value
            if name in ("any", "not"):
                yield from named(item.at(name))
            else:
                yield name, item.at(name)


def _guard(entry: Entry) -> Guard:
    value = entry.value
    if isinstance(value, str):
        if value in NEED_ARGS:
            raise entry.invalid(f'"{value}" needs to be told what', f"write {{{value}: {NEED_ARGS[value]}}}")
        return Condition(value)
    (name,) = value
    inner = entry.at(name)
    if name == "any":
        return AnyOf(guards(inner))
    if name == "not":
        return Not(_guard(inner))
    if name in NEED_ARGS and inner.value is None:
        raise inner.invalid("needs to be told what", f"write {{{name}: {NEED_ARGS[name]}}}")
    return Condition(name, _ARGS.get(name, _as_written)(inner))


def _on_branch(entry: Entry) -> Mapping[str, Any]:
    named = entry.at("branch") if isinstance(entry.value, dict) else entry
    return {"branches": [named.value] if isinstance(named.value, str) else list(named.value)}


def _file_exists(entry: Entry) -> Mapping[str, Any]:
    return {"path": entry.value if isinstance(entry.value, str) else entry.value["path"]}


def _between(entry: Entry) -> Mapping[str, Any]:
    start, end = _time(entry.at("from")), _time(entry.at("to"))
    if start == end:
        raise entry.at("to").invalid(f"{end} is the time it begins, too", "leave the condition out for the whole day")
    return {"from": start, "to": end}


def _time(entry: Entry) -> str:
    match = re.fullmatch(_TIME, entry.value)
    if not match:
        raise entry.invalid(f'"{entry.value}" is no time of day', "write HH:MM, 00:00 to 23:59")
    return f"{int(match[1]):02}:{match[2]}"


def _quiet_for(entry: Entry) -> Mapping[str, Any]:
    return {"duration_s": period(entry.at("duration") if isinstance(entry.value, dict) else entry)}


def _command(entry: Entry) -> Mapping[str, Any]:
    argv = command(entry)
    return {"command": argv if isinstance(argv, str) else list(argv)}


def _has_stale_prs(entry: Entry) -> Mapping[str, Any]:
    return {"older_than_s": period(entry.at("older_than"))} if entry.value else {}


def _as_written(entry: Entry) -> Mapping[str, Any]:
    return dict(entry.value) if isinstance(entry.value, dict) else {}  # what is no mapping is told in references.py


NEED_ARGS = {
    "any": "[...]",
    "not": "...",
    "command": "[...]",
    "on_branch": "main",
    "file_exists": "path",
    "between": '{from: "22:00", to: "06:00"}',
    "quiet_for": "10m",
}
_ARGS: Mapping[str, Callable[[Entry], Mapping[str, Any]]] = {
    "on_branch": _on_branch,
    "file_exists": _file_exists,
    "between": _between,
    "quiet_for": _quiet_for,
    "command": _command,
    "has_stale_prs": _has_stale_prs,
}
