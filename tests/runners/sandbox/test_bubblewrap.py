"""Runs in a bubblewrap sandbox, for real: what they see, what they may write, what becomes of what they try."""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.job import CommandAction, Limits, ScriptAction
from octojobs.core.sandbox import Backend, Mount, Sandbox
from octojobs.runners import receipts
from octojobs.runners.sandbox import bubblewrap
from octojobs.runners.sandbox.bubblewrap import Unusable
from tests.helpers import commit_files, git, wait_until, write
from tests.runners.sandbox.apart import FILES, Apart, apart, files_of, over
from tests.runners.world import is_running, world

__all__ = ["apart", "world"]

BWRAP = Sandbox(Backend.BUBBLEWRAP)
COMMIT = "git -c user.name=Ada -c user.email=a@example.org commit --quiet --allow-empty -m work"


def why_not() -> str:
    """Why the sandbox can't be used here; empty when it can."""
    try:
        bubblewrap.require_usable(os.environ)
    except Unusable as unusable:
        return str(unusable)
    return ""


needs_bwrap = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be used")


@needs_bwrap
def test_it_works_in_its_worktree_and_sees_nothing_of_the_home_folder(apart: Apart, tmp_path: Path) -> None:
    """The user's tree is there to read; the home folder, /tmp and the rest of the state are empty."""
    home = tmp_path / "home"
    write(home / ".ssh/id", "secret")
    write(apart.paths.root / "secrets", "x")
    ended = apart.run(f'cat a.txt {apart.root}/sub/b.txt; ls -A "$HOME"; ls {apart.paths.root}; pwd', BWRAP, environ={"HOME": str(home)})
    tree = ended.launch.order.tree if ended.launch.order else Path()
    assert ended.output.splitlines() == ["one", "two", "runs", "worktrees", str(tree)]
    assert ended.exit.outcome == "succeeded"


@needs_bwrap
def test_nothing_but_the_worktree_can_be_written(apart: Apart) -> None:
    """Neither the user's tree, nor hooks, settings and `info` of the repository, nor where the worktree belongs."""
    common = apart.root / ".git"
    places = [apart.root / "a.txt", common / "config", common / "hooks/pre-commit", common / "info/exclude", common / "HEAD"]
    commands = "; ".join(f"(echo x >> {place}) 2>/dev/null && echo wrote {place}" for place in places)
    ended = apart.run(
        f"{commands}; (echo x > .git) 2>/dev/null && echo wrote .git; "
        'g=$(git rev-parse --git-dir); for f in gitdir commondir locked; do (echo x > "$g/$f") 2>/dev/null && echo "wrote $f"; done; '
        "mv .git b 2>/dev/null && echo moved; echo x > new; touch /usr/x 2>/dev/null && echo usr; true",
        BWRAP,
    )
    assert ended.output == f"octojobs: what was not committed is in {ended.patch}; `git apply --index` takes it\n"
    assert files_of(apart.root) == FILES


@needs_bwrap
def test_it_has_no_capabilities_to_take_the_walls_down_with(apart: Apart) -> None:
    """Not even where octojobs runs as root, to whom bwrap leaves all: what is there to read could be mounted anew, to be written."""
    ended = apart.run("grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status", BWRAP)
    assert {line.split()[1] for line in ended.output.splitlines()} == {"0" * 16}


@needs_bwrap
@pytest.mark.parametrize("made", ["ln -s /dev/zero", "mkfifo"], ids=["a device", "a pipe"])
def test_a_head_that_would_never_end_is_not_left_for_git(apart: Apart, made: str) -> None:
    """Each `git worktree list` of anybody reads the HEADs of all worktrees."""
    ended = apart.run(f"echo x > new; h=$(git rev-parse --git-dir)/HEAD; rm $h; {made} $h", BWRAP)
    assert "stays as it is: its HEAD was no file that git had made" in ended.output
    assert git(apart.root, "worktree", "list").count("\n") == 1
    assert (apart.paths.worktrees / apart.trees[0] / "new").read_text() == "x\n"


@needs_bwrap
def test_a_branch_that_head_is_a_link_to_is_kept(apart: Apart) -> None:
    """A link is what git makes where it is told to."""
    ended = apart.run(f"git -c core.preferSymlinkRefs=true switch --quiet -c fix; {COMMIT}", BWRAP)
    assert (ended.exit.outcome, apart.trees) == ("succeeded", [])
    assert git(apart.root, "log", "-1", "--format=%s", apart.branches[0]) == "work"


@needs_bwrap
def test_its_commits_are_kept_as_those_of_a_worktree_are(apart: Apart) -> None:
    """Detached, and on a branch that it has made for itself."""
    ended = apart.run(f"echo 1 > one; git add one; {COMMIT}; echo 2 > two", BWRAP)
    name = f"octojobs/nightly/{ended.launch.run_dir.parent.name}"
    assert ended.result == {"sandbox": {"branch": name, "commits": 1, "patch": str(ended.patch)}}
    assert git(apart.root, "show", f"{name}:one") == "1"
    ended = apart.run(f"git switch --quiet -c fix; echo 3 > three; git add three; {COMMIT}; echo 4 > four", BWRAP)
    name = f"octojobs/nightly/{ended.launch.run_dir.parent.name}"
    assert git(apart.root, "show", f"{name}:three") == "3"
    assert "+4" in ended.patch.read_text()
    assert (apart.trees, git(apart.root, "branch", "--list", "fix")) == ([], "")


@needs_bwrap
def test_refs_that_it_moves_stay_where_they_were(apart: Apart) -> None:
    """The run is told of, with what it wanted; a branch of that run's own name is its own affair."""
    before = git(apart.root, "rev-parse", "main")
    git(apart.root, "tag", "v1")
    ended = apart.run(
        f"{COMMIT}; git update-ref refs/heads/main HEAD; git update-ref refs/heads/x HEAD; "
        "rm $(git rev-parse --git-common-dir)/refs/tags/v1; "
        'git update-ref "refs/heads/octojobs/$OCTOJOBS_JOB/$OCTOJOBS_RUN_ID" HEAD',
        BWRAP,
    )
    moved = git(apart.root, "rev-parse", apart.branches[0])
    assert ended.result["sandbox"]["refs"] == {"refs/heads/main": moved, "refs/heads/x": moved, "refs/tags/v1": ""}
    short = moved[:12]
    assert (
        f"refs are where they were; in the sandbox it moved refs/heads/main to {short}, refs/heads/x to {short}, refs/tags/v1 away"
        in ended.output
    )
    assert (git(apart.root, "rev-parse", "main"), git(apart.root, "rev-parse", "v1")) == (before, before)


@needs_bwrap
@pytest.mark.parametrize("link", ["logs/HEAD", "logs"])
def test_a_link_in_place_of_a_log_leads_our_git_nowhere(apart: Apart, tmp_path: Path, link: str) -> None:
    """What git notes of its own afterwards does not land in a file that the sandbox could not write to."""
    victim = write(tmp_path / "home/HEAD", "untouched\n")
    target = victim if link == "logs/HEAD" else victim.parent
    ended = apart.run(
        f'git switch --quiet -c fix; {COMMIT}; g=$(git rev-parse --git-dir); rm -r "$g/{link}"; ln -s {target} "$g/{link}"', BWRAP
    )
    assert (ended.exit.outcome, victim.read_text(), len(apart.branches)) == ("succeeded", "untouched\n", 1)


@needs_bwrap
def test_what_people_commit_meanwhile_is_not_taken_back(apart: Apart) -> None:
    """The sandbox has refs of its own: nothing has to be restored."""
    started = apart.start(f"{COMMIT}; echo $$ > new; while [ ! -e go ]; do sleep 0.02; done", BWRAP)
    tree = started.launch.order.tree if started.launch.order else Path()
    wait_until((tree / "new").exists)
    newer = commit_files(apart.root, {"a.txt": "newer\n"})
    write(tree / "go", "")
    ended = over(started)
    assert "refs" not in ended.result["sandbox"]
    assert git(apart.root, "rev-parse", "main") == newer


@needs_bwrap
def test_a_configuration_that_it_writes_is_not_read_outside(apart: Apart) -> None:
    """Where worktrees may have settings of their own, a new one goes before our git looks."""
    git(apart.root, "config", "extensions.worktreeConfig", "true")
    elsewhere = write(apart.root.parent / "elsewhere" / "secret", "secret").parent
    ended = apart.run(f'printf "[core]\\n\\tworktree = {elsewhere}\\n" > "$(git rev-parse --git-dir)/config.worktree"; echo x > new', BWRAP)
    assert "+x" in ended.patch.read_text()
    assert "secret" not in ended.patch.read_text()


@needs_bwrap
def test_there_is_a_network_only_when_it_is_asked_for(apart: Apart) -> None:
    """Without one there is the loopback alone."""
    command = "ls /sys/class/net 2>/dev/null; grep -c : /proc/net/dev"
    assert apart.run(command, BWRAP).output.split()[-1] == "1"
    host = Path("/proc/net/dev").read_text().count(":")
    assert apart.run(command, Sandbox(Backend.BUBBLEWRAP, network=True)).output.split()[-1] == str(host)


@needs_bwrap
def test_mounts_show_more_of_the_machine(apart: Apart, tmp_path: Path) -> None:
    """For reading, unless they say otherwise; a source is relative to the repository."""
    write(tmp_path / "shared/in", "shared\n")
    (tmp_path / "cache").mkdir()
    mounts = (Mount("../shared", "/shared"), Mount(str(tmp_path / "cache"), "/var/cache/mine", write=True))
    ended = apart.run(
        "cat /shared/in; echo kept > /var/cache/mine/out; (echo x > /shared/in) 2>/dev/null || echo no",
        Sandbox(BWRAP.backend, mounts=mounts),
    )
    assert ended.output == "shared\nno\n"
    assert (tmp_path / "cache/out").read_text() == "kept\n"


@needs_bwrap
def test_the_environment_is_the_jobs_own_and_stands_in_no_argument(apart: Apart) -> None:
    """Secrets reach the command; `ps` does not show them."""
    ended = apart.run(
        'echo "$TOKEN $OCTOJOBS_JOB"; tr "\\0" "\\n" < /proc/1/cmdline; cat /proc/1/environ | tr "\\0" "\\n" | grep -c TOKEN',
        BWRAP,
        env={"TOKEN": "sesame"},
    )
    assert ended.output.splitlines()[0] == "sesame nightly"
    assert ended.output.count("sesame") == 1


@needs_bwrap
def test_a_result_comes_out_and_how_the_run_ended_cannot_be_forged(apart: Apart) -> None:
    """The attempt's folder inside is another one."""
    ended = apart.run('echo 7 > "$OCTOJOBS_RESULT"; echo "{}" > "$OCTOJOBS_RUN_DIR/exit.json"; ls "$OCTOJOBS_RUN_DIR"; exit 4', BWRAP)
    assert (ended.result, ended.exit.exit_code) == (7, 4)
    assert ended.output == "exit.json\nresult.json\n"
    assert not (ended.launch.run_dir / ".inside").exists()


@needs_bwrap
def test_folders_that_may_not_be_written_keep_nothing_waiting(apart: Apart) -> None:
    """What it has left in the run's folder goes, whatever its mode; for root there is no such mode."""
    ended = apart.run('mkdir "$OCTOJOBS_RUN_DIR/x"; touch "$OCTOJOBS_RUN_DIR/x/y"; chmod 500 "$OCTOJOBS_RUN_DIR/x"; echo x > new', BWRAP)
    assert (apart.trees, ended.patch.exists(), (ended.launch.run_dir / ".inside").exists()) == ([], True, False)


@needs_bwrap
def test_a_function_keeps_its_memory(apart: Apart) -> None:
    """And does not see that of others."""
    lines = ["import os", "def main(ctx):", "    ctx.state['n'] = ctx.state.get('n', 0) + 1"]
    code = "\n".join([*lines, "    return [ctx.state['n'], os.listdir(ctx.state._path.parent)]", ""])
    commit_files(apart.root, {"tool.py": code})
    write(apart.paths.root / "jobs/other.json", "{}")
    assert apart.run(ScriptAction("tool:main"), BWRAP).result == [1, []]
    assert apart.run(ScriptAction("tool:main"), BWRAP).result == [2, ["nightly.json"]]
    assert apart.paths.job_state(apart.launch("true").order.whose.run.job).read_text() == '{"n": 2}'  # type: ignore[union-attr]  # it has one


@needs_bwrap
def test_who_is_asked_to_stop_in_a_sandbox_ends_in_its_own_way(apart: Apart) -> None:
    """TERM reaches the command, not the sandbox around it."""
    started = apart.start("trap 'echo asked > new; exit 3' TERM; echo x > ready; while :; do sleep 0.02; done", BWRAP)
    tree = started.launch.order.tree if started.launch.order else Path()
    wait_until((tree / "ready").exists)
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, ended.exit.exit_code) == ("cancelled", 3)
    assert "+asked" in ended.patch.read_text()


@needs_bwrap
def test_what_does_not_listen_is_ended_in_its_sandbox(apart: Apart) -> None:
    """With all that it has started; the next run keeps the work."""
    started = apart.start("trap '' TERM; echo x > new; setsid sleep 1000 & sleep 1000", BWRAP, limits=Limits(kill_grace_s=0.2))
    wait_until(((started.launch.order.tree if started.launch.order else Path()) / "new").exists)
    receipts.stop(started.process, started.launch.run_dir, "enough")
    ended = over(started)
    assert (ended.exit.outcome, len(apart.trees)) == ("cancelled", 1)
    assert "left a worktree" in apart.run("true", BWRAP).output
    assert (apart.trees, ended.patch.exists()) == ([], True)


@needs_bwrap
def test_a_killed_shim_takes_the_sandbox_along(apart: Apart) -> None:
    """Nothing goes on inside that nobody holds to its limits, and its work is kept."""
    started = apart.start("echo x > ready; (while :; do sleep 0.05; date > late; done) & setsid sleep 1000", BWRAP)
    tree = started.launch.order.tree if started.launch.order else Path()
    wait_until((tree / "late").exists)
    inside = platform.descendants(started.process.pid)
    assert len(inside) > 3
    os.kill(started.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, inside)))
    (taken,) = apart.take_in()
    assert (taken.problem, taken.work.patch is not None, apart.trees) == ("", True, [])


@needs_bwrap
@pytest.mark.parametrize(
    ("mount", "problem"),
    [
        (Mount("nowhere", "/x"), "nowhere, which it mounts, is not there (%s/nowhere); make it, or remove it from `mounts:`"),
        (Mount(".", "/x", write=True), ". can't be mounted to be written: %s/.git/octojobs is in it, or holds it; mount less, or to read"),
        (Mount("link", "/x", write=True), "link can't be mounted to be written: %s/.git is in it, or holds it; mount less, or to read"),
        (Mount("sub", "%s"), "a mount at %s would hide %s/.git/octojobs/worktrees/"),
    ],
    ids=["missing", "the repository", "a link to hooks", "over the repository"],
)
def test_a_mount_that_opens_a_wall_is_refused(apart: Apart, mount: Mount, problem: str) -> None:
    """Whatever it is called; nothing has run then."""
    (apart.root / "link").symlink_to(apart.root / ".git/hooks")
    mount = Mount(mount.source, mount.target.replace("%s", str(apart.root)), mount.write)
    ended = apart.run("echo ran", Sandbox(BWRAP.backend, mounts=(mount,)))
    assert (ended.exit.exit_code, "ran\n" in ended.output, apart.trees) == (125, False, [])
    assert problem.replace("%s", str(apart.root)) in ended.output


@needs_bwrap
def test_a_killed_host_takes_the_sandbox_along_and_its_work_is_kept(apart: Apart) -> None:
    """Also what was committed on a branch that only the sandbox had."""
    started = apart.start(f"git switch --quiet -c fix; {COMMIT}; echo x > ready; exec sleep 1000", BWRAP)
    tree = started.launch.order.tree if started.launch.order else Path()
    wait_until((tree / "ready").exists)
    (host,) = platform.children(started.process.pid)
    os.kill(started.process.pid, signal.SIGKILL)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: not is_running(host))
    wait_until(lambda: [taken.problem for taken in apart.take_in()] == [""] or apart.trees == [])
    assert apart.branches == [f"octojobs/nightly/{started.launch.run_dir.parent.name}"]
    assert git(apart.root, "log", "-1", "--format=%s", apart.branches[0]) == "work"


@needs_bwrap
def test_a_program_that_is_not_in_the_sandbox_is_told(apart: Apart) -> None:
    """As env(1) tells it."""
    ended = apart.run(CommandAction(("no-such-program",)), BWRAP)
    assert (ended.exit.exit_code, "no-such-program" in ended.output, apart.trees) == (127, True, [])


def test_without_the_program_the_run_fails_with_the_remedy(apart: Apart, tmp_path: Path) -> None:
    """Nothing runs without the sandbox."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name in ("git", "sh"):
        (bin_folder / name).symlink_to(shutil.which(name) or "")
    ended = apart.run("echo ran", BWRAP, env={"PATH": str(bin_folder)})
    assert (ended.exit.exit_code, apart.trees) == (125, [])
    assert ended.output == f"octojobs: no sandbox (bubblewrap) could be made: there is no program bwrap on PATH; {bubblewrap.INSTALL}\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1",
            r"bwrap can't make a sandbox here: setting up uid map: Permission denied; .+",
        ),
        (
            "echo \"env: unrecognized option '--default-signal'\" >&2; exit 125",
            r"bwrap works, and env: unrecognized option .+; env\(1\) of GNU coreutils .+",
        ),
        ("exit 1", r"bwrap can't make a sandbox here: no answer; .+"),
    ],
)
def test_a_sandbox_that_does_not_work_says_why(tmp_path: Path, script: str, message: str) -> None:
    """It is tried before each run; the remedy is that of the machine's settings."""
    program = write(tmp_path / "bwrap", f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(Unusable) as refused:
        bubblewrap.require_usable({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert re.fullmatch(message, str(refused.value))
