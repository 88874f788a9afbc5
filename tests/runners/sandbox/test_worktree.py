"""Runs in a worktree of their own: where they are, how they end, and that nothing of what they did is lost."""

from __future__ import annotations

import os
import re
import signal

import pytest

from octojobs.core.job import CommandAction, Limits, ScriptAction
from octojobs.runners import receipts
from tests.helpers import commit_files, git, write
from tests.runners.sandbox.apart import COMMIT, FILES, WORKTREE, Apart, apart, files_of, over
from tests.runners.world import is_running, pid_in, world

__all__ = ["apart", "world"]


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
