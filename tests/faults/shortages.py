"""Machines short of room: a daemon that may open few descriptors, and one of a user who may have few processes."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.faults.world import EFFECT, Started, World, beats, opened
from tests.helpers import environment, home_of, output_of, script, wait_until

JOBS = 20
FILES = beats(JOBS, EFFECT + "; sleep 0.3")
WIDE = {".octopoid/octojobs.yaml": "max_concurrent: 40\n"}
DESCRIPTORS, PROCESSES = 64, 16
"""The daemon has five threads, its launcher is a process, and each run is three: five of twenty have room at a time."""
RUNS = 4
"""Ends that a turn waits for, of one batch and the next: after a refusal nothing is started for 5 s."""
USER = 54_321
"""An id that nobody has. Whom the kernel calls root it does not bind, so that root's test is another user's."""


def _descriptors(tally: Tally, scale: Scale, root: Path) -> None:
    """It says so, runs what it can, and ends in good order."""
    with opened(root, FILES) as world:
        world.declare(WIDE)
        daemon = world.start("up", stopped=True)
        limit = resource.RLIMIT_NOFILE
        resource.prlimit(daemon.pid, limit, (DESCRIPTORS, resource.prlimit(daemon.pid, limit)[1]))
        os.kill(daemon.pid, signal.SIGCONT)
        _lives_on(tally, scale, world, daemon, f"{DESCRIPTORS} descriptors")
        resource.prlimit(daemon.pid, limit, resource.getrlimit(limit))
        daemon.send(signal.SIGTERM)
        tally.check("at the end", daemon.wait() == 0, f"it exits {daemon.status}: {daemon.said()[-1500:]}")
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked([f"beat{number}" for number in range(JOBS)])])


def _processes(tally: Tally, scale: Scale, root: Path) -> None:
    """The same, and what it could not start is started later."""
    with _reachable(root) as folder, opened(folder, FILES) as world:
        world.declare(WIDE)
        with _alone(world) as prefix, output_of(world.repo).open("ab") as output:
            argv = [*prefix, "prlimit", f"--nproc={PROCESSES}:{PROCESSES}", script(), "up"]
            daemon = subprocess.Popen(
                argv,
                cwd=world.repo,
                env=environment(home_of(world.repo)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            world.mine.add(daemon.pid)
            try:
                _lives_on(tally, scale, world, daemon, f"{PROCESSES} processes")
                daemon.send_signal(signal.SIGTERM)
                tally.check("at the end", daemon.wait(30) == 0, f"it exits {daemon.returncode}: {_said(world)}")
                tally.check("at the end", "no new starts for now" in output_of(world.repo).read_text(), "nothing was ever refused")
                wait_until(lambda: not world.strays(), 10, "the last runs to end")
            finally:
                daemon.kill()
                daemon.wait()
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked([f"beat{number}" for number in range(JOBS)])])


@contextmanager
def _reachable(root: Path) -> Iterator[Path]:
    """A folder to which any user comes: git asks access(2), for which capabilities count nothing. `root` is its owner's alone."""
    folder = Path(tempfile.mkdtemp(prefix="octojobs-faults-"))
    folder.chmod(0o755)
    (root / "elsewhere").symlink_to(folder)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def _alone(world: World) -> Iterator[list[str]]:
    """A command to begin another one with, that makes it a user's who has no other process; the world is that user's meanwhile.

    Root's becomes `USER`, who may read and write all that root may: the point is the count, not the permissions. Another
    user's gets a user namespace, where counting begins anew.
    """
    if os.geteuid():
        prefix = ["unshare", "--user", "--map-current-user"]
        _try(prefix)
        yield prefix
        return
    caps = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *caps]
    _try(prefix)
    _give(world.root, USER)  # git reads nobody else's repository
    try:
        yield prefix
    finally:
        _give(world.root, 0)


def _try(prefix: list[str]) -> None:
    for program in (prefix[0], "prlimit"):
        if shutil.which(program) is None:
            raise CannotDo(f"there is no {program}")
    done = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotDo(f"nobody can be alone here: {done.stderr.strip()[:200]}")


def _give(root: Path, owner: int) -> None:
    for folder, _, names in os.walk(root):
        for name in (".", *names):
            with suppress(FileNotFoundError):
                os.lchown(os.path.join(folder, name), owner, owner)


def _lives_on(tally: Tally, scale: Scale, world: World, daemon: Started | subprocess.Popen[bytes], room: str) -> None:
    for turn in range(scale.of(1, 5)):
        wait_until(partial(_ran_or_ended, world, daemon, len(world.effects) + RUNS), 40, "runs to go on")
        tally.check(f"turn {turn}", daemon.poll() is None, f"it ended with {daemon.poll()}: {_said(world)}")
        tally.did(f"times with {room} at most")


def _ran_or_ended(world: World, daemon: Started | subprocess.Popen[bytes], effects: int) -> bool:
    return daemon.poll() is not None or len(world.effects) > effects


def _said(world: World) -> str:
    return output_of(world.repo).read_text(errors="replace")[-1500:]


def steps(_: Scale) -> list[Step]:
    """Too few of each."""
    return [Step("short of descriptors", _descriptors), Step("short of processes", _processes)]
