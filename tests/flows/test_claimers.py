"""Many at once: real processes that claim and enqueue at the same time, each task for one of them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from octojobs.flows import forms
from tests.flows.world import World
from tests.helpers import ROOT, make_repository, octojobs, start_octojobs, write

TASKS, CLAIMERS = 2_000, 8


def test_eight_claimers_share_two_thousand_tasks(world: World) -> None:
    """Each is claimed once, by the one whose name is in its file, and none is lost."""
    for number in range(TASKS):
        write(world.folder / f"incoming/t{number}.md", f"---\ntitle: task {number}\npriority: P{number % 4}\n---\nThe body of {number}.\n")
    with world.open() as queue:  # what others wrote is recorded once, and not by all at the same time
        assert len(queue.record.places()) == TASKS
    root = str(world.place.worktree.parent)
    with ExitStack() as stack:
        claimers = {
            name: stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.flows.claimer", root, name],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in (f"claimer-{number}" for number in range(CLAIMERS))
        }
        for process in claimers.values():
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in claimers.values():
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        got = {name: process.communicate()[0].split() for name, process in claimers.items()}
        assert {process.returncode for process in claimers.values()} == {0}
    times = Counter(task for tasks in got.values() for task in tasks)
    assert set(times.values()) == {1}
    assert len(times) == TASKS
    assert all(got.values())
    assert world.there() == {"claimed": sorted(f"t{number}.md" for number in range(TASKS))}
    for name, tasks in got.items():
        for task in tasks:
            read = forms.parse(task, (world.folder / f"claimed/{task}.md").read_bytes(), world.now)
            assert (read.claimed_by, read.attempts, read.version, read.body) == (name, 1, 2, f"The body of {task[1:]}.")


def test_the_command_line_does_as_well(tmp_path: Path) -> None:
    """A dozen processes of `octojobs`: of those that ask for one key one makes the task, and each task goes to one."""
    repo = make_repository(tmp_path, {"README.md": "x\n"})
    processes = [start_octojobs(repo, "enqueue", f"task {number % 2}", "--dedupe", f"k{number % 2}") for number in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    processes = [start_octojobs(repo, "task", "claim", "--by", f"claimer-{number}") for number in range(6)]
    assert sorted(process.wait(60) for process in processes) == [0, 0, 1, 1, 1, 1]
    listed = octojobs(repo, "task", "list").stdout.splitlines()
    assert [line.split("\t")[1] for line in listed] == ["claimed", "claimed"]
