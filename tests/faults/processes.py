"""Jobs that misbehave: processes that flee, output without end, pids that come again, a thousand at once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.faults.world import EFFECT, Started, World, opened
from tests.helpers import wait_until

JOBS = f"""\
jobs:
  flees: {{manual: true, timeout: 1s, kill_grace: 1s, command: '{EFFECT}; setsid sh -c "trap : TERM; sleep 300; sleep 300" & sleep 300'}}
  leaves: {{manual: true, command: '{EFFECT}; setsid sleep 300 & sleep 0.1'}}
  holds: {{manual: true, command: '{EFFECT}; sleep 300 & true'}}
  floods: {{manual: true, timeout: 2s, max_output: 1000000, command: '{EFFECT}; yes'}}
  one_line: {{manual: true, command: '{EFFECT}; head -c 10000000 /dev/zero | tr "\\0" x'}}
  nuls: {{manual: true, command: '{EFFECT}; head -c 200000 /dev/zero; printf "\\033[2J\\377\\200"'}}
"""
OUTCOMES = {
    "flees": "timed_out",
    "leaves": "succeeded",
    "holds": "succeeded",
    "floods": "timed_out",
    "one_line": "succeeded",
    "nuls": "succeeded",
}
MOST_LOG = {"floods": 3_000_000, "one_line": 11_000_000, "nuls": 300_000}
"""What a log may hold: the bound is kept about, since a fast writer is some milliseconds ahead."""


def _misbehaving(tally: Tally, scale: Scale, root: Path) -> None:
    """Each of them by hand, all at once: they end within seconds, in the outcome that is theirs, and what is left of them is named."""
    with opened(root, JOBS) as world:
        for turn in range(scale.of(1, 10)):
            began = time.monotonic()
            daemon = world.start("up")
            wait_until(world.is_up, 20, "the daemon to serve")
            for call in [world.start("run-now", job) for job in OUTCOMES]:
                call.wait()
            wait_until(lambda: len(world.gather().rows) == len(OUTCOMES) * (turn + 1), 60, "all to end")  # noqa: B023 -- called now
            tally.check(f"turn {turn}", time.monotonic() - began < 60, "they take minutes")
            tally.found(f"turn {turn}", _ended_well(world))
            daemon.send(signal.SIGTERM)
            daemon.wait()
            _sweep(world, tally, turn)
            tally.did("jobs that misbehave", len(OUTCOMES))
        tally.found("at the end", [*world.orphans(), *world.checked([])])


def _ended_well(world: World) -> list[str]:
    found = []
    for row in world.gather().rows:
        job, log = row["job"], world.paths.runs / row["job"] / row["id"] / "1/output.log"
        if row["outcome"] != OUTCOMES[job]:
            found.append(f"{row['id']} {row['outcome']}: {row['reason']}")
        if job in ("leaves", "holds") and "still running: pid" not in row["reason"]:
            found.append(f"{row['id']} does not name what it has left: {row['reason']!r}")
        if log.stat().st_size > MOST_LOG.get(job, 10_000):
            found.append(f"the log of {row['id']} has {log.stat().st_size} bytes")
        if code := world.start("logs", row["id"], output=world.root / "logs").wait():
            found.append(f"`logs {row['id']}` exits {code}")
    return found


def _sweep(world: World, tally: Tally, turn: int) -> None:
    """What outlived its run, as it may, is the two sleeps; the test ends them."""
    wait_until(lambda: len(world.strays()) <= 2, 10, f"all but two to be gone: {world.strays()}")
    left = world.strays()
    tally.check(f"turn {turn}", len(left) == 2, f"{len(left)} processes are left, not the two that may be")
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reused_pid(tally: Tally, scale: Scale, root: Path) -> None:
    """The pid of a killed shim comes again, as somebody else's: nobody takes it for the run, and nobody signals it."""
    last = Path("/proc/sys/kernel/ns_last_pid")
    try:
        last.write_text(last.read_text())
    except OSError as error:  # its mode allows everybody, the kernel does not
        raise CannotDo(f"{last} can't be written: {error.strerror}") from None
    with opened(root, "jobs:\n  slow: {manual: true, command: '" + EFFECT + "; sleep 300'}\n") as world:
        for turn in range(scale.of(1, 20)):
            daemon = world.start("up")
            wait_until(world.is_up, 20, "the daemon to serve")
            tally.check(f"turn {turn}", world.call("run-now", "slow") == 0, "it is not started")
            wait_until(lambda: len(world.effects) == turn + 1, 20, "the job to run")  # noqa: B023 -- it is called before the next round
            (run,) = world.gather().open_runs
            assert run.process is not None
            daemon.kill()
            os.kill(run.process.pid, signal.SIGKILL)
            # As long as its session has a member, the kernel gives the number to nobody.
            wait_until(world.ended, 10, "the shim and its job to be gone")
            with _impostor(last, run.process.pid) as impostor:
                daemon = world.start("up")
                wait_until(lambda: not world.gather().open_runs, 20, "the run to be settled")
                (row,) = [row for row in world.gather().rows if row["id"] == run.id]
                tally.check(f"turn {turn}", row["outcome"] == "lost", f"{row['outcome']}: {row['reason']}")
                tally.check(f"turn {turn}", impostor.poll() is None, f"the process that has its pid was ended: {impostor.returncode}")
                daemon.send(signal.SIGTERM)
                daemon.wait()
                impostor.kill()
            tally.did("pids that came again")
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked([])])


def _impostor(last: Path, pid: int) -> subprocess.Popen[bytes]:
    """A process with this pid."""
    for _ in range(200):
        last.write_text(str(pid - 1))
        process = subprocess.Popen(["sleep", "60"])
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    raise CannotDo("another process takes the pid each time")


def _crowd(tally: Tally, scale: Scale, root: Path) -> None:
    """So many jobs are due in one second: each runs once, none is dropped, and no descriptor is left open by any of them."""
    count = scale.of(150, 1000)
    jobs = "jobs:\n" + "".join(f"  job{number}: {{interval: 1d, command: '{EFFECT}'}}\n" for number in range(count))
    with opened(root, jobs) as world:
        daemon = world.start("up")
        wait_until(lambda: world.effects, 30, "the first run")
        before = _descriptors(daemon)
        wait_until(lambda: len(world.gather().rows) == count, 120, "all to end")
        wait_until(lambda: _descriptors(daemon) <= before + 4, 20, f"{_descriptors(daemon) - before} descriptors to be closed")
        tally.did("jobs due in one second", count)
        zombies = [child for child in Path(f"/proc/{daemon.pid}/task").glob("*/children") if "Z" in _states(child)]
        tally.check("at rest", not zombies, "there are zombies")
        daemon.send(signal.SIGTERM)
        tally.check("at the end", daemon.wait() == 0, f"it exits {daemon.status}: {daemon.said()[-500:]}")
        found = world.gather()
        tally.check("at the end", len({row["job"] for row in found.rows}) == count, "some did not run")
        tally.check("at the end", len(world.effects) == count, f"{len(world.effects)} took effect")
        tally.found("at the end", [*world.orphans(), *world.checked([])])


def _descriptors(process: Started) -> int:
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def _states(children: Path) -> list[str]:
    found = []
    for pid in children.read_text().split():
        with suppress(OSError):
            found.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
    return found


def steps(_: Scale) -> list[Step]:
    """Bad jobs; what a machine short of room does is in `shortages.py`."""
    return [Step("jobs that misbehave", _misbehaving), Step("pids that come again", _reused_pid), Step("a crowd", _crowd)]
