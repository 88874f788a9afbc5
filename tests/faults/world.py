"""A repository whose jobs leave effects, octojobs at work in it, and whoever watches that nothing is left behind."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from octojobs import platform
from octojobs.actions.checkup.selftest import promises
from octojobs.core.codec import parse_instant
from octojobs.store.paths import StatePaths
from tests.helpers import commit_files, environment, home_of, make_repository, output_of, wait_until

EFFECT = 'echo "$OCTOJOBS_RUN_ID $OCTOJOBS_ATTEMPT" >> "$OCTOJOBS_REPO/effects"'
_PR_SET_CHILD_SUBREAPER = 36
LOOKS = 5
"""So many looks in a row, a hundredth of a second apart, have to find nobody."""


def beats(count: int, command: str = EFFECT, **fields: str) -> str:
    """A jobs file of so many jobs that run each second; `fields` are more lines of each."""
    lines = ["jobs:"]
    for number in range(count):
        lines += [
            f"  beat{number}:",
            "    interval: 1s",
            f"    command: '{command}'",
            *(f"    {key}: {value}" for key, value in fields.items()),
        ]
    return "\n".join(lines) + "\n"


@dataclass
class Started:
    """A process that this one waits for, and nobody else."""

    pid: int
    output: Path
    status: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def wait(self, timeout: float = 30) -> int:
        """As `poll`, when it has ended; fails after so many seconds."""
        try:
            wait_until(lambda: self.poll() is not None, timeout, f"process {self.pid} to end")
        except AssertionError as late:
            raise AssertionError(f"{late}: {self.said()[-2000:]}") from None
        assert self.status is not None
        return self.status

    def send(self, number: int) -> None:
        """A signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.send(signal.SIGKILL)
        self.wait()

    def said(self) -> str:
        """What it has printed, and others before it into the same file."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""


@dataclass
class World:
    """The repository `root/repo`. Make it with `opened`, which ends what is left."""

    root: Path
    repo: Path
    started: list[Started] = field(default_factory=list)
    mine: set[int] = field(default_factory=set)
    heard: int = 0
    """How much of what was printed has been judged."""

    @property
    def paths(self) -> StatePaths:
        """Its state folder."""
        return StatePaths(self.repo / ".git/octojobs")

    @property
    def effects(self) -> list[str]:
        """A line for each attempt whose code ran."""
        path = self.repo / "effects"
        return path.read_text().splitlines() if path.exists() else []

    @cached_property
    def _nursery(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            argv = [sys.executable, "-P", str(Path(__file__).with_name("nursery.py")), str(theirs.fileno())]
            process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], env=environment(home_of(self.repo)))
        self.mine.add(process.pid)
        return process, ours

    def start(self, *args: str, stopped: bool = False, output: Path | None = None) -> Started:
        """Octojobs with these arguments, in the background; `stopped` before its first step, until SIGCONT.

        It appends to `output`, `output_of(repo)` by default.
        """
        _, connection = self._nursery
        path = output or output_of(self.repo)
        request = {
            "argv": args,
            "cwd": str(self.repo),
            "env": environment(home_of(self.repo)),
            "output": str(path),
            "stopped": stopped,
        }
        connection.sendall(json.dumps(request).encode() + b"\n")
        made = Started(int(connection.recv(32)), path)
        self.started.append(made)
        self.mine.add(made.pid)
        if stopped:
            wait_until(lambda: _state(made.pid) == "T", 30, "it to stop")
        return made

    def call(self, *args: str, timeout: float = 60) -> int:
        """As `start`; its exit code."""
        return self.start(*args).wait(timeout)

    def is_up(self) -> bool:
        """Whether a daemon serves."""
        with suppress(OSError, ValueError):
            return int(json.loads(self.paths.heartbeat.read_bytes())["pid"]) in {one.pid for one in self.started if one.poll() is None}
        return False

    def declare(self, files: dict[str, str]) -> str:
        """Commit these files."""
        return commit_files(self.repo, files)

    def gather(self) -> promises.Evidence:
        """What stands in the state folder."""
        return promises.gather(self.paths)

    def strays(self) -> list[int]:
        """Processes of this world that nobody waits for: launchers, shims and jobs that lost their parent. Zombies are taken in."""
        left = []
        for pid in platform.children(os.getpid()):
            if pid not in self.mine and os.getpgid(pid) != os.getpgrp():
                with suppress(ChildProcessError):
                    if os.waitpid(pid, os.WNOHANG)[0] == 0:
                        left.append(pid)
        return left

    def settle(self, timeout: float = 30) -> list[str]:
        """Passes without new plans until no run is open; what is wrong then."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            code = self.call("tick", timeout=timeout)
            if code not in (0, 1):
                return [f"`octojobs tick` exits {code}: {self.started[-1].said()[-1000:]}"]
            if not self.gather().open_runs:
                return []
        return [f"never at rest: {[str(run.id) + ' ' + run.phase for run in self.gather().open_runs]}"]

    def orphans(self, timeout: float = 8) -> list[str]:
        """What still lives of launchers, shims and jobs after the time that an orderly end may take.

        The children of one that has just gone come to us a moment later: one empty look says nothing.
        """
        empty = 0

        def nobody_comes() -> bool:
            nonlocal empty
            empty = 0 if self.strays() else empty + 1
            return empty == LOOKS

        with suppress(AssertionError):
            wait_until(nobody_comes, timeout)
            return []
        return [f"process {pid} is left: {platform.describe(pid)}" for pid in self.strays()]

    def close(self) -> None:
        """End everything."""
        for one in self.started:
            if one.poll() is None:
                with suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)
                one.wait()
        if "_nursery" in self.__dict__:
            process, connection = self._nursery
            connection.close()
            process.wait()
        wait_until(self.ended, 10, "the last processes to go")

    def ended(self) -> bool:
        """Whether nothing is left; what is left is killed. The children of a killed stray come to us next."""
        left = self.strays()
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    def checked(self, jobs: Sequence[str], before: promises.Evidence | None = None) -> Iterator[str]:
        """All that must hold of a world at rest, whose `jobs` have an interval of one second."""
        found = self.gather()
        yield from promises.no_damage(found)
        for job in jobs:
            runs = [run for run in found.open_runs if run.job == job]
            yield from (f"{job}: {wrong}" for wrong in promises.one_outcome(found.rows_of(job), runs, 1))
        yield from promises.at_most_once(found.rows, found.open_runs, self.effects)
        if before is not None:
            yield from promises.nothing_lost(before, found)
        yield from promises.tidy(self.paths)
        printed = output_of(self.repo).read_text(errors="replace")
        yield from promises.spoken(printed[self.heard :] if len(printed) >= self.heard else printed)
        self.heard = len(printed)


@contextmanager
def opened(root: Path, jobs: str) -> Iterator[World]:
    """A trusted repository with this jobs file. While it is open this process is the parent of all orphans below it."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    world = World(root, make_repository(root, {".octopoid/jobs.yaml": jobs}))
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        assert world.call("allow", "--yes") == 0, world.started[-1].said()
        yield world
    finally:
        world.close()
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _state(pid: int) -> str:
    """The letter of the process's state (proc(5)), "" when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


def instants(rows: Iterable[promises.Row]) -> list[int]:
    """The due instants that the rows settle, in seconds, in order."""
    due = [row["scheduled_at"] for row in rows if row["cause"] in promises.PLANNED and not row["correction"]]
    return sorted(int(parse_instant(text).timestamp()) for text in due)
