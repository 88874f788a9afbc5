"""Where the story takes place: a repository with jobs that leave effects, a home of its own, and daemons that can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from octojobs import process
from octojobs.engine.heartbeat import Heartbeat
from octojobs.errors import OctojobsError
from octojobs.runners import receipts
from octojobs.store.paths import FILE_MODE, StatePaths

BEATS = tuple(f"beat{number}" for number in range(10))
SLOW = "slow"
SLOW_CODE = 7
_EFFECT = 'echo "$OCTOJOBS_RUN_ID $OCTOJOBS_ATTEMPT" >> "$OCTOJOBS_REPO/effects"'
_JOBS_FILE = ".octopoid/jobs.yaml"
_PATIENCE_S = 30.0
_GIT = ("-c", "user.name=octojobs", "-c", "user.email=octojobs@localhost", "-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null")


class Failed(OctojobsError):
    """The story can't be told here; the message says why."""


@dataclass
class Theatre:
    """The repository `root/repo`. Make it with `built`, which ends what is left."""

    root: Path
    daemons: list[Any] = field(default_factory=list)

    @property
    def repo(self) -> Path:
        """The working tree."""
        return self.root / "repo"

    @property
    def paths(self) -> StatePaths:
        """Its state."""
        return StatePaths(self.repo / ".git/octojobs")

    @property
    def effects(self) -> list[str]:
        """A line `run attempt` for each attempt whose code ran."""
        file = self.repo / "effects"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of the user's but where programs are."""
        home = os.fspath(self.root / "home")
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "TMPDIR") if name in os.environ}
        places = {name: f"{home}/{name}" for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
        return {**kept, **places, "HOME": home, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def build(self) -> None:
        """A repository with one commit, allowed to run its jobs."""
        for folder in (self.repo / ".octopoid", self.root / "home"):
            folder.mkdir(parents=True)
        self._git("init", "--quiet")
        self.commit("first")
        if self.octojobs("allow", "--yes") != 0:
            raise Failed(f"`octojobs allow` fails: {self.said()}")

    def commit(self, title: str) -> str:
        """Declare the jobs, with this title, in a commit; its id."""
        each = [f"  {name}: {{title: {title}, interval: 1s, command: '{_EFFECT}'}}" for name in BEATS]
        slow = f"  {SLOW}: {{title: {title}, interval: 2s, command: '{_EFFECT}; sleep 1; exit {SLOW_CODE}'}}"
        (self.repo / _JOBS_FILE).write_text("\n".join(["version: 1", "jobs:", *each, slow, ""]), encoding="utf-8")
        self._git("add", _JOBS_FILE)
        self._git("commit", "--quiet", "--message", title)
        return self._git("rev-parse", "HEAD")

    def start(self, *verb: str) -> Any:
        """Octojobs in the background, in a session of its own; its process."""
        descriptor = os.open(self.root / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        try:
            started = process.spawn([sys.executable, "-P", "-m", "octojobs", *verb], cwd=self.repo, env=self.environ, output=descriptor)
        finally:
            os.close(descriptor)
        self.daemons.append(started)
        return started

    def octojobs(self, *verb: str) -> int:
        """Run a verb to its end; its exit code."""
        code: int = self.start(*verb).wait(_PATIENCE_S)
        return code

    def serves(self, daemon: Any, commit: str = "") -> bool:
        """Whether the daemon has said that it runs (this commit's definitions)."""
        vitals = Heartbeat.read(self.paths)
        return vitals is not None and vitals.pid == daemon.pid and commit in ("", vitals.definitions)

    def log(self) -> str:
        """All that octojobs printed."""
        with suppress(FileNotFoundError):
            return (self.root / "log").read_text(encoding="utf-8", errors="replace")
        return ""

    def said(self) -> str:
        """The last lines of that."""
        return " / ".join(self.log().splitlines()[-3:])

    def locked(self) -> list[str]:
        """The attempts whose shims live."""
        return [folder.name for folder in self.paths.runs.glob("*/*/*") if receipts.is_live(folder)]

    def close(self) -> None:
        """End what runs, jobs too: nobody waits for them."""
        for daemon in self.daemons:
            if daemon.poll() is None:
                daemon.send_signal(signal.SIGKILL)
                daemon.wait()
        wait_for(lambda: not self.locked(), 15.0)

    def _git(self, *arguments: str) -> str:
        """As the person whose repository this is would say it."""
        done = process.run(["git", *_GIT, *arguments], cwd=self.repo, env=self.environ, timeout_s=_PATIENCE_S)
        if not done.ok:
            raise Failed(f"git {arguments[0]} fails: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode().strip()


@contextmanager
def built(beside: Path, *, keep: list[str]) -> Iterator[Theatre]:
    """A theatre in a new folder of `beside`, removed at the end unless `keep` holds something by then.

    Raises Failed, also when the folder can't be made.
    """
    try:
        root = Path(tempfile.mkdtemp(prefix="octojobs-selftest-", dir=beside))
    except OSError as error:
        raise Failed(f"no folder can be made in {beside}: {error.strerror}", "make it writable, or make room") from None
    theatre = Theatre(root)
    try:
        theatre.build()
        yield theatre
    finally:
        theatre.close()
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def wait_for(condition: Callable[[], object], seconds: float, step_s: float = 0.01) -> bool:
    """Whether the condition held within so many seconds."""
    pause = threading.Event()
    for _ in range(max(1, int(seconds / step_s))):
        if condition():
            return True
        pause.wait(step_s)
    return bool(condition())
