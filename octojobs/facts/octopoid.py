"""What octopoid leaves beside the repository: its lists of running pids, its scheduler lock, its pause.

Octopoid writes `.octopoid/runtime/agents/AGENT/running_pids.json` as `{"PID": {"task_id", "started_at", "instance_name"}}`
after it has started the process, and takes an entry out once it has dealt with the agent's result. Before it had pools of agents
it kept one `state.json` for each, `{"running", "pid", "last_started", "current_task"}`, and before it had a `.octopoid` all of
that lay in `.orchestrator`. A folder with a list has no say in its `state.json`: newer versions don't keep that right.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from octojobs.facts.fact import FactContext, Unreadable, one_line, reason_of
from octojobs.facts.files import exists, folders, read_bytes, read_json
from octojobs.facts.processes import is_running
from octojobs.facts.sightings import Agent, Found, merge

AGENT_FOLDERS = (".octopoid/runtime/agents/*", ".orchestrator/agents/*", ".orchestrator/runtime/agents/*")
SCHEDULER_LOCKS = (".octopoid/runtime/scheduler.lock", ".orchestrator/scheduler.lock", ".orchestrator/runtime/scheduler.lock")
PAUSE_FILES = (".octopoid/PAUSE", ".orchestrator/PAUSE")
AGENTS_FILES = (".octopoid/agents.yaml", ".orchestrator/agents.yaml")
MAX_PID = 2**31 - 1
MAX_DEPTH = 40  # as for our own files: the parser takes 20 s for a line of 100,000 brackets

# The words of YAML 1.1, which octopoid reads with; anything else that it would take for true is not a boolean.
_TRUE = frozenset({"true", "yes", "on", "y"})
_FALSE = frozenset({"false", "no", "off", "n", "null", "~", ""})


def look_at_pids(context: FactContext) -> Found:
    """The agents in octopoid's lists: a live one runs, a dead one that is still listed is unhandled."""
    found = []
    for folder in (folder for pattern in AGENT_FOLDERS for folder in folders(context.root, pattern)):
        try:
            found += _of_agent(folder, context)
        except Unreadable as error:
            found.append(Found(unreadable=(str(error),)))
    return merge(found)


def _of_agent(folder: Path, context: FactContext) -> list[Found]:
    path = folder / "running_pids.json"
    shown = context.shown(path)
    listed = read_json(path, shown)
    if listed is None:
        return [_legacy(folder, context)]
    if not isinstance(listed, dict):
        raise Unreadable(f"{shown} is not a mapping of pids")
    return [_entry(pid, info, folder.name, shown) for pid, info in listed.items()]


def _legacy(folder: Path, context: FactContext) -> Found:
    """The one agent of an older octopoid; its instants are local times without a zone, so any live process of the pid counts."""
    path = folder / "state.json"
    shown = context.shown(path)
    state = read_json(path, shown)
    if state is None:
        return Found()
    if not isinstance(state, dict) or not isinstance(state.get("running", False), bool):
        raise Unreadable(f"{shown} does not say whether the agent runs")
    if not state.get("running", False):
        return Found()
    pid, since = state.get("pid"), _instant(state.get("last_started"))
    if type(pid) is not int or not 0 < pid <= MAX_PID:
        raise Unreadable(f"{shown}: the agent runs, and its pid is not told")
    return _sighted(Agent(folder.name, pid, str(state.get("current_task") or ""), since, shown))


def _sighted(agent: Agent) -> Found:
    if agent.pid is not None and is_running(agent.pid, agent.since):
        return Found(running=(agent,))
    return Found(unhandled=(agent,))


def _entry(key: str, info: Any, agent: str, shown: str) -> Found:
    if not (key.isascii() and key.isdigit() and 0 < int(key) <= MAX_PID):
        return Found(unreadable=(f"{shown}: {one_line(key, 40)!r} is not a pid",))
    if not isinstance(info, Mapping):
        return Found(unreadable=(f"{shown}: pid {key} is listed without its task",))
    pid, task = int(key), str(info.get("task_id") or "")
    name, since = str(info.get("instance_name") or agent), _instant(info.get("started_at"))
    return _sighted(Agent(name, pid, task, since, shown))


def _instant(text: Any) -> datetime | None:
    """When the agent started; None for what is no instant or, as old versions wrote it, names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None


def look_at_scheduler_lock(context: FactContext) -> Found:
    """Octopoid's scheduler while it holds its lock: in that moment it may be starting agents.

    The probe opens the file for reading alone and never makes it. It holds a shared lock for an instant, in which
    octopoid's own attempt would fail; octopoid then tries again at its next tick.
    """
    return merge([_probe(context, lock) for lock in SCHEDULER_LOCKS])


def _probe(context: FactContext, lock: str) -> Found:
    path = context.root / lock
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return Found()
    except OSError as error:
        raise Unreadable(f"{lock} can't be read: {reason_of(error)}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise Unreadable(f"{lock} can't be probed: {reason_of(error)}") from None
        return Found(running=(Agent("octopoid's scheduler, which holds its lock", None, "", None, lock),))
    finally:
        os.close(handle)  # and with it the lock
    return Found()


def paused_by(context: FactContext) -> str:
    """What says that octopoid is paused (`.octopoid/PAUSE`, or `paused: true in .octopoid/agents.yaml`); "" when nothing does."""
    for file in PAUSE_FILES:
        if exists(context.root / file, file):
            return file
    for file in AGENTS_FILES:
        data = read_bytes(context.root / file, file)
        word = _top_level_word(data, "paused", file) if data is not None else None
        if word is None or word.lower() in _FALSE:
            continue
        if word.lower() in _TRUE:
            return f"paused: {word} in {file}"
        raise Unreadable(f"{file}: paused: {one_line(word, 40)!r} is neither true nor false")
    return ""


def _top_level_word(data: bytes, wanted: str, file: str) -> str | None:
    """The scalar that a top-level key has, None without one; the whole file must parse.

    It reads the parser's events instead of loading the document: a loader recurses and dies of 100 KB of brackets.
    """
    depth, key, word = 0, None, None
    try:
        for event in yaml.parse(data, Loader=yaml.CSafeLoader):
            if depth == 1 and isinstance(event, yaml.NodeEvent):
                scalar = event.value if isinstance(event, yaml.ScalarEvent) else None
                if key is None:
                    key = scalar or ""
                else:
                    word = (scalar if scalar is not None else "a collection") if key == wanted else word
                    key = None
            if isinstance(event, yaml.CollectionStartEvent):
                if depth == 0 and not isinstance(event, yaml.MappingStartEvent):
                    raise Unreadable(f"{file} is not a mapping")
                depth += 1
                if depth > MAX_DEPTH:
                    raise Unreadable(f"{file} is nested more than {MAX_DEPTH} deep")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        if "maximum nesting depth" in str(error.problem):  # libyaml's own bound since 0.2.6
            raise Unreadable(f"{file} is nested more than {MAX_DEPTH} deep") from None
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise Unreadable(f"{file} is not valid YAML (line {line})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise Unreadable(f"{file} is not valid YAML") from None
    return word
