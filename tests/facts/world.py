"""A repository, a state folder and real processes for the tests of facts and guards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from octojobs.conditions.judging import judge_jobs
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition, Guard, Status, Verdict
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.when import ManualWhen
from octojobs.facts.fact import FactContext
from octojobs.repository import Repository
from tests.helpers import write

NOBODY = 65534


def now() -> datetime:
    """The instant of the test, for what compares itself with real processes."""
    return datetime.now(UTC)


def context_of(repo: Path, at: datetime | None = None, settings: Settings | None = None, **more: Any) -> FactContext:
    """What the engine hands over: the repository, its state folder `.git/octojobs`, the instant."""
    state = repo / ".git" / "octojobs"
    state.mkdir(parents=True, exist_ok=True)
    return FactContext(Repository.discover(repo), repo, state, settings or Settings(), at or now(), **more)


def verdict_of(context: FactContext, guard: Guard | str, timezone: str = "UTC", **args: Any) -> Verdict:
    """What a job with this one guard is told."""
    condition = Condition(guard, args) if isinstance(guard, str) else guard
    job = Job(JobId("job"), ManualWhen(), CommandAction("true"), conditions=(condition,), timezone=timezone)
    return judge_jobs([job], context)[job.id][0]


def expect(context: FactContext, guard: Guard | str, status: Status, evidence: str, timezone: str = "UTC", **args: Any) -> None:
    """The guard's verdict is this, word for word."""
    found = verdict_of(context, guard, timezone, **args)
    assert (found.status, found.evidence) == (status, evidence)


@contextmanager
def process_in(folder: Path) -> Iterator[int]:
    """A live process with its working folder there; its pid."""
    process = subprocess.Popen(["sleep", "600"], cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def dead_pid() -> int:
    """The pid of a process that has ended and been waited for."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def list_pids(repo: Path, entries: Mapping[str, Any] | str, agent: str = "implementer") -> Path:
    """Octopoid's list of running pids, as octopoid writes it (or the given text)."""
    text = entries if isinstance(entries, str) else json.dumps(entries, indent=2)
    return write(repo / f".octopoid/runtime/agents/{agent}/running_pids.json", text)


def entry(at: datetime, task: str = "7e0e8c52", name: str = "implementer-1") -> dict[str, str]:
    """One entry of octopoid's list."""
    return {"task_id": task, "started_at": at.isoformat(), "instance_name": name}


def clock(at: datetime) -> str:
    """An instant of today as evidence shows it in UTC (with its date when the test runs over midnight)."""
    return f"{at:%H:%M}" if at.date() == now().date() else f"{at:%Y-%m-%d %H:%M}"


def soon() -> datetime:
    """An instant by which every process of the test had started, as a recorder notes it."""
    return now() + timedelta(seconds=1)


def as_nobody(question: Callable[[], str]) -> str:
    """What a process of the user `nobody` answers; only root can ask."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # this process may have threads; the child only asks and exits
        pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writer, question().encode())
        except BaseException as error:  # noqa: BLE001 -- the child must not return into pytest
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(pid, 0)
    return text


@contextmanager
def flock_holder(path: Path) -> Iterator[int]:
    """A process of its own that holds an exclusive flock on the file; its pid."""
    program = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder.pid
    finally:
        holder.communicate()


def context_of_folder(folder: Path) -> FactContext:
    """What the engine hands over outside git."""
    return FactContext(None, folder, folder / "state", Settings(), now())
