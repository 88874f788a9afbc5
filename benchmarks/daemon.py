"""The real `octojobs up` in a real repository: its memory, its idle CPU, how soon a commit is live and a killed one replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from validate import text

from octojobs.core.run import Phase
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.platform import children
from octojobs.store.history import days, rows_in
from octojobs.store.paths import StatePaths
from octojobs.store.view import view

OCTOJOBS = (sys.executable, "-P", "-c", "import sys; from octojobs.cli.main import main; sys.exit(main())")
DEADLINE_S = 90.0
SETTLE_S = 8.0
"""After this long without an event the daemon has written its state out and is at rest."""
FILES = 20
WARM = b"version: 1\njobs:\n  warm:\n    manual: true\n    command: 'true'\n"
"""One run of it starts the launchers, which a daemon that has run something keeps."""


@dataclass(frozen=True)
class Place:
    """A repository with a home beside it, so that nobody's trust, configuration or state is touched; `command` is octojobs there."""

    repo: Path
    home: Path
    command: tuple[str, ...] = OCTOJOBS

    @property
    def paths(self) -> StatePaths:
        """Where its state is."""
        return StatePaths(self.repo / ".git/octojobs")

    @property
    def environ(self) -> dict[str, str]:
        """That of a user who has configured nothing."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "OCTOJOBS_", "XDG_"))}
        return {**kept, "HOME": str(self.home), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(self, *args: str) -> str:
        """What git printed; raises CalledProcessError."""
        done = subprocess.run(["git", *args], cwd=self.repo, env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, path: str, content: bytes) -> str:
        """Write the file and commit it; the full id."""
        file = self.repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.git("add", "--", path)
        self.git("commit", "--quiet", "--message", "change", "--", path)
        return self.git("rev-parse", "HEAD")

    def octojobs(self, *args: str) -> None:
        """Run a verb to its end; raises CalledProcessError."""
        subprocess.run([*self.command, *args], cwd=self.repo, env=self.environ, check=True, capture_output=True)


def place(folder: Path, files: dict[str, bytes]) -> Place:
    """A repository with these files in one commit, allowed to run jobs."""
    made = Place(folder / "repo", folder / "home")
    for path in (made.repo, made.home):
        path.mkdir(parents=True)
    made.git("init", "--quiet", "--initial-branch=main")
    for key, value in {"user.name": "Ada", "user.email": "ada@example.org", "gc.auto": "0"}.items():
        made.git("config", key, value)
    for path, content in files.items():
        (made.repo / path).parent.mkdir(parents=True, exist_ok=True)
        (made.repo / path).write_bytes(content)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "first")
    made.octojobs("allow", "--yes")
    return made


def idle_files(jobs: int) -> dict[str, bytes]:
    """Files with that many jobs, none of which is due before the next 1 January."""
    each = max(10, jobs // FILES)
    yearly = re.compile(rb"\* \* \*")
    many = {f".octopoid/jobs/{start:05}.yaml": yearly.sub(b"1 1 *", text(each, start)) for start in range(0, jobs, each)}
    return {".octopoid/jobs.yaml": WARM, **many}


def rest(at: Place) -> None:
    """Run one job, so that whatever is started lazily is there, and wait until the daemon is at rest."""
    at.octojobs("run-now", "warm", "--wait")
    time.sleep(SETTLE_S)


@contextmanager
def up(at: Place) -> Iterator[subprocess.Popen[bytes]]:
    """`octojobs up` in the background, stopped at the end."""
    with (at.home / "log").open("ab") as log:
        process = subprocess.Popen(
            [*at.command, "up"], cwd=at.repo, env=at.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for(condition: Callable[[], object], what: str) -> float:
    """Seconds until the condition held, looked at every 2 ms; raises TimeoutError."""
    started = time.perf_counter()
    while not condition():
        if time.perf_counter() - started > DEADLINE_S:
            raise TimeoutError(f"waited {DEADLINE_S:g} s for {what}")
        time.sleep(0.002)
    return time.perf_counter() - started


def ready(at: Place, process: subprocess.Popen[bytes]) -> Vitals | None:
    """What the daemon says of itself after its first tick, None before that."""
    if process.poll() is not None:
        raise RuntimeError(f"octojobs up ended with {process.returncode}: {(at.home / 'log').read_text()[-500:]}")
    vitals = Heartbeat.read(at.paths)
    return vitals if vitals is not None and vitals.pid == process.pid else None


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """The daemon and what it keeps running: its launchers."""
    return [process.pid, *children(process.pid)]


def pss_mb(pid: int) -> float:
    """Megabytes of memory, pages that are shared counted in parts."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[0]) * 1024 / 1e6


def cpu_s(pid: int) -> float:
    """Seconds of CPU of all threads of a process, to the nanosecond (utime and stime count in steps of 10 ms)."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


@dataclass(frozen=True)
class Size:
    """A daemon at rest, its launchers apart; how long a first start took, and one when nothing had changed."""

    ready_s: float
    again_s: float
    daemon_mb: float
    launchers_mb: float


def size(folder: Path, jobs: int) -> Size:
    """With that many jobs, as soon as it is at rest."""
    at = place(folder, idle_files(jobs))
    shutil.rmtree(at.home / ".cache", ignore_errors=True)  # `allow` has read the definitions
    took = []
    for last in (False, True):
        started = time.perf_counter()
        with up(at) as process:
            wait_for(lambda process=process: ready(at, process), "the daemon")
            took.append(time.perf_counter() - started)
            if last:
                rest(at)
                daemon, *launchers = family(process)
                return Size(took[0], took[1], pss_mb(daemon), sum(map(pss_mb, launchers)))
    raise AssertionError("the last start has returned")


def idle_cpu(folder: Path, jobs: int, seconds: float) -> float:
    """The part of one core, in percent, that a daemon with nothing to do takes, its launchers included."""
    at = place(folder, idle_files(jobs))
    with up(at) as process:
        wait_for(lambda: ready(at, process), "the daemon")
        rest(at)
        started, before = time.perf_counter(), sum(map(cpu_s, family(process)))
        time.sleep(seconds)
        return (sum(map(cpu_s, family(process))) - before) / (time.perf_counter() - started) * 100


def saves_live(folder: Path, jobs: int, rounds: int) -> list[float]:
    """As `commits_live`, with that many jobs in 20 files, one of which changes as a whole."""
    files = idle_files(jobs)
    at, path = place(folder, files), list(files)[-1]
    found = []
    with up(at) as process:
        wait_for(lambda: ready(at, process), "the daemon")
        time.sleep(SETTLE_S)
        for number in range(rounds):
            time.sleep(1.0 + 0.13 * number)
            commit = at.commit(path, files[path].replace(b"Job number", b"Job %d, number" % number))
            found.append(wait_for(lambda commit=commit: getattr(ready(at, process), "definitions", "") == commit, "the commit"))
    return found


def commits_live(folder: Path, rounds: int) -> list[float]:
    """Seconds from the return of `git commit` to the daemon's word that it runs that commit, once per round."""
    at = place(folder, idle_files(20))
    found = []
    with up(at) as process:
        wait_for(lambda: ready(at, process), "the daemon")
        for number in range(rounds):
            time.sleep(1.0 + 0.13 * number)  # at another moment of its look once a second each time
            commit = at.commit(".octopoid/jobs/more.yaml", text(1, 1000 + number))
            found.append(wait_for(lambda commit=commit: getattr(ready(at, process), "definitions", "") == commit, "the commit"))
    return found


SLEEPER = "version: 1\njobs:\n  sleeper:\n    manual: true\n    command: 'while [ ! -e {go} ]; do sleep 0.02; done'\n"


def kills_adopted(folder: Path, rounds: int) -> list[float]:
    """Seconds from the start of a new daemon after `kill -9` until it has the running job; once per round.

    Raises RuntimeError when the run did not succeed at its first attempt under the new daemon.
    """
    found = []
    for number in range(rounds):
        go = folder / f"go-{number}"
        at = place(folder / str(number), {".octopoid/jobs.yaml": SLEEPER.format(go=go).encode()})
        with up(at) as first:
            wait_for(lambda at=at, first=first: ready(at, first), "the daemon")
            at.octojobs("run-now", "sleeper")
            wait_for(lambda at=at: any(run.phase is Phase.RUNNING for run in view(at.paths).ledger.runs.values()), "the run")
            first.send_signal(signal.SIGKILL)
            started = time.perf_counter()
            with up(at) as second:
                wait_for(lambda at=at, second=second: ready(at, second), "the new daemon")
                found.append(time.perf_counter() - started)
                go.touch()
                wait_for(lambda at=at: not view(at.paths).ledger.runs, "the end of the run")
        rows = [row for day in days(at.paths.history) for _, _, row in rows_in(day) if row is not None]
        if [(row["outcome"], row["attempt"]) for row in rows] != [("succeeded", 1)]:
            raise RuntimeError(f"not adopted: {rows}")
    return found


def commits_start(folder: Path, rounds: int) -> list[float]:
    """Seconds from the return of `git commit` to the first line of a job that the commit triggers, once per round."""
    job = b"version: 1\njobs:\n  told: {on: {ref: refs/heads/main}, command: 'date +%s.%N >> ../started'}\n"
    at = place(folder, {".octopoid/jobs.yaml": job})
    started = at.repo.parent / "started"
    found = []
    with up(at) as process:
        wait_for(lambda: ready(at, process), "the daemon")
        time.sleep(SETTLE_S)
        for number in range(rounds):
            time.sleep(1.0 + 0.13 * number)
            (at.repo / "changed.txt").write_text(f"{number}\n")
            at.git("add", "changed.txt")
            at.git("commit", "--quiet", "--message", "change")
            committed = time.time()
            wait_for(lambda number=number: started.exists() and len(started.read_text().splitlines()) > number, "the run")
            found.append(float(started.read_text().splitlines()[number]) - committed)
    return found
