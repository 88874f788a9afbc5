"""Tasks that start runs: whoever enqueues one, and whoever takes notice, is killed anywhere, and each task that came has one run."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from octojobs.flows.record import Record
from tests.faults.injections import STUCK_S, detach, traced, was_hit
from tests.faults.tally import Scale, Step, Tally
from tests.faults.world import EFFECT, World, opened
from tests.helpers import wait_until, write

JOBS = f"""\
jobs:
  look:
    on: {{task: {{state: incoming}}}}
    command: '{EFFECT}'
"""
TASKS = ".octopoid/tasks"
CALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "mkdir", "unlink", "clone3")
"""Each by its own name, for strace counts the calls of a set name by name."""
SHORT_CALLS = {"tick": ("fdatasync", "pwrite64"), "enqueue": ("renameat2", "pwrite64")}
SHORT_STRIDES = {"fdatasync": 4, "pwrite64": 9, "renameat2": 1}
LONG_STRIDES = {"openat": 12, "write": 3, "pwrite64": 2}
MOST_KILLS = 60
SHORTEST_S, LONGEST_S = 0.0, 1.0
DAEMONS, TOGETHER = 45, 2
"""Fewer tasks than may be open, or get a run each at one look: a hundred."""
BY_HAND = "---\ntitle: by hand\n---\nx\n"


def killed(verb: str, call: str) -> Step:
    """`octojobs VERB` is killed at its k-th call of that name, for k = 1 until it gets through: the pass, or whoever enqueues a task."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        with opened(root, JOBS) as world:
            _prepare(world, root / "template")
            stride = scale.of(SHORT_STRIDES, LONG_STRIDES).get(call, 1)
            first = 1 + scale.dice("arrivals", verb, call).randrange(stride)
            for number in range(scale.of(3, MOST_KILLS)):
                _restore(world, root / "template")
                place = f"{verb} killed at {call} {first + number * stride}"
                hit = _kill(world, root / f"strace-{number}", verb, call, first + number * stride)
                tally.did("kills", int(hit))
                tally.found(place, [*world.orphans(), *world.settle(), *world.orphans(), *_one_run_each(world), *world.checked([])])
                if not hit:
                    tally.did("calls that got through")
                    break

    return Step(f"{verb} where tasks come, {call}", do)


def _prepare(world: World, template: Path) -> None:
    """A job that has looked, and since then three tasks that were enqueued, and one that was put there by hand."""
    assert world.call("tick") == 0, world.started[-1].said()
    for number in range(3):
        assert world.call("enqueue", f"task {number}") == 0, world.started[-1].said()
    write(world.repo / TASKS / "incoming/TASK-abcdef12.md", BY_HAND)
    shutil.copytree(world.paths.root, template / "state")
    shutil.copytree(world.repo / TASKS, template / "tasks")


def _restore(world: World, template: Path) -> None:
    for place, kept in ((world.paths.root, "state"), (world.repo / TASKS, "tasks")):
        shutil.rmtree(place)
        shutil.copytree(template / kept, place)
    (world.repo / "effects").unlink(missing_ok=True)


def _kill(world: World, log: Path, verb: str, call: str, k: int) -> bool:
    hit = world.start(*([verb] if verb == "tick" else [verb, "one more"]), stopped=True)
    with traced([hit.pid], call, f"signal=KILL:when={k}", log, follow=False) as strace:
        os.kill(hit.pid, signal.SIGCONT)
        with suppress(AssertionError):
            wait_until(lambda: hit.poll() is not None, STUCK_S)
        detach(strace)
    code = hit.wait(40)
    assert code in (-signal.SIGKILL, 0), f"it exits {code}: {hit.said()[-1500:]}"
    return was_hit(log)


def _one_run_each(world: World) -> Iterator[str]:
    """The record says which tasks came, and the history, with the open runs, which were run for."""
    with closing(Record(world.paths.tasks)) as record:
        happened = record.after("0") or []
    came = Counter(one.task for one in happened if one.target == "incoming" and one.source != one.target and one.event != "restored")
    found = world.gather()
    runs = Counter(row["trigger"]["task"] for row in found.rows if row["trigger"] is not None)
    runs.update(run.trigger.task for run in found.open_runs if run.trigger is not None)
    yield from (f"task {task} came {times} times and has {runs[task]} runs" for task, times in came.items() if runs[task] != times)
    yield from (f"task {task} has a run and never came" for task in runs.keys() - came.keys())
    there = {path.name.removesuffix(".md").removeprefix("TASK-") for path in (world.repo / TASKS / "incoming").glob("[!.]*.md")}
    yield from (f"task {task} lies there and never came" for task in there - came.keys())


def killed_daemons(seed: int) -> Step:
    """Daemons that live for a second at most, while tasks are enqueued; every third of those processes is killed, too."""

    def do(tally: Tally, scale: Scale, root: Path) -> None:
        dice = scale.dice("arrivals", seed)
        with opened(root, JOBS) as world:
            assert world.call("tick") == 0, world.started[-1].said()
            before = world.gather()
            for number in range(scale.of(6, DAEMONS)):
                daemon = world.start("up")
                asking = [world.start("enqueue", f"task {number} {one}") for one in range(dice.randint(1, TOGETHER))]
                threading.Event().wait(dice.uniform(SHORTEST_S, LONGEST_S))
                for one in asking:
                    if dice.random() < 1 / 3:
                        one.kill()
                        tally.did("who enqueue killed", int(one.status == -signal.SIGKILL))
                daemon.kill()
                tally.did("daemons killed")
                tally.found(f"daemon {number}", [wrong for one in asking if (wrong := _badly_ended(one.wait()))])
                before = world.gather()
            last = world.start("up")
            with suppress(AssertionError):
                wait_until(lambda: not [*_one_run_each(world)], 30)
            last.send(signal.SIGTERM)
            # With nothing left to do it may have been told to end before it had begun to listen.
            tally.check("at the end", last.wait() in (0, -signal.SIGTERM), f"it exits {last.status}: {last.said()[-1500:]}")
            tally.found("at the end", [*world.settle(), *_one_run_each(world), *world.orphans(), *world.checked([], before)])

    return Step(f"daemons where tasks come {seed}", do)


def _badly_ended(code: int) -> str:
    return "" if code in (0, -signal.SIGKILL) else f"who enqueues exits {code}"


def steps(scale: Scale) -> list[Step]:
    """The pass and whoever enqueues, killed at each kind of call; and daemons killed by dice."""
    found = [partial(killed, verb)(call) for verb in ("tick", "enqueue") for call in scale.of(SHORT_CALLS[verb], CALLS)]
    return found + [killed_daemons(scale.seed + number) for number in range(scale.of(1, 11))]
