"""Runs in a worktree of their own: where they are, how they end, and that nothing of what they did is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from octojobs.core.job import CommandAction, Limits, ScriptAction
from octojobs.runners import receipts
from tests.helpers import commit_files, git, wait_until, write
from tests.runners.sandbox.apart import FILES, WORKTREE, Apart, Ended, apart, files_of, over
from tests.runners.world import is_running, pid_in, world

__all__ = ["apart", "world"]

COMMIT = "git -c user.name=Ada -c user.email=a@example.org commit --quiet -m work"


def test_a_run_works_in_its_own_tree_at_its_commit(apart: Apart) -> None:
    """What has changed in the user's tree since is not there, and what the run changes does not come there."""
    first = git(apart.root, "rev-parse", "HEAD")
    commit_files(apart.root, {"a.txt": "newer\n"})
    write(apart.root / "a.txt", "unsaved\n")
    ended = apart.run('cat a.txt; pwd; echo "$OCTOJOBS_REPO"; git status --short --branch; echo x > a.txt', commit=first)
    tree = apart.paths.worktrees / f"{ended.launch.run_dir.parent.name}.1"
    assert ended.output.splitlines()[:4] == ["one", str(tree), str(tree), "## HEAD (no branch)"]
    assert ended.exit.outcome == "succeeded"
    assert files_of(apart.root) == {**FILES, "a.txt": "unsaved\n"}
    assert apart.trees == []
    assert git(apart.root, "worktree", "list").count("\n") == 0


def test_a_folder_is_one_of_the_tree(apart: Apart) -> None:
    """`cwd` is relative to the worktree."""
    ended = apart.run("cat b.txt; git rev-parse --show-prefix", cwd="sub")
    assert ended.output == "two\nsub/\n"


def test_a_folder_that_the_commit_has_not_fails_the_run(apart: Apart) -> None:
    """It says which one; nothing is left of the worktree."""
    ended = apart.run("true", cwd="nowhere")
    assert (ended.exit.exit_code, apart.trees) == (126, [])
    assert "nowhere can't be entered: there is none" in ended.output


def test_a_program_that_is_not_there_is_told_as_a_shell_tells_it(apart: Apart) -> None:
    """Exit code 127."""
    ended = apart.run(CommandAction(("no-such-program", "x")))
    assert ended.exit.exit_code == 127
    assert "octojobs: can't start: there is no no-such-program on PATH" in ended.output


def test_commits_become_a_branch(apart: Apart) -> None:
    """Its name has the job and the run; the result and the output tell of it."""
    ended = apart.run(f"echo new > c.txt; git add c.txt; {COMMIT}; {COMMIT} --allow-empty")
    name = f"octojobs/nightly/{ended.launch.run_dir.parent.name}"
    assert apart.branches == [name]
    assert git(apart.root, "log", "--format=%s", f"main..{name}") == "work\nwork"
    assert git(apart.root, "show", f"{name}:c.txt") == "new"
    assert ended.result == {"sandbox": {"branch": name, "commits": 2}}
    assert ended.output == f"octojobs: 2 commits are kept on branch {name}\n"


def test_what_is_not_committed_becomes_a_patch(apart: Apart) -> None:
    """Changed, removed, new, binary and executable files, all but the ignored ones; `git apply` makes them again."""
    ended = apart.run(
        "echo changed > a.txt; git rm -q sub/b.txt; printf '\\000\\001\\377' > bin; "
        "echo '#!/bin/sh' > 'a tool'; chmod +x 'a tool'; echo x > x.log"
    )
    assert ended.result == {"sandbox": {"patch": str(ended.patch)}}
    assert f"what was not committed is in {ended.patch}" in ended.output
    git(apart.root, "apply", "--index", str(ended.patch))
    assert (apart.root / "a.txt").read_text() == "changed\n"
    assert (apart.root / "bin").read_bytes() == b"\0\1\377"
    assert os.access(apart.root / "a tool", os.X_OK)
    assert not (apart.root / "sub/b.txt").exists()
    assert not (apart.root / "x.log").exists()


def test_what_git_was_told_not_to_look_at_is_kept_as_well(apart: Apart) -> None:
    """Neither bit of the index hides a change from the patch."""
    ended = apart.run(
        "git update-index --skip-worktree a.txt; git update-index --assume-unchanged sub/b.txt; echo x >> a.txt; echo y >> sub/b.txt"
    )
    assert re.findall(r"^\+(\w+)$", ended.patch.read_text(), re.MULTILINE) == ["x", "y"]


def test_commits_and_a_dirty_tree_are_both_kept(apart: Apart) -> None:
    """The patch is one to the branch; ignored files that were added by force, and those that git was told not to look at, are in it."""
    ended = apart.run(
        f"echo 1 > one; git add one; {COMMIT}; echo 2 >> one; echo x > x.log; git add -f x.log; "
        "git update-index --assume-unchanged a.txt; echo y > a.txt"
    )
    name = ended.result["sandbox"]["branch"]
    git(apart.root, "checkout", "--quiet", name)
    git(apart.root, "apply", "--index", str(ended.patch))
    assert [(apart.root / file).read_text() for file in ("one", "x.log", "a.txt")] == ["1\n2\n", "x\n", "y\n"]


def test_settings_of_the_user_do_not_spoil_the_patch(apart: Apart) -> None:
    """Whatever `git diff` is told to look like, and a driver that would change what is stored."""
    for key, value in {"diff.noprefix": "true", "color.ui": "always", "diff.external": "false", "filter.up.clean": "tr a-z A-Z"}.items():
        git(apart.root, "config", key, value)
    commit_files(apart.root, {".gitattributes": "*.txt filter=up\n"})
    ended = apart.run("echo changed > a.txt")
    assert "+changed" in ended.patch.read_text()


def test_a_result_of_the_job_is_added_to(apart: Apart) -> None:
    """An object gets one more name; another value stays as it is, and the output tells the rest."""
    ended = apart.run("""echo '{"n": 1}' > "$OCTOJOBS_RESULT"; echo x > new""")
    assert ended.result == {"n": 1, "sandbox": {"patch": str(ended.patch)}}
    assert apart.run("""echo '[1]' > "$OCTOJOBS_RESULT"; echo x > new""").result == [1]


def test_a_run_that_changes_nothing_leaves_nothing(apart: Apart) -> None:
    """No branch, no patch, no result, no line in the output."""
    ended = apart.run("echo hello")
    assert (ended.output, ended.result, ended.patch.exists(), apart.branches) == ("hello\n", None, False, [])


@pytest.mark.parametrize(("command", "expected"), [("exit 7", (7, None)), ("kill -TERM $$", (None, 15)), ("kill -KILL $$", (None, 9))])
def test_the_run_ends_as_the_command_ended(apart: Apart, command: str, expected: tuple[int | None, int | None]) -> None:
    """Exit code and signal are the command's own, and what it left is kept."""
    ended = apart.run(f"echo x > new; {command}")
    assert (ended.exit.exit_code, ended.exit.signal) == expected
    assert ended.patch.exists()


def test_who_is_asked_to_stop_is_asked_once_and_its_work_is_kept(apart: Apart) -> None:
    """The command ends in its own way, within `kill_grace`."""
    started = apart.start("trap 'echo asked >> new; exit 3' TERM; echo $$ > \"$OCTOJOBS_RUN_DIR/pid\"; while :; do sleep 0.02; done")
    pid_in(started.launch.run_dir / "pid")
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, ended.exit.exit_code, ended.exit.reason) == ("cancelled", 3, "enough")
    assert ended.patch.read_text().count("+asked") == 1


def test_what_somebody_else_sends_to_the_host_is_passed_on(apart: Apart) -> None:
    """SIGINT to the one process that `ps` shows first reaches the command."""
    started = apart.start("trap 'exit 5' INT; echo $PPID > \"$OCTOJOBS_RUN_DIR/pid\"; while :; do sleep 0.02; done")
    os.kill(pid_in(started.launch.run_dir / "pid"), signal.SIGINT)
    assert over(started).exit.exit_code == 5


def test_a_time_limit_ends_it_and_the_work_is_kept(apart: Apart) -> None:
    """The limit is the shim's; the host lives long enough to save what is there."""
    ended = apart.run("echo x > new; exec sleep 100", limits=Limits(timeout_s=5.0, kill_grace_s=30.0))
    assert (ended.exit.outcome, ended.patch.exists(), apart.trees) == ("timed_out", True, [])


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


def test_what_a_run_leaves_running_is_ended_before_its_work_is_kept(apart: Apart) -> None:
    """Also what has left its session and its environment behind."""
    ended = apart.run("echo x > new; env -i setsid sh -c 'echo $$ > late; exec sleep 1000' & while [ ! -s late ]; do sleep 0.02; done")
    pid = int(re.findall(r"^\+(\d+)$", ended.patch.read_text(), re.MULTILINE)[0])
    assert (ended.exit.outcome, apart.trees, is_running(pid)) == ("succeeded", [], False)


def test_a_script_that_nobody_has_approved_at_that_commit_does_not_run(apart: Apart) -> None:
    """Where pins are kept, the worktree is looked at, too: the commit of a trigger need not be the approved one."""
    commit_files(apart.root, {"bin/tidy.sh": "echo approved\n"})
    pins = {"bin/tidy.sh": git(apart.root, "rev-parse", "HEAD:bin/tidy.sh")}
    other = commit_files(apart.root, {"bin/tidy.sh": "echo something else\n"})
    git(apart.root, "reset", "--quiet", "--hard", "HEAD~1")
    assert apart.run("sh bin/tidy.sh", pins=pins).output == "approved\n"
    ended = apart.run("sh bin/tidy.sh", pins=pins, commit=other)
    assert (ended.exit.exit_code, apart.trees) == (125, [])
    assert f"bin/tidy.sh is not the approved one ({pins['bin/tidy.sh'][:7]}, at {other[:7]} " in ended.output


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


def test_folders_that_may_not_be_written_go_as_well(apart: Apart) -> None:
    """Go's module cache is read-only, and git ignores it."""
    apart.run("mkdir -p cache.log/deep; touch cache.log/deep/x; chmod 500 cache.log/deep cache.log")
    assert apart.trees == []


def test_a_second_attempt_has_a_tree_and_a_branch_of_its_own(apart: Apart) -> None:
    """The first one's are not touched."""
    launch = apart.launch("true", attempt=2)
    assert launch.order is not None
    assert (launch.order.tree.name[-2:], launch.order.whose.branch[-2:]) == (".2", "-2")


def test_a_name_that_no_branch_may_have_gets_dashes(apart: Apart) -> None:
    """Job names may hold two dots in a row."""
    ended = apart.run(f"{COMMIT} --allow-empty", id="a..b")
    assert apart.branches == [f"octojobs/a--b/a--b@{ended.launch.run_dir.parent.name.partition('@')[2]}"]


def test_a_function_finds_the_modules_of_its_commit(apart: Apart) -> None:
    """A script job imports from its worktree, and its memory is the one that it always has."""
    commit_files(
        apart.root, {"tool.py": "def main(ctx):\n    ctx.state['n'] = 1\n    open('new', 'w').close()\n    return str(ctx.repository)\n"}
    )
    write(apart.root / "tool.py", "def main(ctx): return 'unsaved'\n")
    ended = apart.run(ScriptAction("tool:main"))
    assert ended.result == str(ended.launch.order.tree) if ended.launch.order else ""
    assert ended.patch.exists()
    assert apart.paths.job_state(ended.launch.order.whose.run.job).exists() if ended.launch.order else False


def test_many_at_once_get_their_trees(apart: Apart) -> None:
    """Two `worktree add` at once would trip over one another: they wait."""
    started = [apart.start("echo x > new; cat a.txt") for _ in range(4)]
    assert [(over(one).output.splitlines()[0], over(one).exit.exit_code) for one in started] == [("one", 0)] * 4
    assert apart.trees == []


def test_a_commit_that_is_not_there_is_told(apart: Apart) -> None:
    """Exit code 125: the trouble is not the command's."""
    ended = apart.run("true", commit="0123456789012345678901234567890123456789")
    assert (ended.exit.exit_code, apart.trees) == (125, [])
    assert "octojobs: no sandbox (worktree) could be made: git failed in" in ended.output


def test_variables_of_git_that_the_job_sets_reach_it(apart: Apart) -> None:
    """What octojobs itself asks git goes without them."""
    ended = apart.run('echo "$GIT_SSH_COMMAND" "$GIT_WORK_TREE"', env={"GIT_SSH_COMMAND": "ssh -v", "GIT_WORK_TREE": "/nowhere"})
    assert (ended.output, WORKTREE.backend) == ("ssh -v /nowhere\n", "worktree")
