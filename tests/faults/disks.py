"""Bad disks: full of bytes, full of inodes, read-only, and without power."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from octojobs.actions.checkup.selftest import promises
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.faults.world import World, beats, opened
from tests.helpers import octojobs, output_of, wait_until
from tests.store.world import batches, clock, seen

SHUTDOWN = 0x8004587D
"""FS_IOC_SHUTDOWN: `_IOR('X', 125, __u32)` of linux/fs.h, what `xfs_io -c shutdown` calls; ext4 and xfs know it."""
NO_FLUSH = 2
"""Not even the journal of the file system is written out: the power is gone."""
HELD = "no new starts for now"


@contextmanager
def mounted(folder: Path, *options: str, source: str = "octojobs-faults") -> Iterator[Path]:
    """Something mounted on the folder; CannotDo where that is not allowed."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *options, source, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotDo(f"mounting is not possible: {done.stderr.strip().partition(chr(10))[0]}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _fill_bytes(disk: Path) -> Callable[[], None]:
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler.unlink


def _fill_inodes(disk: Path) -> Callable[[], None]:
    folder = disk / "fillers"
    folder.mkdir()
    with suppress(OSError):
        for number in range(100_000):
            (folder / str(number)).touch()
    return lambda: shutil.rmtree(folder)


def _read_only(tally: Tally, scale: Scale, root: Path) -> None:
    """The disk is read-only when a daemon starts, with a run still open: it says so, and another one goes on when that has changed.

    A disk with files open for writing can't be remounted, so a daemon that runs meets this as an error of its calls (injections).
    """
    with mounted(root / "disk", "-t", "tmpfs", "-o", "size=8m,mode=700") as disk, opened(root, beats(3)) as world:
        _move_state(world, disk)
        for turn in range(scale.of(1, 10)):
            daemon = world.start("up", "--allow-network-fs")
            _runs_go_on(world, "before")
            daemon.kill()
            wait_until(lambda: not world.strays(), 10, "the last runs to end")
            before = world.gather()
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            for verb in (["up"], ["tick"], ["up", "--once"]):
                code = world.call(*verb, "--allow-network-fs")
                said = output_of(world.repo).read_text()
                tally.check(f"turn {turn}, {verb}", code == 1 and "ead-only file system" in said, f"it exits {code}: {said[-800:]}")
            tally.found(f"turn {turn}, while it lasts", _reading_verbs(world))
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            tally.found(f"turn {turn}, afterwards", promises.nothing_lost(before, world.gather()))
            tally.did("times")
        last = world.start("up", "--allow-network-fs")
        _runs_go_on(world, "afterwards")
        last.send(signal.SIGTERM)
        tally.check("at the end", last.wait() == 0, f"it exits {last.status}: {last.said()[-1500:]}")
        tally.found("at the end", [*world.orphans(), *world.checked([f"beat{number}" for number in range(3)])])


def _move_state(world: World, disk: Path) -> None:
    """The state lies on this disk, where git's folder names it."""
    if world.paths.root.exists():
        shutil.move(world.paths.root, disk / "state")
    else:
        (disk / "state").mkdir(mode=0o700)
    world.paths.root.symlink_to(disk / "state")


def bad_disk(name: str, options: str, befall: Callable[[Path], Callable[[], None]]) -> Step:
    """A daemon with its state on a small disk to which something happens again and again, and is mended again and again."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        with mounted(root / "disk", "-t", "tmpfs", "-o", options) as disk, opened(root, beats(3)) as world:
            _move_state(world, disk)
            daemon = world.start("up", "--allow-network-fs")
            for turn in range(scale.of(1, 10)):
                _runs_go_on(world, "before")
                mend = befall(disk)
                with suppress(AssertionError):
                    wait_until(partial(_holds, world), 15)
                before = world.gather()
                tally.found(f"turn {turn}, while it lasts", _reading_verbs(world))
                if turn % 2:
                    daemon.kill()
                mend()
                if daemon.poll() is not None:
                    daemon = world.start("up", "--allow-network-fs")
                _runs_go_on(world, "afterwards")
                tally.found(f"turn {turn}, afterwards", promises.nothing_lost(before, world.gather()))
                tally.did("times")
            daemon.send(signal.SIGTERM)
            tally.check("at the end", daemon.wait() == 0, f"it exits {daemon.status}: {daemon.said()[-1500:]}")
            tally.check("at the end", _holds(world), "nothing was ever held")
            tally.found("at the end", [*world.orphans(), *world.checked([f"beat{number}" for number in range(3)])])

    return Step(name, do)


def _holds(world: World) -> bool:
    return HELD in output_of(world.repo).read_text(errors="replace")


def _runs_go_on(world: World, when: str) -> None:
    seen_effects = len(world.effects)
    wait_until(lambda: len(world.effects) > seen_effects + 3, 40, f"runs {when}: {output_of(world.repo).read_text()[-1500:]}")


def _reading_verbs(world: World) -> Iterator[str]:
    for verb in ("status", "runs"):
        done = octojobs(world.repo, verb)
        if done.returncode not in (0, 1):
            yield f"`octojobs {verb}` exits {done.returncode}: {done.stderr}"
        yield from promises.spoken(done.stderr)


def power_cut(kind: str) -> Step:
    """The power goes in the middle of a writer's work, on a loop-mounted file system: what was acknowledged is there when it is back."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        if shutil.which(f"mkfs.{kind}") is None:
            raise CannotDo(f"there is no mkfs.{kind}")
        image = root / "image"
        with image.open("wb") as file:
            file.truncate(400 << 20 if kind == "xfs" else 24 << 20)
        subprocess.run([f"mkfs.{kind}", *(["-q", "-f"] if kind == "xfs" else ["-q", "-F"]), str(image)], check=True, capture_output=True)
        options = "loop,nouuid" if kind == "xfs" else "loop"
        dice, number = scale.dice(kind), 0
        for cut in range(scale.of(6, 60)):
            with mounted(root / "disk", "-o", options, source=str(image)) as disk:
                store = Store.open(StatePaths(disk / "state"), clock)
                tally.found(f"cut {cut}", [f"the state needs mending: {note}" for note in store.notes])
                if not store.ledger.jobs:
                    store.commit(seen())
                number = store.seq - 1
                for _ in range(dice.randrange(1, 60)):
                    store.commit(batches(number // 3)[number % 3])
                    number += 1
                    if dice.random() < 0.05:
                        store._snapshot()
                acknowledged = store.seq
                _cut_power(disk)
                with suppress(OSError):
                    store.close()
            image = _another(image, cut)
            with mounted(root / "disk", "-o", options, source=str(image)) as disk:
                found = promises.gather(StatePaths(disk / "state"))
                back = Store.open(StatePaths(disk / "state"), clock)
                tally.check(f"cut {cut}", back.seq == acknowledged, f"{acknowledged} was acknowledged, and {back.seq} is there")
                tally.found(f"cut {cut}", [*promises.no_damage(found), *_rows_are_whole(found, back.seq)])
                back.close()
            tally.did("power cuts")

    return Step(f"power cut on {kind}", do)


def _another(image: Path, cut: int) -> Path:
    """What has reached the disk, as another disk: whoever has copied our mounts (a container) keeps the dead file system alive."""
    copy = image.with_name(f"image{cut}")
    subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
    image.unlink()
    return copy


def _rows_are_whole(found: promises.Evidence, seq: int) -> list[str]:
    """Each third batch ends a run and an instant."""
    ended = (seq - 1) // 3
    return [] if len(found.rows) == 2 * ended else [f"{len(found.rows)} rows of {ended} ended runs"]


def _cut_power(disk: Path) -> None:
    descriptor = os.open(disk, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_FLUSH))
    except OSError as error:
        raise CannotDo(f"it can't be shut down: {error.strerror}") from None
    finally:
        os.close(descriptor)


def steps(_: Scale) -> list[Step]:
    """Full disks, a read-only one, and power cuts."""
    return [
        bad_disk("full of bytes", "size=1m,mode=700", _fill_bytes),
        bad_disk("full of inodes", "size=64m,nr_inodes=9000,mode=700", _fill_inodes),
        Step("read-only", _read_only),
        power_cut("ext4"),
        power_cut("xfs"),
    ]
