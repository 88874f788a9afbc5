"""Two daemons: one serves, the other one exits 3 and names it, whoever is stopped, killed or outlived by a job."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from octojobs.store.lock import holder
from tests.faults.tally import Scale, Step, Tally
from tests.faults.world import EFFECT, World, beats, opened
from tests.helpers import output_of, wait_until

HELD = "this repository is held by `octojobs up` (pid {pid}"


def _together(tally: Tally, scale: Scale, root: Path) -> None:
    """Two (and every fifth time, five) start in the same instant: exactly one goes on."""
    with opened(root, beats(2)) as world:
        for turn in range(scale.of(5, 50)):
            output_of(world.repo).write_text("")
            started = [world.start("up", stopped=True) for _ in range(5 if turn % 5 == 4 else 2)]
            for one in started:
                os.kill(one.pid, signal.SIGCONT)
            wait_until(lambda: sum(one.poll() is None for one in started) <= 1, 30, "all but one to end")  # noqa: B023 -- called now
            serving = [one for one in started if one.poll() is None]
            tally.check(f"turn {turn}", len(serving) == 1, f"{len(serving)} serve: {output_of(world.repo).read_text()[-1000:]}")
            codes = [one.status for one in started if one not in serving]
            tally.check(f"turn {turn}", set(codes) == {3}, f"the others exit {codes}")
            said = output_of(world.repo).read_text()
            # Who lost may have been there before the winner had written who it is.
            named = [HELD.format(pid=one.pid) for one in serving] + ["this repository is held by another process"]
            tally.check(f"turn {turn}", any(name in said for name in named), f"nobody names the holder: {said[-1000:]}")
            wait_until(world.is_up, 20, "the daemon to serve")
            for one in serving:
                one.send(_farewell(turn))
                one.wait()
            tally.did("starts together")
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked(["beat0", "beat1"])])


def _farewell(turn: int) -> int:
    """Every other daemon leaves in good order."""
    return signal.SIGTERM if turn % 2 else signal.SIGKILL


def _stopped(tally: Tally, scale: Scale, root: Path) -> None:
    """A stopped holder keeps the repository and is said to be stopped; killed, it holds nothing; woken, it goes on."""
    with opened(root, beats(2)) as world:
        for turn in range(scale.of(2, 20)):
            first = world.start("up")
            wait_until(world.is_up, 20, "the daemon to serve")
            first.send(signal.SIGSTOP)
            wait_until(lambda: (found := holder(world.paths)) is not None and found.is_stopped, 10, "it to stop")
            code, said = world.call("up"), output_of(world.repo).read_text()
            tally.check(f"turn {turn}", code == 3 and "stopped" in said.splitlines()[-1], f"a second one exits {code}: {said[-500:]}")
            first.send(signal.SIGKILL if turn % 2 else signal.SIGCONT)
            if turn % 2:
                first.wait()
                first = world.start("up")
            before = len(world.effects)
            wait_until(lambda: len(world.effects) > before + 2, 20, "runs to go on")  # noqa: B023 -- it is called before the next round
            first.send(signal.SIGTERM)
            tally.check(f"turn {turn}", first.wait() == 0, f"it exits {first.status}")
            tally.did("stopped holders")
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked(["beat0", "beat1"])])


def _outlived(tally: Tally, scale: Scale, root: Path) -> None:
    """A job that outlives its daemon, and a grandchild that outlives the job, hold no lock and no descriptor of the daemon's."""
    command = EFFECT + "; setsid sleep 5 & sleep 5"
    with opened(root, beats(2, command, overlap="skip", timeout="1m", kill_grace="1s")) as world:
        daemon = world.start("up")
        for turn in range(scale.of(2, 20)):
            wait_until(lambda: len(world.effects) >= 2, 20, "both jobs to run")
            daemon.kill()
            with suppress(AssertionError):  # between fork and exec a command of the daemon has what the daemon has, for a moment
                wait_until(lambda: holder(world.paths) is None, 2)
            tally.check(f"turn {turn}", holder(world.paths) is None, "the lock is still held")
            tally.found(f"turn {turn}", _held_files(world))
            daemon = world.start("up")
            wait_until(world.is_up, 20, "another daemon to serve")
            tally.did("daemons outlived")
        daemon.send(signal.SIGTERM)
        daemon.wait()
        tally.found("at the end", [*world.settle(), *world.orphans(), *world.checked(["beat0", "beat1"])])


def _held_files(world: World) -> list[str]:
    """What the processes that are left have open of the daemon's own files."""
    own, history = {str(world.paths.daemon_lock), str(world.paths.journal)}, str(world.paths.history)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                links = [os.readlink(link) for link in (entry / "fd").iterdir()]
                found += [f"process {entry.name} has {link} open" for link in links if link in own or link.startswith(history)]
    return found


def steps(_: Scale) -> list[Step]:
    """Races, stopped holders, jobs that outlive them."""
    return [Step("started together", _together), Step("a stopped holder", _stopped), Step("jobs that outlive their daemon", _outlived)]
