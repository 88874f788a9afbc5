"""The shipped job about worktrees: what nobody needs goes, and nothing that stands nowhere else goes with it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.durations import InvalidDuration
from octojobs.core.lease import Lease
from octojobs.engine.clock import SystemClock
from octojobs.errors import GitFailed
from octojobs.flows import finishing
from octojobs.flows.record import Kept as KeptTask
from octojobs.housekeeping import archive, trees
from octojobs.housekeeping.trees import NotAllRemoved, sweep_stale_worktrees
from octojobs.repository import Repository
from octojobs.store.leases import Leases
from octojobs.store.paths import StatePaths
from octojobs.worktrees import frozen, linked, precious, remove
from tests.flows.world import World
from tests.helpers import commit_files, git, make_repository, octojobs, write
from tests.housekeeping.context import NOW, context, queue_of

LATEST = max(SystemClock().now(), NOW).replace(microsecond=0)
LONG_AGO = LATEST - timedelta(days=100)
FILES = {"README.md": "hello\n", ".gitignore": "*.log\nbuild/\nvendor/\n.octopoid/\n"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository whose main is pushed to a bare one beside it."""
    repo = make_repository(tmp_path, FILES)
    git(repo, "init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    git(repo, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repo, "push", "--quiet", "origin", "main")
    return repo


@pytest.fixture
def tasks(repo: Path) -> World:
    """Its tasks, a hundred days ago."""
    return World(queue_of(repo).place, LONG_AGO)


def tree(repo: Path, name: str, *, pushed: bool = True) -> Path:
    """An agent's worktree on a branch of its own, with a commit."""
    place = repo / ".octopoid/worktrees" / name
    git(repo, "worktree", "add", "--quiet", "-b", f"agent/{name}", str(place), "main")
    commit_files(place, {f"{name}.txt": name})
    if pushed:
        git(place, "push", "--quiet", "origin", f"agent/{name}")
    return place


def age(repo: Path, days: int = 100) -> None:
    """As if nobody had touched a worktree for so long."""
    at = (LATEST - timedelta(days=days)).timestamp()
    for folder in (repo / ".git/worktrees").iterdir():
        for name in ("HEAD", "index", "logs/HEAD"):
            os.utime(folder / name, (at, at))


def ended(tasks: World, title: str, how: str) -> KeptTask:
    """A task that is done, failed or claimed."""
    tasks.enqueue(title)
    kept = tasks.claim()
    assert kept is not None
    with tasks.open() as queue:
        if how == "done":
            return finishing.done(queue, kept, "ada")
        return finishing.fail(queue, kept, "ada", "no") if how == "failed" else kept


def reasons(report: dict[str, Any], kind: str = "kept") -> dict[str, str]:
    """The worktrees of that part of the report by the names of their folders, with why."""
    return {Path(one["worktree"]).name: one["why"] for one in report[kind]}


def there(repo: Path) -> set[str]:
    """The names of the linked worktrees that git knows and that are there."""
    lines = git(repo, "worktree", "list", "--porcelain").splitlines()
    places = [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
    return {place.name for place in places[1:] if place.exists()}


@pytest.fixture
def inhabitant(repo: Path) -> Iterator[Path]:
    """A worktree in which a process lives."""
    place = tree(repo, "inhabited")
    process = subprocess.Popen(["cat"], cwd=place, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    yield place
    process.communicate()


def _with_lost_work(repo: Path) -> dict[str, str]:
    """Worktrees with something in them that stands nowhere else, and why each is kept."""
    write(tree(repo, "edited") / "README.md", "mine\n")
    write(tree(repo, "new-file") / "note.txt", "mine\n")
    staged = tree(repo, "staged")
    write(staged / "staged.txt", "mine\n")
    git(staged, "add", "staged.txt")
    git(staged, "rm", "--quiet", "README.md")
    tree(repo, "unpushed", pushed=False)
    git(repo, "worktree", "add", "--quiet", "--detach", str(repo / ".octopoid/worktrees/detached"), "main")
    commit_files(repo / ".octopoid/worktrees/detached", {"one.txt": "one"})
    commit_files(repo / ".octopoid/worktrees/detached", {"two.txt": "two"})
    hidden = tree(repo, "hidden")
    git(hidden, "update-index", "--assume-unchanged", "README.md")
    write(hidden / "README.md", "mine\n")
    inner = tree(repo, "inner") / "vendor/lib"
    inner.mkdir(parents=True)
    git(inner, "init", "--quiet")
    write(inner / "file", "mine\n")
    module = tree(repo, "module")
    git(module, "update-index", "--add", "--cacheinfo", f"160000,{git(repo, 'rev-parse', 'main')},lib")
    git(module, "commit", "--quiet", "--message", "a module")
    git(module, "push", "--quiet", "origin", "agent/module")
    (module / "lib").mkdir()
    git(tree(repo, "own-refs"), "update-ref", "refs/worktree/mine", "HEAD")
    return {
        "edited": "it has changes that are not committed: README.md",
        "new-file": "it has changes that are not committed: note.txt",
        "staged": "it has changes that are not committed: README.md and 1 more",
        "unpushed": "1 commit is on no remote branch",
        "detached": "2 commits are on no remote branch",
        "hidden": "git was told not to look for changes in README.md",
        "inner": "there is a repository in it that git ignores: vendor/lib/",
        "module": "it has submodules: lib",
        "own-refs": "it has refs of its own: refs/worktree/mine",
    }


def _in_use(repo: Path) -> dict[str, str]:
    """Worktrees that somebody is at work in, or may be, and why each is kept."""
    git(repo, "worktree", "lock", "--reason", "on a stick", str(tree(repo, "locked")))
    tree(repo, "rebased")
    (repo / ".git/worktrees/rebased/rebase-merge").mkdir()
    tree(repo, "busy")
    (repo / ".git/worktrees/busy/index.lock").touch()
    sentinel = tree(repo, "sentinel") / ".agent-queue-lock"
    sentinel.write_text("7e0e8c52\nagent-1\n")
    tree(repo, "pid")
    listed = json.dumps({str(os.getpid()): {"task_id": "pid", "instance_name": "implementer-1"}})
    write(repo / ".octopoid/runtime/agents/implementer/running_pids.json", listed)
    leased = tree(repo, "leased")
    until = LATEST + timedelta(days=1)
    Leases(StatePaths(repo / ".git/octojobs"), repo).take(Lease("ada", until=until, worktree=str(leased)), LATEST)
    return {
        "locked": "git holds it locked: on a stick",
        "rebased": "a rebase is under way there (rebase-merge)",
        "busy": "a git command is under way there (index.lock)",
        "sentinel": ".agent-queue-lock says that it is in use",
        "pid": "it is in use: implementer-1",
    }


def test_of_thirty_worktrees_those_that_nobody_needs_go_and_no_other(repo: Path, tasks: World, inhabitant: Path) -> None:
    """Ten go, in a repository with a hundred branches; twenty stay, each for its own reason."""
    finished = [str(ended(tasks, f"task {number}", "done").task.id) for number in range(4)]
    failed = str(ended(tasks, "no luck", "failed").task.id)
    claimed = str(ended(tasks, "under way", "claimed").task.id)
    for name in [*finished, failed, claimed, "a", "b", "c", "d", "e"]:
        tree(repo, name)
    expected = {**_with_lost_work(repo), **_in_use(repo), claimed: f"its task {claimed} is claimed"}
    git(repo, "worktree", "add", "--quiet", "-b", "mine", str(repo.parent / "mine"), "main")
    expected["mine"] = "it is not an agent's: no pattern of agents' worktrees matches"
    tree(repo, "gone").rename(repo.parent / "elsewhere")
    expected["gone"] = "its folder is not there: `git worktree prune` forgets it"
    git(repo, "branch", "--quiet", "spare")
    for number in range(99 - len(git(repo, "branch", "--list").splitlines())):
        git(repo, "branch", f"other/{number}")
    age(repo)
    tree(repo, "young")
    assert len(git(repo, "branch", "--list").splitlines()) == 100
    assert len(git(repo, "worktree", "list").splitlines()) == 31
    before, tips = there(repo), git(repo, "for-each-ref", "refs/heads", "refs/remotes")

    rehearsed = sweep_stale_worktrees(context(repo), dry_run=True)
    assert (there(repo), git(repo, "for-each-ref", "refs/octojobs")) == (before, "")
    report = sweep_stale_worktrees(context(repo))

    assert report["failed"] == []
    assert (reasons(report), reasons(report, "removed")) == (reasons(rehearsed), reasons(rehearsed, "removed"))
    removed = {Path(one["worktree"]).name: one for one in report["removed"]}
    assert removed.keys() == {*finished, failed, "a", "b", "c", "d", "e"}
    assert there(repo) == before - removed.keys()
    kept = reasons(report)
    assert kept.pop("inhabited").startswith("it is in use: worktree .octopoid/worktrees/inhabited (cat")
    assert kept.pop("young").startswith("no task of it is known, and something happened at ")
    assert kept.pop("leased").startswith(f"worktree {repo}/.octopoid/worktrees/leased is held by ada, since ")
    assert kept == expected
    assert all(git(repo, "rev-parse", one["rescue"]) == git(repo, "rev-parse", one["branch"]) for one in removed.values())
    assert git(repo, "for-each-ref", "refs/heads", "refs/remotes") == tips
    assert removed[failed]["why"].startswith(f"its task {failed} is failed, and nothing has happened since ")
    assert removed["a"]["why"].startswith("no task of it is known, and nothing has happened since ")
    assert [
        lease.name for lease in Leases(StatePaths(repo / ".git/octojobs"), repo).all(LATEST) if not lease.name.startswith("task-")
    ] != []


def test_the_grace_is_that_of_the_outcome(repo: Path, tasks: World) -> None:
    """Two days after the last change that of a task which is done goes; a failed one is kept for longer, to be looked at."""
    done, failed = (str(ended(tasks, how, how).task.id) for how in ("done", "failed"))
    for name in (done, failed, "unknown"):
        tree(repo, name)
    age(repo, days=2)
    report = sweep_stale_worktrees(context(repo), dry_run=True)
    assert reasons(report, "removed").keys() == {done}
    kept = reasons(report)
    assert kept[failed].startswith(f"its task {failed} is failed, and something happened at ")
    assert kept[failed].endswith(", within 7d")
    assert kept["unknown"].startswith("no task of it is known, and something happened at ")
    report = sweep_stale_worktrees(context(repo), dry_run=True, grace_done="3d", grace_failed="1d", grace_unknown="1d")
    assert reasons(report, "removed").keys() == {failed, "unknown"}


def test_logs_are_kept_and_what_is_built_goes(repo: Path) -> None:
    """Those that git ignores would be lost; git's own log tells the commits that a reset left behind."""
    place = tree(repo, "a")
    write(place / "out/agent.log", "what it said\n")
    write(place / "build/x.o", "x")
    (place / "link.log").symlink_to("/etc/hostname")
    age(repo)
    (row,) = sweep_stale_worktrees(context(repo))["removed"]
    assert not place.exists()
    folder = Path(row["logs"])
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {"out/agent.log", archive.HEAD_LOG}
    assert (folder / "out/agent.log").read_text() == "what it said\n"
    assert row["commit"] in (folder / archive.HEAD_LOG).read_text()
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]} == {0}


def test_a_worktree_with_huge_logs_is_left_to_a_person(repo: Path) -> None:
    """They are neither lost nor copied."""
    place = tree(repo, "a")
    write(place / "a.log", "")
    os.truncate(place / "a.log", archive.MOST_BYTES + 1)
    age(repo)
    assert reasons(sweep_stale_worktrees(context(repo))) == {"a": "its logs have more than 50 MB"}
    assert place.exists()
    assert not (repo / ".git/worktrees/a/index.lock").exists()


def test_what_happens_between_the_look_and_the_removal_keeps_the_worktree(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is looked at again while git's lock of the index is held: no commit comes in between."""
    for name in ("edited", "locked", "committed"):
        tree(repo, name)
    age(repo)
    look = trees._require_old

    def meanwhile(*given: Any) -> str:
        why, place = look(*given), given[1].path
        if place.name == "edited":
            write(place / "late.txt", "x")
        elif place.name == "locked":
            git(repo, "worktree", "lock", str(place))
        else:
            commit_files(place, {"late.txt": "x"})
        return why

    monkeypatch.setattr(trees, "_require_old", meanwhile)
    assert reasons(sweep_stale_worktrees(context(repo))) == {
        "edited": "it has changes that are not committed: late.txt",
        "locked": "somebody has locked it meanwhile",
        "committed": "1 commit is on no remote branch",
    }
    assert there(repo) == {"edited", "locked", "committed"}
    assert git(repo, "for-each-ref", "refs/octojobs") == ""


def test_git_refuses_a_change_that_comes_after_the_last_look(repo: Path) -> None:
    """The removal is never forced, and no rescue ref is left of a worktree that is there; nobody commits meanwhile."""
    place = tree(repo, "a")
    repository = Repository.discover(repo)
    one = linked(repository, repository.worktrees()[1])
    with frozen(one):
        assert precious(repository, one, is_frozen=True) == ""
        write(place / "late.txt", "x")
        with pytest.raises(GitFailed, match="contains modified or untracked files"):
            remove(repository, one, "refs/octojobs/rescue/x")
        with pytest.raises(AssertionError, match=r"index\.lock"):
            git(place, "commit", "--quiet", "--allow-empty", "--message", "late")
    assert git(repo, "for-each-ref", "refs/octojobs") == ""
    git(place, "commit", "--quiet", "--allow-empty", "--message", "now")


def test_one_that_cannot_be_judged_does_not_keep_the_others(repo: Path) -> None:
    """It is named with the reason when all the others are done; in a rehearsal it is in the report."""
    for name in ("a", "b", "c"):
        tree(repo, name)
    (repo / ".git/worktrees/b/logs/HEAD").unlink()
    (repo / ".git/worktrees/b/logs/HEAD").mkdir()
    age(repo)
    (repo / ".octopoid/worktrees/b/.git").write_text("gitdir: /nowhere\n")
    assert reasons(sweep_stale_worktrees(context(repo), dry_run=True), "failed").keys() == {"b"}
    with pytest.raises(NotAllRemoved, match=r"\A.*/\.octopoid/worktrees/b: git failed in "):
        sweep_stale_worktrees(context(repo))
    assert there(repo) == {"b"}


def test_without_a_remote_nothing_is_removed(tmp_path: Path) -> None:
    """Its commits stand nowhere else."""
    repo = make_repository(tmp_path, FILES)
    tree(repo, "a", pushed=False)
    age(repo)
    assert reasons(sweep_stale_worktrees(context(repo))) == {"a": "2 commits are on no remote branch"}


def test_worktrees_names_whose_they_are_and_a_grace_is_a_duration(repo: Path) -> None:
    """A pattern as in `agent_worktrees`, absolute ones included."""
    git(repo, "worktree", "add", "--quiet", "--detach", str(repo.parent / "swarm-1"), "main")
    age(repo)
    report = sweep_stale_worktrees(context(repo), worktrees=[f"{repo.parent}/swarm-*"])
    assert reasons(report, "removed").keys() == {"swarm-1"}
    with pytest.raises(InvalidDuration, match="soon"):
        sweep_stale_worktrees(context(repo), grace_done="soon")


def test_one_pattern_of_worktrees_is_written_as_a_list_too(repo: Path) -> None:
    """The `*` in it would be a pattern of its own, and mean worktrees that are nobody's."""
    with pytest.raises(ValueError, match=r"^args: worktrees: 'agents/\*' is no list of texts; write \[\"agents/\*\"\]$"):
        sweep_stale_worktrees(context(repo), worktrees="agents/*")


def test_as_a_job_it_leaves_its_report_as_the_result(repo: Path) -> None:
    """Through the command line, as people run it."""
    text = "jobs: {tidy: {manual: true, run: octojobs.housekeeping:sweep_stale_worktrees}}\n"
    commit_files(repo, {".octopoid/jobs.yaml": text})
    tree(repo, "a", pushed=False)
    git(repo, "push", "--quiet", "origin", "agent/a")
    age(repo)
    assert octojobs(repo, "allow", "--yes").returncode == 0
    ran = octojobs(repo, "run-now", "tidy")
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]
    assert reasons(run["result"], "removed").keys() == {"a"}
    assert there(repo) == set()


def test_whose_worktrees_are_agents_the_settings_say_unless_the_job_does(repo: Path) -> None:
    """`agent_worktrees` of `octojobs.yaml`, as the run was started with it; `worktrees` of the job comes before."""
    for place in ("trees/one", ".octopoid/worktrees/two"):
        git(repo, "worktree", "add", "--quiet", "--detach", str(repo / place), "main")
    age(repo)
    jobs = "{manual: true, run: octojobs.housekeeping:sweep_stale_worktrees, args: {dry_run: true%s}}"
    files = {
        ".octopoid/octojobs.yaml": "agent_worktrees: ['trees/*']\n",
        ".octopoid/jobs.yaml": f"jobs: {{plain: {jobs % ''}, own: {jobs % ', worktrees: [.octopoid/worktrees/*]'}}}\n",
    }
    commit_files(repo, files)
    assert octojobs(repo, "allow", "--yes").returncode == 0
    found = {}
    for job in ("plain", "own"):
        ran = octojobs(repo, "run-now", job)
        assert ran.returncode == 0, ran.stderr
        (run,) = json.loads(octojobs(repo, "runs", job, "--json").stdout)["runs"]
        found[job] = {Path(one["worktree"]).name for one in run["result"]["removed"]}
    assert found == {"plain": {"one"}, "own": {"two"}}
