"""Worktrees whose run, or whose keeper, was killed: the next one keeps what they have left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.helpers import git, wait_until, write
from tests.runners.sandbox.apart import COMMIT, Apart, Ended, apart, over
from tests.runners.world import is_running, pid_in, world

__all__ = ["apart", "world"]


def killed(apart: Apart, command: str) -> Ended:
    """A run whose host, shim and command were killed, as by the kernel's memory killer."""
    started = apart.start(f'{command}; echo $PPID > "$OCTOJOBS_RUN_DIR/pid"; exec sleep 1000')
    host = pid_in(started.launch.run_dir / "pid")
    os.kill(started.process.pid, signal.SIGKILL)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: not is_running(host))
    for process in Path("/proc").iterdir():  # the command itself, wherever it hangs now
        if process.name.isdecimal() and f"OCTOJOBS_RUN_DIR={started.launch.run_dir}".encode() in environ_of(process):
            end(int(process.name))
    return Ended(started.launch, None)  # type: ignore[arg-type]  # it has no end


def end(pid: int) -> None:
    """Kill a process, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_running(pid))


def environ_of(process: Path) -> bytes:
    """Its environment; nothing when it has gone."""
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def test_the_next_run_keeps_what_a_killed_one_has_left(apart: Apart) -> None:
    """Its branch and its patch are those of the dead run, and so is the place of the patch."""
    dead = killed(apart, f"echo 1 > one; git add one; {COMMIT}; echo 2 > two")
    run = dead.launch.run_dir.parent.name
    assert apart.trees == [f"{run}.1"]
    ended = apart.run("echo hello")
    assert ended.output.splitlines()[0] == f"octojobs: {run} was killed and left a worktree"
    assert ended.output.splitlines()[-1] == "hello"
    assert (apart.trees, apart.branches) == ([], [f"octojobs/nightly/{run}"])
    assert dead.result == {"sandbox": {"branch": f"octojobs/nightly/{run}", "commits": 1, "patch": str(dead.patch)}}
    assert "+2" in dead.patch.read_text()


def test_a_patch_is_not_replaced_by_one_of_a_tree_that_was_removed_by_half(apart: Apart) -> None:
    """The machine went down while a worktree was being removed: its work was kept before, and what is left of it is not that."""
    dead = killed(apart, "echo 2 > two; rm a.txt")
    write(dead.patch, "all of its work\n")
    (taken,) = apart.take_in()
    assert (taken.work.patch, apart.trees) == (dead.patch.with_name(f"{dead.patch.stem}.2.patch"), [])
    assert dead.patch.read_text() == "all of its work\n"


def test_what_was_being_kept_when_its_keeper_was_killed_leaves_nothing(apart: Apart) -> None:
    """The objects of a patch that was being made may be large."""
    dead = killed(apart, "echo 2 > two")
    write(dead.patch.with_name(f".keeping.{dead.patch.stem}") / "objects/aa/bb", "x")
    apart.take_in()
    assert os.listdir(apart.paths.patches) == [dead.patch.name]


def test_the_tree_of_a_run_that_lives_is_left_alone(apart: Apart) -> None:
    """Another run of the job works beside it."""
    started = apart.start('echo $$ > "$OCTOJOBS_RUN_DIR/pid"; while [ ! -e go ]; do sleep 0.02; done; echo x > new')
    pid_in(started.launch.run_dir / "pid")
    assert apart.take_in() == []
    assert apart.run("true").output == ""
    (tree,) = apart.trees
    write(apart.paths.worktrees / tree / "go", "")
    assert over(started).patch.exists()


def test_what_still_runs_of_a_dead_run_is_ended_before_its_work_is_kept(apart: Apart) -> None:
    """It would write on in a tree that is being taken in."""
    started = apart.start('sleep 1000 & echo $! > "$OCTOJOBS_RUN_DIR/child"; echo x > new; echo $PPID > "$OCTOJOBS_RUN_DIR/pid"; wait')
    host, child = pid_in(started.launch.run_dir / "pid"), pid_in(started.launch.run_dir / "child")
    os.kill(started.process.pid, signal.SIGKILL)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: not is_running(host))
    (taken,) = apart.take_in()
    assert (taken.problem, taken.work.patch is not None, apart.trees, is_running(child)) == ("", True, [], False)


def test_a_tree_that_somebody_looks_into_waits(apart: Apart) -> None:
    """The shell of a person who has changed there is not killed, and its folder not taken away."""
    dead = killed(apart, "echo x > new")
    (tree,) = apart.trees
    with subprocess.Popen(["sleep", "1000"], cwd=apart.paths.worktrees / tree) as person:
        (taken,) = apart.take_in()
        person.kill()
    assert taken.problem == f"pid {person.pid} (sleep 1000) is at work in it"
    assert (apart.trees, dead.patch.exists()) == ([tree], False)
    (taken,) = apart.take_in()
    assert (taken.problem, apart.trees, dead.patch.exists()) == ("", [], True)


def test_what_was_being_made_when_its_maker_was_killed_is_removed(apart: Apart) -> None:
    """Nothing ever ran in it: an empty folder, and a worktree that git had not finished."""
    empty = apart.paths.worktrees / "nightly@20261120T010000Z.1"
    empty.mkdir(parents=True)
    half = apart.paths.worktrees / "nightly@20261120T010001Z.1"
    git(apart.root, "worktree", "add", "--quiet", "--detach", "--no-checkout", str(half))
    assert apart.take_in() == []
    assert apart.trees == []


def test_what_git_knows_of_it_goes_as_well(apart: Apart) -> None:
    """The machine went down before git had written the worktree's own file: locked, it would be listed for ever."""
    half = apart.paths.worktrees / "nightly@20261120T010001Z.1"
    git(apart.root, "worktree", "add", "--quiet", "--detach", "--no-checkout", "--lock", str(half))
    (half / ".git").unlink()
    assert apart.take_in() == []
    assert (apart.trees, git(apart.root, "worktree", "list").count("\n")) == ([], 0)


def test_commits_of_a_tree_that_somebody_has_removed_are_kept(apart: Apart) -> None:
    """Its folder is gone, git knows what it was on; and the next run finds no record in its way."""
    dead = killed(apart, f"echo 1 > one; git add one; {COMMIT}")
    shutil.rmtree(apart.paths.worktrees / apart.trees[0])
    (taken,) = apart.take_in()
    assert (taken.work.commits, taken.problem) == (1, "")
    assert apart.branches == [f"octojobs/nightly/{dead.launch.run_dir.parent.name}"]
    assert git(apart.root, "worktree", "list").count("\n") == 0


def test_a_tree_that_git_has_forgotten_stays_and_the_others_are_kept(apart: Apart) -> None:
    """Nobody can tell what it began with, and what was done in it is there alone."""
    dead = killed(apart, "echo x > new")
    (tree,) = apart.trees
    shutil.rmtree(apart.root / ".git/worktrees" / tree)
    other = killed(apart, "echo y > new")
    forgotten, taken = apart.take_in()
    assert "git knows nothing of it any more" in forgotten.problem
    assert (apart.trees, (apart.paths.worktrees / tree / "new").read_text()) == ([tree], "x\n")
    assert (taken.problem, dead.patch.exists(), other.patch.exists()) == ("", False, True)


def test_a_tree_whose_lock_somebody_has_taken_away_keeps_its_work(apart: Apart) -> None:
    """Without the lock's reason nobody knows what it began with: commits that no ref has are new."""
    dead = killed(apart, f"echo 1 > one; git add one; {COMMIT}")
    (tree,) = apart.trees
    git(apart.root, "worktree", "unlock", str(apart.paths.worktrees / tree))
    (taken,) = apart.take_in()
    assert (taken.work.commits, taken.work.branch) == (1, f"refs/heads/octojobs/nightly/{dead.launch.run_dir.parent.name}")


def test_other_folders_there_are_nobodys_business(apart: Apart) -> None:
    """Only what has the name of a run is looked at."""
    write(apart.paths.worktrees / "mine" / "file", "x")
    assert apart.take_in() == []
    assert apart.trees == ["mine"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("git init -q inner; cd inner; touch x; git add x; " + COMMIT, "there is another repository in it: inner"),
        (f"{COMMIT} --allow-empty; GIT_SEQUENCE_EDITOR='sed -i s/pick/break/' git rebase -q -i HEAD~1", "a rebase is under way in it"),
        ("rm .git", "is no worktree: No such file or directory"),
        ("i=$(git rev-parse --git-dir)/index; rm $i; ln -s $(git rev-parse --git-common-dir)/index $i", "its index can't be read"),
        ("truncate --size 2G $(git rev-parse --git-dir)/index", "its index is no file of at most 1,073,741,824 bytes"),
        (f"{COMMIT} --allow-empty; git update-ref refs/heads/octojobs/nightly HEAD", "can"),
    ],
    ids=["a repository inside", "a rebase", "no link", "an index elsewhere", "a sparse index", "a branch in the way"],
)
def test_what_cannot_be_kept_stays_where_it_is(apart: Apart, command: str, problem: str) -> None:
    """The run ends as it ended; the output and the result say where its work is, and why it is still there."""
    ended = apart.run(f"echo x > new; {command}")
    (tree,) = apart.trees
    place = apart.paths.worktrees / tree
    assert ended.exit.exit_code in (0, 1)
    assert ended.result["sandbox"]["worktree"] == str(place)
    assert f"octojobs: {place} stays as it is: " in ended.output
    assert problem in ended.output
    assert (place / "new").read_text() == "x\n"
    assert apart.run("echo hello").output.splitlines()[-1] == "hello"
    assert apart.trees == [tree]
