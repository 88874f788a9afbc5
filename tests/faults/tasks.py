"""Tasks: whoever changes one is killed at the k-th call of each kind, and every reader still finds each of them whole and once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from octojobs.core.flow import OCTOPOID
from octojobs.core.task import Draft, InvalidTask
from octojobs.flows import claiming, creating, expiring, finishing, forms, restoring
from octojobs.flows.queue import Queue, compare
from octojobs.flows.record import Kept
from tests.faults.injections import was_hit
from tests.faults.tally import CannotDo, Scale, Step, Tally
from tests.flows.world import World
from tests.helpers import ROOT

CALLS = ("renameat2", "renameat", "rename", "fsync", "fdatasync", "pwrite64", "write", "unlink", "unlinkat", "mkdir", "mkdirat")
"""Each by its own name: strace counts the calls of a set name by name."""
SHORT_CALLS = ("renameat2", "renameat", "rename", "fsync", "pwrite64")
SHORT_STRIDES = {"fsync": 2, "pwrite64": 6}
CLAIMED, WAITING = "claimed by ada", "waits"
MOST_KILLS = 200


def enqueue(queue: Queue) -> None:
    """A task that was not there."""
    creating.enqueue(queue, Draft("new", dedupe="new"))


def claim(queue: Queue) -> None:
    """The first of those that wait."""
    assert claiming.claim(queue, claiming.Claimer("bob", 60)) is not None


def done(queue: Queue) -> None:
    """The one that is claimed."""
    finishing.done(queue, _titled(queue, CLAIMED), "ada")


def requeue(queue: Queue) -> None:
    """The one that is claimed, given back."""
    finishing.requeue(queue, _titled(queue, CLAIMED), "ada")


def expire(queue: Queue) -> None:
    """The one that is claimed, a day later."""
    queue.now += timedelta(days=1)
    assert len(expiring.expire(queue)) == 1


def restore(queue: Queue) -> None:
    """Those whose files somebody took."""
    for state in ("incoming", "claimed"):
        shutil.rmtree(queue.tree.root / state)
    queue.tree.close()
    compare(queue)
    restoring.restore(queue, restoring.missing(queue))


CHANGES = {change.__name__: change for change in (enqueue, claim, done, requeue, expire, restore)}


def killed(change: str, call: str) -> Step:
    """A process that makes the change is killed at its k-th call of that name, for k = 1 until it gets through."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        template = root / "template"
        template.mkdir()
        prepared(template)
        stride = scale.of(SHORT_STRIDES, {}).get(call, 1)
        k = 1 + scale.dice(change, call).randrange(stride)
        hit = True
        while hit and k <= MOST_KILLS:
            folder = root / f"{k}"
            shutil.copytree(template, folder)
            hit = _kill(folder, change, call, k)
            tally.did("kills", int(hit))
            place = f"{change}, killed at {call} {k}"
            tally.found(place, _seen(folder, change))
            tally.found(f"{place}, then settled", _settled(folder, change))
            shutil.rmtree(folder)
            k += stride
        tally.did("changes that got through", int(not hit))

    return Step(f"{change} {call}", do)


def prepared(root: Path) -> None:
    """Three tasks: one claimed, two that wait."""
    world = World.at(root)
    for title in (CLAIMED, f"{WAITING} 1", f"{WAITING} 2"):
        world.enqueue(title, body=f"The body of {title}.\n" * 20)
    kept = world.claim()
    assert kept is not None
    assert kept.task.title == CLAIMED


def _kill(root: Path, change: str, call: str, k: int) -> bool:
    """Make the change in a process of its own, under strace; whether it was hit."""
    if shutil.which("strace") is None:
        raise CannotDo("there is no strace")
    log = root / "strace"
    argv = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={k}"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    argv += [sys.executable, "-m", "tests.faults.tasks", str(root), change]
    ended = subprocess.run(argv, env=env, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    hit = was_hit(log)
    if not hit and ended.returncode != 0:
        if not log.exists():
            raise CannotDo(f"strace can't trace: {ended.stderr.strip()[-200:]}")
        raise AssertionError(f"{change} ends with {ended.returncode}: {ended.stderr[-1500:]}")
    return hit


def _seen(root: Path, change: str) -> Iterator[str]:
    """What any program that looks into the folders must not find: a task that is half there, in two places, or in none."""
    world = World.at(root)
    places: dict[str, list[str]] = {}
    for state in OCTOPOID.states:
        for path in (world.folder / state).glob("*.md"):
            if path.name.startswith("."):
                continue
            try:
                task = forms.parse(path.stem, path.read_bytes(), world.now)
            except InvalidTask as problem:
                yield f"{state}/{path.name} is not whole: {problem}"
                continue
            places.setdefault(task.title, []).append(state)
            if task.title.startswith((CLAIMED, WAITING)) and not task.body.endswith(f"The body of {task.title}."):
                yield f"{state}/{path.name} lacks the end of its body"
    yield from (f"{title} is in {' and '.join(states)}" for title, states in places.items() if len(states) > 1)
    if change != "restore":  # there, files come back one by one
        yield from (f"{title} is nowhere" for title in (CLAIMED, f"{WAITING} 1", f"{WAITING} 2") if title not in places)


def _settled(root: Path, change: str) -> Iterator[str]:
    """What must hold once anybody has opened the tasks again: record, folders and leases agree, and work goes on."""
    world = World.at(root)
    with world.open(timedelta(minutes=1)) as queue:
        if queue.missing and change == "restore":
            restoring.restore(queue, restoring.missing(queue))
        recorded = list(queue.record.in_states(tuple(OCTOPOID.states)))
        yield from queue.notes
        yield from (f"{one.task.title} is pending" for one in queue.record.pending())
    yield from _seen(root, "")
    for kept in recorded:
        yield from _agrees(world, kept)
    there = sum(len(names) for names in world.there().values())
    if there != len(recorded):
        yield f"{there} files and {len(recorded)} tasks"
    yield from (f"{path} is debris" for path in world.folder.rglob("*.octojobs-tmp"))
    if world.claim("carol") is None:
        yield "nothing can be claimed any more"


def _agrees(world: World, kept: Kept) -> Iterator[str]:
    path = world.folder / kept.state / kept.name
    if not path.exists():
        yield f"{kept.task.title} is not in {kept.state}"
    elif path.read_bytes() != kept.data:
        yield f"{kept.task.title} is recorded otherwise than it stands in {kept.state}"
    lease = world.place.paths.leases / f"task-{kept.task.id}.json"
    if lease.exists() is not (kept.state == "claimed"):
        yield f"{kept.task.title} is {kept.state} and has {'a' if lease.exists() else 'no'} lease"


def _titled(queue: Queue, title: str) -> Kept:
    return next(kept for kept in queue.record.in_states(tuple(OCTOPOID.states)) if kept.task.title == title)


def steps(scale: Scale) -> list[Step]:
    """Each change, killed at each kind of call; the short version takes the two that everybody makes, and what is not chosen by dice."""
    changes = scale.of(["enqueue", "claim"], list(CHANGES))
    calls = scale.of(SHORT_CALLS, CALLS)
    return [step for change in changes for step in map(partial(killed, change), calls)]


if __name__ == "__main__":
    with World.at(Path(sys.argv[1])).open(timedelta(minutes=1)) as opened_queue:
        CHANGES[sys.argv[2]](opened_queue)
