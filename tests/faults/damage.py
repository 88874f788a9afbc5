"""Damaged state: cut at every length, bits flipped, nonsense in its place: never a traceback, never an empty start in silence."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from octojobs.actions.checkup.selftest import promises
from octojobs.errors import StateDamaged
from octojobs.store import recovery
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from tests.faults.tally import Scale, Step, Tally
from tests.faults.world import World, beats, opened
from tests.helpers import octojobs, output_of, wait_until
from tests.store.world import clock, live, open_store, rows, seen

FILES = ("state.json", "journal.jsonl", "state.json.bak", "journal.jsonl.bak")
NONSENSE = {
    "nothing": b"",
    "zeros": bytes(4096),
    "a key twice": b'{"v":1,"v":1,"seq":1,"sha256":"","state":{}}\n',
    "NaN": b'{"v":1,"seq":NaN,"sha256":"","state":{}}\n',
    "infinity": b'{"v":1,"seq":-Infinity,"sha256":"","state":{}}\n',
    "deep lists": b"[" * 100_000,
    "deep mappings": b'{"state":' * 50_000,
    "a number without end": b'{"v":' + b"9" * 10_000 + b"}",
    "bytes that are no text": bytes(range(256)) * 8,
    "another document": b'{"v":1,"seq":0,"sha256":"x","state":{"v":1,"seq":0,"jobs":{},"runs":[],"pause":null}}\n',
}


def _state(root: Path) -> StatePaths:
    """A state of some hundred records: two snapshots, two journals, a history."""
    store = open_store(root)
    store.commit(seen())
    live(store, range(12))
    store._snapshot()
    live(store, range(12, 16))
    store._snapshot()
    live(store, range(16, 20))
    store._journal.close()
    store._history.close()
    store._lock.release()
    return StatePaths(root)


def _opens(paths: StatePaths, whole: promises.Evidence) -> list[str]:
    """The damaged state is read: it is whole, or it is said what is lost; what has a row does not run again."""
    try:
        loaded = recovery.load(paths)
    except StateDamaged:
        return []
    if loaded.ledger == whole.ledger:
        return []
    if not loaded.notes:
        return ["the state is another one, and nobody says so"]
    if loaded.is_new or not loaded.ledger.jobs:
        return ["it begins anew" + ("" if "lost" in loaded.notes[-1] else " without a word of what is lost")]
    again = [row["id"] for row in whole.rows if row["id"] in loaded.ledger.runs]
    return [f"{run} has ended and is open again" for run in again]


def _store_opens(paths: StatePaths, whole: promises.Evidence) -> list[str]:
    """As a daemon: it mends what it can, and finds it mended the next time."""
    try:
        Store.open(paths, clock, allow_network_fs=True).close()
        again = Store.open(paths, clock, allow_network_fs=True)
    except StateDamaged:
        return []
    again.close()
    found = [f"mended, and damaged again: {note}" for note in again.notes]
    now = {(row["seq"], row["n"]): row for row in rows(paths.root)}
    return found + [f"the row of {row['id']} is gone" for row in whole.rows if now.get((row["seq"], row["n"])) != row]


def _cuts(tally: Tally, scale: Scale, root: Path) -> None:
    paths = _state(root / "state")
    whole = promises.gather(paths)
    data = paths.state.read_bytes()
    for length in range(0, len(data), scale.of(7, 1)):
        paths.state.write_bytes(data[:length])
        tally.found(f"state.json of {length} bytes", _opens(paths, whole))
        tally.did("cuts of state.json")
    paths.state.write_bytes(data)
    journal = paths.journal.read_bytes()
    for length in range(0, len(journal), scale.of(31, 1)):
        paths.journal.write_bytes(journal[:length])
        found = recovery.load(paths)
        tally.check(f"journal of {length} bytes", found.seq <= whole.rows[-1]["seq"] and bool(found.ledger.jobs), "it is read wrong")
        tally.did("cuts of the journal")


def _flips(tally: Tally, scale: Scale, root: Path) -> None:
    paths, dice = _state(root / "state"), scale.dice("flips")
    whole = promises.gather(paths)
    saved = shutil.copytree(paths.root, root / "saved")
    for number in range(scale.of(150, 1000)):
        where = [_flip(paths.root / dice.choice(FILES[:2] if number % 2 else FILES), dice) for _ in range(dice.choice([1, 1, 1, 3]))]
        tally.found(str(where), _opens(paths, whole))
        if number % scale.of(10, 4) == 0:
            tally.found(f"{where}, opened", _store_opens(paths, whole))
        shutil.rmtree(paths.root)
        shutil.copytree(saved, paths.root)
        tally.did("flips")


def _flip(path: Path, dice: random.Random) -> str:
    data = bytearray(path.read_bytes())
    bit = dice.randrange(len(data) * 8)
    data[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(data)
    return f"bit {bit} of {path.name}"


def _nonsense(tally: Tally, scale: Scale, root: Path) -> None:
    paths = _state(root / "state")
    whole = promises.gather(paths)
    saved = shutil.copytree(paths.root, root / "saved")
    for name in FILES[: scale.of(2, 4)]:
        for what, data in NONSENSE.items():
            (paths.root / name).write_bytes(data)
            tally.found(f"{what} for {name}", [*_opens(paths, whole), *_store_opens(paths, whole)])
            shutil.rmtree(paths.root)
            shutil.copytree(saved, paths.root)
            tally.did("files of nonsense")
    for number, change in enumerate(_MIDDLE):
        lines = paths.journal.read_bytes().splitlines(keepends=True)
        middle = len(lines) // 2
        lines[middle : middle + 1] = change(lines[middle])
        paths.journal.write_bytes(b"".join(lines))
        tally.found(f"line {middle}, change {number}", [*_opens(paths, whole), *_store_opens(paths, whole)])
        shutil.rmtree(paths.root)
        shutil.copytree(saved, paths.root)
        tally.did("bad lines in the middle")


_MIDDLE: list[Callable[[bytes], list[bytes]]] = [
    lambda _: [],
    lambda line: [line[: len(line) // 2] + b"\n"],
    lambda line: [line, line],
    lambda line: [b"\n", line],
    lambda line: [line[:-1]],
    lambda line: [b"NaN\n", line],
    lambda line: [line.replace(b"AttemptEnded", b"AttemptEndex").replace(b"RunClaimed", b"RunClaimex")],
    lambda _: [b"[" * 100_000 + b"\n"],
]


def _at_the_command_line(tally: Tally, scale: Scale, root: Path) -> None:
    """What a person sees: a daemon that goes on and says what it found, or exit 5 with the remedy; `doctor` tells, too.

    Of a damaged copy nobody is told before it is needed.
    """
    with opened(root, beats(2)) as world:
        for turn, name in enumerate(FILES[: scale.of(1, 4)] * scale.of(1, 5)):
            daemon = world.start("up")
            before = len(world.effects)
            wait_until(lambda: len(world.effects) > before + 3, 20, "some runs")  # noqa: B023 -- it is called before the next round
            daemon.kill()
            world.strays()
            for victim in (name, *(FILES if turn % 5 == 4 else ())):
                if (world.paths.root / victim).exists():
                    os.truncate(world.paths.root / victim, scale.dice(turn, victim).randrange(20))
            tally.found(f"{name}, turn {turn}", _told(world, needed=not name.endswith(".bak"), wiped=turn % 5 == 4))
            tally.did("daemons started on damage")


def _told(world: World, *, needed: bool, wiped: bool) -> list[str]:
    code, said = world.call("tick"), output_of(world.repo).read_text(errors="replace")
    found = list(promises.spoken(said))
    doctor = octojobs(world.repo, "doctor")
    if wiped:
        found += [] if code == 5 and "can't be recovered" in said else [f"nothing is left, and it exits {code}: {said[-1000:]}"]
        shutil.rmtree(world.paths.root)  # as its remedy says: without a memory of what has run
        (world.repo / "effects").unlink()
        return found
    if code not in (0, 1) or (needed and "damaged" not in said):
        found.append(f"it exits {code} and says {said[-1000:]}")
    if needed and (doctor.returncode == 0 or "damage" not in doctor.stdout + doctor.stderr):
        found.append(f"doctor exits {doctor.returncode} and says {doctor.stdout[-1000:]}{doctor.stderr[-1000:]}")
    for aside in world.paths.root.glob("quarantine-*"):
        aside.unlink()
    output_of(world.repo).write_text("")
    return found + [f"{line!r} took effect twice" for line, times in Counter(world.effects).items() if times > 1]


def steps(_: Scale) -> list[Step]:
    """Cuts, flips, nonsense, and what a person is told."""
    return [Step("cuts", _cuts), Step("flips", _flips), Step("nonsense", _nonsense), Step("command line", _at_the_command_line)]
