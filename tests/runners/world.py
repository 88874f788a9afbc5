"""A launcher, folders for runs, and real processes to watch: what the tests of runs share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.job import Limits
from octojobs.core.run import Process
from octojobs.runners import receipts
from octojobs.runners.base import Launch, Shim
from octojobs.runners.launcher import Launcher
from octojobs.runners.receipts import Exit
from tests.helpers import wait_until

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
NO_LIMITS = Limits()


def shell(text: str) -> tuple[str, ...]:
    """The argument vector of a shell job."""
    return ("sh", "-c", text)


def python(text: str) -> tuple[str, ...]:
    """The argument vector of a little Python program."""
    return (sys.executable, "-c", text)


@dataclass
class Launched:
    """A shim, and the run that it is to carry out."""

    launch: Launch
    shim: Shim

    @property
    def process(self) -> Process:
        """The shim's process."""
        return self.shim.process

    def open(self) -> None:
        """Hand over the run; nobody waits for another: the shim ends with it, as it does when the daemon died."""
        assert self.shim.start(self.launch)
        self.shim.close()

    def abandon(self) -> None:
        """Let go of the shim, as a daemon that dies does."""
        self.shim.close()


@dataclass
class World:
    """Runs under `root`, started by one launcher; `close` ends whatever is left of them."""

    root: Path
    launcher: Launcher
    count: int = 0
    shims: list[Process] = field(default_factory=list)

    def spec(self, *argv: str, limits: Limits = NO_LIMITS, secrets: tuple[str, ...] = (), env: Mapping[str, str] | None = None) -> Launch:
        """A launch in a fresh folder; `env` adds variables."""
        self.count += 1
        run_dir = self.root / "runs" / str(self.count)
        run_dir.mkdir(parents=True, mode=0o700)
        return Launch(run_dir, argv, {**ENV, **(env or {})}, self.root, limits, secrets)

    def gated(self, launch: Launch) -> Launched:
        """A shim that is not told of its run yet."""
        (shim,) = self.fork(1)
        return Launched(launch, shim)

    def fork(self, count: int) -> list[Shim]:
        """So many shims."""
        shims, why = self.launcher.fork(count)
        assert not why
        self.shims += [shim.process for shim in shims]
        return shims

    def start(self, launch: Launch) -> Launched:
        """A shim that was given its run."""
        launched = self.gated(launch)
        launched.open()
        return launched

    def finish(self, launch: Launch) -> Exit:
        """Run it to its end."""
        return result_of(self.start(launch))

    def run(self, *argv: str, limits: Limits = NO_LIMITS) -> tuple[Exit, bytes]:
        """Run it to its end: the result and the output."""
        launch = self.spec(*argv, limits=limits)
        return self.finish(launch), output(launch)

    def close(self) -> None:
        """End the launcher and every shim, however little it wants to."""
        self.launcher.close()
        for shim in self.shims:
            for pid in platform.descendants(shim.pid) if platform.is_alive(shim) else []:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            platform.send_signal(shim, signal.SIGKILL)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world in a temporary folder."""
    there = World(tmp_path, Launcher())
    yield there
    there.close()


def is_over(launched: Launched) -> bool:
    """Whether the shim has ended."""
    return platform.is_alive(launched.process) is False


def result_of(launched: Launched) -> Exit:
    """Wait for the shim's end and read the result, which must be there by then."""
    wait_until(lambda: is_over(launched), 20, f"the end of {launched.launch.argv}")
    found = receipts.read_exit(launched.launch.run_dir)
    assert found is not None
    return found


def output(launch: Launch) -> bytes:
    """The output that the run left."""
    return (launch.run_dir / "output.log").read_bytes()


def pid_in(path: Path) -> int:
    """The pid that a job wrote into a file, as soon as it is there."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), what=str(path))
    return int(path.read_text())


def is_running(pid: int) -> bool:
    """Whether a process with that pid runs (a zombie doesn't)."""
    return platform.start_ticks(pid) is not None


def limits(**values: float) -> Limits:
    """Limits with a short grace, so that no test waits ten seconds."""
    return replace(Limits(kill_grace_s=1.0), **values)  # type: ignore[arg-type]  # the names are those of Limits
