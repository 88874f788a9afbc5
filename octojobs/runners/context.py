"""What a script job meets: the registry behind `@octojobs.job`, and the `JobContext` that its function may ask for.

Imported in the job's own Python, which may be older than octojobs' and has nothing of octojobs installed: the
standard library of Python 3.9 is all there is.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Optional, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
_registry: dict[str, Callable[..., Any]] = {}


class AlreadyRegistered(ValueError):
    """Two functions want the same name; the message names both."""


class NotEnqueued(Exception):
    """The task was refused (a cap is met, it is no task, the disk is full); the message says why."""


class DamagedState(Exception):
    """The job's state file is there and can't be read; it is never taken for an empty one."""


def job(name: str) -> Callable[[Function], Function]:
    """Register a function under a name that `run:` in `jobs.yaml` may use; the function stays as it is.

    The module must stand under `modules:` in `.octopoid/octojobs.yaml`: that is what gets imported.
    Raises AlreadyRegistered when another function has the name.
    """
    if not isinstance(name, str):
        raise TypeError('@octojobs.job needs a name: @octojobs.job("sweep")')

    def register(function: Function) -> Function:
        other = _registry.get(name)
        if other is not None and _place(other) != _place(function):
            raise AlreadyRegistered(f"two functions are registered as {name!r}: {_place(other)} and {_place(function)}")
        _registry[name] = function
        return function

    return register


def registered() -> Mapping[str, Callable[..., Any]]:
    """The functions by name, in the order in which they were registered."""
    return dict(_registry)


class State(MutableMapping[str, Any]):
    """A job's own memory between its runs: JSON values by name, in one file of the state folder.

    Read at first use; written by `save`, and when the function returns normally. Runs of one job that overlap
    (`overlap: allow`) don't see each other's changes: the last one to save wins.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: Optional[dict[str, Any]] = None  # noqa: UP045 -- Python 3.9 reads this file too
        self._saved = "{}"

    def __getitem__(self, name: str) -> Any:
        return self._loaded()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a name in the state is a string, not {name!r}")
        self._loaded()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __repr__(self) -> str:
        return f"State({self._loaded()!r})"

    def save(self) -> None:
        """Replace the file durably, if anything changed. Raises TypeError for what JSON can't hold, and OSError."""
        if self._values is None:
            return
        text = json.dumps(self._values, ensure_ascii=False, sort_keys=True)
        if text != self._saved:
            write_whole(self._path, text)
            self._saved = text

    def _loaded(self) -> dict[str, Any]:
        if self._values is None:
            try:
                values = json.loads(self._path.read_bytes())
                if not isinstance(values, dict):
                    raise ValueError("it holds no mapping")  # noqa: TRY004 -- the file is wrong, not the caller's type
            except FileNotFoundError:
                values = {}
            except (OSError, ValueError) as error:
                raise DamagedState(f"the state of this job can't be read: {self._path}: {error}; mend the file, or remove it") from None
            self._values = values
            self._saved = json.dumps(values, ensure_ascii=False, sort_keys=True)
        return self._values


@dataclass(frozen=True)
class RunInfo:
    """The run that calls: times are aware UTC; `trigger` says why it runs (`schedule`, `manual`, …)."""

    id: str
    attempt: int
    scheduled_at: datetime
    trigger: str
    commit: str
    folder: Path
    last_success_at: Optional[datetime] = None  # noqa: UP045 -- as above


@dataclass
class JobContext:
    """What the function may ask for as its first argument: who it is, where it works, and what it remembers.

    `result` becomes the run's result (any JSON value); what the function returns does as well, and wins.
    """

    job: str
    run: RunInfo
    repository: Path
    state: State
    logger: logging.Logger
    args: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    enqueue_command: Sequence[str] = field(default=(), repr=False)

    def enqueue(
        self,
        title: str,
        body: str = "",
        *,
        role: str = "",
        priority: str = "",
        branch: str = "",
        dedupe: str = "",
        acceptance: Sequence[str] = (),
        blocked_by: Sequence[str] = (),
        expires_in: str = "",
        proposed: bool = False,
    ) -> EnqueuedTask:
        """Enqueue a task, at once, as `octojobs enqueue` does; the task, new or found by its `dedupe` key. Raises NotEnqueued.

        `priority` is P0 to P3, `expires_in` a duration such as `7d`. Texts are data: none becomes a header or a path.
        """
        fields = {
            "title": title,
            "body": body,
            "role": role,
            "priority": priority,
            "branch": branch,
            "dedupe": dedupe,
            "acceptance": list(acceptance),
            "blocked_by": list(blocked_by),
            "expires_in": expires_in,
            "proposed": proposed,
        }
        return _enqueued(self.enqueue_command, fields)


@dataclass(frozen=True)
class EnqueuedTask:
    """A task that was enqueued: its id, the title that it got, its state, its file; `new` is False for one that was there already."""

    id: str
    title: str
    state: str
    path: Path
    new: bool


def context_from(environ: Mapping[str, str], state_file: Path, args: Mapping[str, Any], enqueue: Sequence[str] = ()) -> JobContext:
    """The context that the environment of a job tells of."""
    name = environ["OCTOJOBS_JOB"]
    last = environ.get("OCTOJOBS_LAST_SUCCESS_AT")
    run = RunInfo(
        environ["OCTOJOBS_RUN_ID"],
        int(environ["OCTOJOBS_ATTEMPT"]),
        _instant(environ["OCTOJOBS_SCHEDULED_AT"]),
        environ["OCTOJOBS_TRIGGER"],
        environ["OCTOJOBS_COMMIT"],
        Path(environ["OCTOJOBS_RUN_DIR"]),
        _instant(last) if last else None,
    )
    return JobContext(name, run, Path(environ["OCTOJOBS_REPO"]), State(state_file), logging.getLogger(name), args, None, enqueue)


def _enqueued(command: Sequence[str], fields: Mapping[str, Any]) -> EnqueuedTask:
    """What octojobs, in its own Python, makes of the fields."""
    import subprocess  # noqa: TID251 -- lazily, for few jobs enqueue tasks; process.py can't be imported in the job's Python

    if not command:
        raise NotEnqueued("this context can't enqueue tasks: it was not made by a run of octojobs")
    done = subprocess.run(list(command), input=json.dumps(fields).encode(), capture_output=True, check=False)
    if done.returncode != 0:
        told = done.stderr.decode("utf-8", "replace").strip()
        raise NotEnqueued(told.removeprefix("octojobs: "))
    answer = json.loads(done.stdout)
    return EnqueuedTask(answer["task"], answer["title"], answer["state"], Path(answer["path"]), answer["new"])


def write_whole(path: Path, text: str) -> None:
    """Replace a file, 0600, so that a reader sees the old one or the new one, and a power cut leaves one of them.

    Half a surrogate pair (or a byte of a path that is not UTF-8) is written as its JSON escape.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))  # noqa: FURB162 -- Python 3.9 and 3.10 know no "Z"


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"
