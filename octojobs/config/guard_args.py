"""The arguments of the built-in guards, from any of the forms in which they may be written to the one that guards judge by.

Most guards take their first argument alone, too: `{quiet_for: 10m}` is `{quiet_for: {duration: 10m}}`. What `Condition.args`
then holds is said at each function; a declared condition's arguments stay as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from octojobs.config.entries import Entry
from octojobs.config.parsers import command, dollars, folder, period, size
from octojobs.core.refnames import is_full_ref, is_ref_pattern

Args = Mapping[str, Any]

LAST_SUCCESS = "last_success"
_TIME = r"([01]?[0-9]|2[0-3]):([0-5][0-9])"


def args_of(name: str, entry: Entry) -> Args:
    """The arguments of the condition `name`, whose entry holds them."""
    return bare_args(name) if entry.value is None else _READ.get(name, _as_written)(entry)


def bare_args(name: str) -> Args:
    """The arguments of a condition that is written as its name alone."""
    return _BARE.get(name, {})


def _as_written(entry: Entry) -> Args:
    return dict(entry.value) if isinstance(entry.value, dict) else {}  # what is no mapping is told in references.py


def _one(entry: Entry, key: str) -> Entry:
    """The entry of the argument `key`, which may be all that is written."""
    return entry.at(key) if isinstance(entry.value, dict) else entry


def _given(entry: Entry, key: str) -> Entry | None:
    return entry.at(key) if isinstance(entry.value, dict) and key in entry.value else None


def _texts(entry: Entry) -> list[str]:
    return [entry.value] if isinstance(entry.value, str) else list(entry.value)


def _ref(entry: Entry, otherwise: str = "HEAD") -> str:
    if entry.value != "HEAD" and not is_full_ref(entry.value):
        raise entry.invalid(f'"{entry.value}" is not a full ref name', f"write {otherwise}, or a full name such as refs/heads/main")
    return str(entry.value)


def _branch(entry: Entry) -> str:
    """The full name of a branch, which may be written without `refs/heads/`; or any full name, or HEAD."""
    name = entry.value if entry.value == "HEAD" or entry.value.startswith("refs/") else f"refs/heads/{entry.value}"
    if name != "HEAD" and not is_full_ref(name):
        raise entry.invalid(f'"{entry.value}" is not the name of a branch', "write a name such as main")
    return str(name)


def _on_branch(entry: Entry) -> Args:
    """{branches: [..]}."""
    return {"branches": _texts(_one(entry, "branch"))}


def _file_exists(entry: Entry) -> Args:
    """{path}."""
    return {"path": _one(entry, "path").value}


def _between(entry: Entry) -> Args:
    """{from, to}, both `HH:MM`."""
    start, end = _time(entry.at("from")), _time(entry.at("to"))
    if start == end:
        raise entry.at("to").invalid(f"{end} is the time it begins, too", "leave the condition out for the whole day")
    return {"from": start, "to": end}


def _time(entry: Entry) -> str:
    match = re.fullmatch(_TIME, entry.value)
    if not match:
        raise entry.invalid(f'"{entry.value}" is no time of day', "write HH:MM, 00:00 to 23:59")
    return f"{int(match[1]):02}:{match[2]}"


def _quiet_for(entry: Entry) -> Args:
    """{duration_s}."""
    return {"duration_s": period(_one(entry, "duration"))}


def _command(entry: Entry) -> Args:
    """{command: text or list}."""
    argv = command(entry)
    return {"command": argv if isinstance(argv, str) else list(argv)}


def _has_stale_prs(entry: Entry) -> Args:
    """{older_than_s}, or nothing."""
    older_than = _given(entry, "older_than")
    return {"older_than_s": period(older_than)} if older_than else {}


def _ref_exists(entry: Entry) -> Args:
    """{ref}, a full name, a pattern of some, or HEAD."""
    ref = _one(entry, "ref")
    if ref.value != "HEAD" and not is_ref_pattern(ref.value):
        raise ref.invalid(f'"{ref.value}" is not a full ref name', "write one such as refs/heads/main, or a pattern such as refs/tags/v*")
    return {"ref": ref.value}


def _since(entry: Entry) -> Args:
    ref, since = _given(entry, "ref"), _given(entry, "since")
    known = since is None or since.value == LAST_SUCCESS
    return {"ref": _ref(ref) if ref else "HEAD", "since": LAST_SUCCESS if known or since is None else _ref(since, LAST_SUCCESS)}


def _ref_changed(entry: Entry) -> Args:
    """{ref, since}: `since` is last_success, or a ref."""
    return {"ref": _ref(entry), "since": LAST_SUCCESS} if isinstance(entry.value, str) else _since(entry)


def _paths_changed(entry: Entry) -> Args:
    """{paths: [..], ref, since}."""
    paths = _one(entry, "paths")
    patterns = _texts(paths)
    if all(pattern.startswith("!") for pattern in patterns):
        raise paths.invalid("takes no path in", "add a pattern without !, such as src/**")
    for item in paths.items() if isinstance(paths.value, list) else [paths]:
        if item.value.removeprefix("!").startswith(("/", "../", "~")):
            raise item.invalid(f'"{item.value}" is no pattern of paths in the repository', "write it from the root on, such as src/**")
    return {"paths": patterns, **_since(entry)}


def _branch_merged(entry: Entry) -> Args:
    """{branch, into}, full names."""
    into = _given(entry, "into")
    return {"branch": _branch(_one(entry, "branch")), "into": _branch(into) if into else "HEAD"}


def _behind_upstream(entry: Entry) -> Args:
    """{max}, and the full name of a {branch} where one is written."""
    branch = _given(entry, "branch")
    return {"max": _one(entry, "max").value, **({"branch": _branch(branch)} if branch else {})}


def _no_worktree_ahead(entry: Entry) -> Args:
    """{of}, a full name, or nothing."""
    of = _given(entry, "of")
    return {"of": _branch(of)} if of else {}


def _lease_free(entry: Entry) -> Args:
    """{task}, {name}, {branch} (its full name) or {worktree}."""
    (kind,) = entry.value
    held = entry.at(kind)
    return {kind: _branch(held) if kind == "branch" else held.value}


def _worktrees_idle(entry: Entry) -> Args:
    """{for_s}."""
    return {"for_s": period(_one(entry, "for"))}


def _agent_worktrees(entry: Entry) -> Args:
    """{max}."""
    return {"max": _one(entry, "max").value}


def _agent_slots_free(entry: Entry) -> Args:
    """{min}."""
    return bare_args("agent_slots_free") if entry.value == {} else {"min": _one(entry, "min").value}


def _queue_below(entry: Entry) -> Args:
    """{state, max}."""
    return {"state": _state(entry.at("state")), "max": entry.value["max"]}


def _queue_not_empty(entry: Entry) -> Args:
    """{state}."""
    return bare_args("queue_not_empty") if entry.value == {} else {"state": _state(_one(entry, "state"))}


def _state(entry: Entry) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", entry.value):
        raise entry.invalid(f'"{entry.value}" is not the name of a folder of tasks', "write a state such as incoming")
    return str(entry.value)


def _budget_left(entry: Entry) -> Args:
    """{usd}, {tokens} or both; {of} and {per} with their defaults."""
    if not entry.value.keys() & {"usd", "tokens"}:
        raise entry.invalid("says no amount", "add `usd:` or `tokens:`")
    usd = _given(entry, "usd")
    return {"of": "job", "per": "day", **entry.value, **({"usd": dollars(usd)} if usd is not None else {})}


def _load_below(entry: Entry) -> Args:
    """{load} or {per_core}."""
    key = next(iter(entry.value)) if isinstance(entry.value, dict) else "load"
    amount = _one(entry, key)
    if amount.value <= 0:
        raise amount.invalid("must be above 0", "write a number such as 1.5")
    return {key: amount.value}


def _disk_free(entry: Entry) -> Args:
    """{bytes, path}."""
    path = _given(entry, "path")
    return {"bytes": size(_one(entry, "min")), "path": folder(path) if path else "."}


def _network(entry: Entry) -> Args:
    """{host, port}, or nothing."""
    if entry.value == {}:
        return {}
    host, port = _one(entry, "host"), _given(entry, "port")
    if not re.fullmatch(r"[A-Za-z0-9_.:-]+", host.value):
        raise host.invalid(f'"{host.value}" is not the name of a host', "write a name such as github.com, without https://")
    return {"host": host.value, "port": port.value if port else 443}


def _ci_green(entry: Entry) -> Args:
    """{ref}: HEAD, a full name, or the name of a branch on GitHub."""
    ref = entry if isinstance(entry.value, str) else _given(entry, "ref")
    if ref is None:
        return bare_args("ci_green")
    _branch(ref)
    return {"ref": ref.value}


NEED_ARGS = {
    "any": "[...]",
    "not": "...",
    "command": "[...]",
    "on_branch": "main",
    "file_exists": "path",
    "between": '{from: "22:00", to: "06:00"}',
    "quiet_for": "10m",
    "ref_exists": "refs/tags/v1",
    "paths_changed": '["src/**"]',
    "branch_merged": "fix-1",
    "behind_upstream": "{max: 0}",
    "lease_free": "{task: 7e0e8c52}",
    "worktrees_idle": "10m",
    "agent_worktrees": "5",
    "queue_below": "{state: incoming, max: 20}",
    "budget_left": "{usd: 5}",
    "load_below": "2",
    "disk_free": "10GB",
}
"""What nobody can guess, and how it is written."""

_BARE: Mapping[str, Args] = {
    "ref_changed": {"ref": "HEAD", "since": LAST_SUCCESS},
    "agent_slots_free": {"min": 1},
    "queue_not_empty": {"state": "incoming"},
    "ci_green": {"ref": "HEAD"},
}
_READ: Mapping[str, Callable[[Entry], Args]] = {
    "on_branch": _on_branch,
    "file_exists": _file_exists,
    "between": _between,
    "quiet_for": _quiet_for,
    "command": _command,
    "has_stale_prs": _has_stale_prs,
    "ci_green": _ci_green,
    "ref_exists": _ref_exists,
    "ref_changed": _ref_changed,
    "paths_changed": _paths_changed,
    "branch_merged": _branch_merged,
    "behind_upstream": _behind_upstream,
    "no_worktree_ahead": _no_worktree_ahead,
    "lease_free": _lease_free,
    "worktrees_idle": _worktrees_idle,
    "agent_worktrees": _agent_worktrees,
    "agent_slots_free": _agent_slots_free,
    "queue_below": _queue_below,
    "queue_not_empty": _queue_not_empty,
    "budget_left": _budget_left,
    "load_below": _load_below,
    "disk_free": _disk_free,
    "network": _network,
}
