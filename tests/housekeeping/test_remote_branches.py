"""The shipped job about branches, on a remote: what is merged there goes, by one kind of push, and nothing else is asked of it."""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs import remotes
from octojobs.core.lease import Lease
from octojobs.engine.clock import SystemClock
from octojobs.errors import UsageError
from octojobs.housekeeping.merged import NotAllRemoved, cleanup_merged_branches
from octojobs.store.leases import Leases
from octojobs.store.paths import StatePaths
from tests.helpers import ROOT, commit_files, git, make_repository, octojobs, write
from tests.housekeeping.context import context, work_on
from tests.housekeeping.git_server import PASSWORD, USER, GitServer

NOW = SystemClock().now().replace(microsecond=0)
OLD = (NOW - timedelta(days=100)).timestamp()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A bare repository."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    return tmp_path / "origin.git"


@pytest.fixture
def repo(tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose commits are a hundred days old, its main pushed there."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", f"@{int(OLD)} +0000")
    repo = make_repository(tmp_path, {"README.md": "hello\n"})
    git(repo, "remote", "add", "origin", "../origin.git")
    git(repo, "push", "--quiet", "origin", "main")
    git(repo, "remote", "set-head", "origin", "main")
    return repo


def push(repo: Path, *branches: str, forget: bool = True) -> None:
    """Have the branches on the remote alone, as if all were fetched a hundred days ago."""
    git(repo, "push", "--quiet", "origin", "main", *branches)
    if forget and branches:
        git(repo, "branch", "--quiet", "-D", *branches)
    for log in (repo / ".git/logs/refs").rglob("*"):
        os.utime(log, (OLD, OLD))


def clean(repo: Path, **args: Any) -> dict[str, Any]:
    """The part of the report that is about the remote."""
    report = cleanup_merged_branches(context(repo), **{"remote": "origin", "transports": ["file"], **args})
    remote: dict[str, Any] = report["remote"]
    return remote


def names(place: Path) -> set[str]:
    """The branches of a repository."""
    return set(git(place, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split())


def reasons(report: dict[str, Any], kind: str) -> dict[str, str]:
    """The branches of that part of the report, with why."""
    return {one["branch"]: one["why"] for one in report[kind]}


def test_of_a_hundred_branches_of_a_remote_those_that_are_merged_go_and_no_other(repo: Path, origin: Path, tmp_path: Path) -> None:
    """Sixty have nothing of their own, ten were squashed; thirty stay, among them each kind that somebody needs."""
    merged, squashed, opened = [f"merged/{n}" for n in range(60)], [f"squashed{n}" for n in range(10)], [f"open{n}" for n in range(24)]
    kept = ["develop", "release/1", "inhabited", "held"]
    for name in squashed:
        work_on(repo, name, "one\n", "two\n")
        git(repo, "merge", "--quiet", "--squash", name)
        git(repo, "commit", "--quiet", "--message", f"{name} as one")
    for name in opened:
        work_on(repo, name, f"{name}\n")
    for name in (*merged, *kept, "moved"):
        git(repo, "branch", name)
    push(repo, *merged, *squashed, *opened, *kept, "moved")
    git(repo, "worktree", "add", "--quiet", "--track", "-b", "mine", str(tmp_path / "tree"), "origin/inhabited")
    Leases(StatePaths(repo / ".git/octojobs"), repo).take(Lease("ada", until=NOW + timedelta(days=1), branch="refs/heads/held"), NOW)
    newer = git(repo, "commit-tree", "-p", "main", "-m", "work", "main^{tree}")
    git(repo, "push", "--quiet", str(origin), f"{newer}:refs/heads/moved")
    assert len(names(origin)) == 100
    tips = {name: git(repo, "rev-parse", f"origin/{name}") for name in names(origin)}

    rehearsed = clean(repo, dry_run=True)
    assert len(names(origin)) == 100
    assert git(repo, "for-each-ref", "refs/octojobs") == ""
    report = clean(repo)
    removed = {one["branch"]: one for one in report["removed"]}
    assert removed.keys() == {*merged, *squashed}
    assert {one["branch"] for one in rehearsed["removed"]} == {*merged, *squashed, "moved"}
    assert names(origin) == tips.keys() - removed.keys()
    assert git(origin, "rev-parse", "moved") == newer
    assert {git(repo, "rev-parse", one["rescue"]) for one in removed.values()} == {tips[name] for name in removed}
    assert len(git(repo, "for-each-ref", "refs/octojobs").splitlines()) == len(removed)
    here = git(repo, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/remotes/origin").split()
    assert set(here) == {*tips, "HEAD"} - removed.keys()
    assert removed["merged/0"]["why"] == "all of it is in refs/remotes/origin/main"
    assert removed["squashed3"]["why"].startswith("it was squashed into ")
    why = reasons(report, "kept")
    assert why["moved"] == remotes.STALE
    assert why["open7"] == "it has commits that refs/heads/main has not"
    assert why["inhabited"] == f"refs/heads/mine follows it here: it is checked out in {tmp_path / 'tree'}"
    assert why["held"].startswith("it is held by ada")
    assert (why["develop"], why["release/1"]) == ("develop is protected", "release/* is protected")
    assert (report["name"], report["into"], report["failed"]) == ("origin", "refs/heads/main", [])


def test_without_the_argument_no_branch_of_a_remote_is_touched(repo: Path, origin: Path) -> None:
    """Nor with it, where its transport is not allowed: files are not, unless somebody says so."""
    git(repo, "branch", "done")
    push(repo, "done")
    assert "remote" not in cleanup_merged_branches(context(repo))
    with pytest.raises(UsageError) as refused:
        cleanup_merged_branches(context(repo), remote="origin")
    fix = "`args: {transports: [file]}` allows that"
    assert str(refused.value) == f"args: remote: origin is reached by file, not by https or ssh; {fix}"
    assert names(origin) == {"main", "done"}


def test_a_remote_is_judged_by_what_it_has_itself(repo: Path, origin: Path) -> None:
    """A branch that is merged here and not there stays; `into` names another branch of it."""
    work_on(repo, "feature", "f\n")
    git(repo, "branch", "trunk2", "feature")
    git(repo, "branch", "done")
    push(repo, "feature", "trunk2", "done", forget=False)
    git(repo, "merge", "--quiet", "feature")
    assert reasons(clean(repo, dry_run=True), "removed") == {"done": "all of it is in refs/remotes/origin/main"}
    of_trunk = reasons(clean(repo, into="trunk2", protected=[], dry_run=True), "removed")
    assert of_trunk == dict.fromkeys(("done", "feature"), "all of it is in refs/remotes/origin/trunk2")
    git(repo, "branch", "main2")
    with pytest.raises(UsageError, match="origin has no branch main2, as it was fetched last"):
        clean(repo, into="main2")
    assert names(origin) == {"main", "feature", "trunk2", "done"}


def test_what_came_within_the_grace_stays(repo: Path) -> None:
    """As far as this repository knows: since it was fetched."""
    git(repo, "branch", "new")
    git(repo, "push", "--quiet", "origin", "new")
    assert reasons(clean(repo), "kept")["new"].endswith(", within 1d")


def test_what_the_remote_refuses_fails_the_run_after_all_the_others(repo: Path, origin: Path) -> None:
    """With its reason; nothing stands for a branch that is still there."""
    for name in ("aaa", "bbb", "ccc"):
        git(repo, "branch", name)
    push(repo, "aaa", "bbb", "ccc")
    write(origin / "hooks/update", '#!/bin/sh\n[ "$1" != refs/heads/bbb ]\n').chmod(0o755)
    with pytest.raises(NotAllRemoved, match=r"\Aorigin/bbb: hook declined\Z"):
        clean(repo)
    assert names(origin) == {"main", "bbb"}
    assert "bbb" not in git(repo, "for-each-ref", "refs/octojobs")


def test_a_remote_that_can_t_be_reached_fails_the_run_and_changes_nothing(repo: Path, origin: Path) -> None:
    """What stood for the commits stays: nobody knows what has become of the branches."""
    git(repo, "branch", "done")
    push(repo, "done")
    origin.rename(origin.with_name("away.git"))
    with pytest.raises(NotAllRemoved, match=r"\Aorigin/done: git failed in .* does not appear to be a git repository"):
        clean(repo)
    assert git(repo, "rev-parse", "origin/done") == git(repo, "rev-parse", "main")
    assert "origin/done" in git(repo, "for-each-ref", "refs/octojobs")


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("remote.origin.url", "ext::sh -c false", "origin is reached by ext, not by file; octojobs removes branches by https, ssh or file"),
        ("remote.origin.pushurl", "git://git.example.org/a", "origin is reached by git, not by file; octojobs removes branches by https"),
        ("url.ext::sh.insteadOf", "../origin", "origin is reached by ext, not by file; octojobs removes branches by https"),
        (
            "remote.origin.fetch",
            "+refs/heads/main:refs/remotes/origin/main",
            "not all branches of origin are fetched to refs/remotes/origin/",
        ),
    ],
)
def test_a_remote_that_is_configured_otherwise_is_refused(repo: Path, setting: str, value: str, said: str) -> None:
    """Before anything is removed, in words."""
    if setting.endswith("fetch"):
        git(repo, "config", "--unset-all", setting)
    git(repo, "config", setting, value)
    with pytest.raises(UsageError, match=f"args: remote: {said}"):
        clean(repo)


def test_one_transport_is_written_as_a_list_too(repo: Path) -> None:
    """Its letters are none."""
    with pytest.raises(ValueError, match=r"^args: transports: 'file' is no list of texts; write \[\"file\"\]$"):
        cleanup_merged_branches(context(repo), remote="origin", transports="file")


def test_a_remote_of_two_addresses_and_one_that_there_is_not_are_refused(repo: Path) -> None:
    """A branch would be gone from one of them alone."""
    with pytest.raises(UsageError, match="there is no remote 'upstream' here; name one of origin"):
        clean(repo, remote="upstream")
    for place in ("one", "two"):
        git(repo, "config", "--add", "remote.origin.pushurl", f"../{place}.git")
    with pytest.raises(UsageError, match="origin is pushed to 2 addresses; name a remote with one"):
        clean(repo)
    with pytest.raises(ValueError, match="args: transports: 'git' is none of https, ssh, file"):
        clean(repo, transports=["git"])


def test_the_configuration_of_the_repository_runs_nothing_on_the_way(repo: Path, origin: Path, tmp_path: Path) -> None:
    """Hooks, receive-pack, helpers, signers, ssh: the push is sent from a repository that has none of them."""
    canary = tmp_path / "canary"
    trap = write(tmp_path / "trap", f'#!/bin/sh\necho "$0 $@" >> {canary}\nexec git-receive-pack "$@"\n')
    trap.chmod(0o755)
    git(repo, "branch", "done")
    push(repo, "done")
    (repo / "hooks").mkdir()
    for hook in ("pre-push", "reference-transaction"):
        (repo / "hooks" / hook).symlink_to(trap)
    for key in ("remote.origin.receivepack", "credential.helper", "gpg.program", "core.sshCommand", "core.askPass", "core.fsmonitor"):
        git(repo, "config", key, str(trap))
    for key, value in {"core.hooksPath": str(repo / "hooks"), "push.gpgSign": "true", "push.followTags": "true"}.items():
        git(repo, "config", key, value)
    git(repo, "config", "--add", "remote.origin.push", "+refs/heads/*:refs/heads/stolen/*")
    git(repo, "config", "remote.origin.vcs", "trap")
    assert [one["branch"] for one in clean(repo)["removed"]] == ["done"]
    assert (names(origin), canary.exists()) == ({"main"}, False)


def test_ssh_is_told_to_ask_nobody(repo: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real git talks to the other end over it; what it was called with is written down."""
    heard = tmp_path / "heard"
    program = f'#!/bin/sh\nfor one; do echo "$one" >> {heard}; last=$one; done\nexec sh -c "$last"\n'
    write(tmp_path / "bin/ssh", program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    git(repo, "branch", "done")
    push(repo, "done")
    git(repo, "config", "remote.origin.url", f"ssh://git.example.org{origin}")
    assert [one["branch"] for one in clean(repo, transports=["https", "ssh"])["removed"]] == ["done"]
    said = heard.read_text().splitlines()
    assert said[:3] == ["-oBatchMode=yes", "-oConnectTimeout=20", "-oControlMaster=no"]
    assert said[-2:] == ["git.example.org", f"git-receive-pack '{origin}'"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_https_takes_credentials_from_the_users_own_configuration_alone(
    repo: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real server wants a password: the user's helper gives it, the repository's is not asked, and without one nobody is."""
    home, canary = tmp_path / "home", tmp_path / "canary"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    git(repo, "branch", "done")
    push(repo, "done")
    server = GitServer(tmp_path, tmp_path / "server")
    try:
        git(repo, "config", "remote.origin.url", f"https://localhost:{server.port}/origin.git")
        git(repo, "config", "credential.helper", f"!touch {canary}; false")
        trusting = f"[http]\n\tsslCAInfo = {server.certificate}\n"
        write(home / ".gitconfig", trusting)
        with pytest.raises(NotAllRemoved, match="terminal prompts disabled"):
            clean(repo, transports=["https"])
        helper = f'"!f() {{ echo username={USER}; echo password={PASSWORD}; }}; f"'
        write(home / ".gitconfig", f"{trusting}[credential]\n\thelper = {helper}\n")
        assert [one["branch"] for one in clean(repo, transports=["https"])["removed"]] == ["done"]
    finally:
        server.close()
    assert (names(origin), canary.exists()) == ({"main"}, False)


def test_only_one_file_lets_git_connect_and_only_by_pushing_deletions() -> None:
    """Whoever looks for it finds it: decision 27."""
    product = {path: path.read_text(encoding="utf-8") for path in (ROOT / "octojobs").rglob("*.py")}

    def said(text: str) -> set[str]:
        return {path.name for path, content in product.items() if text in content}

    assert said("GIT_ALLOW_PROTOCOL") == {"git_command.py", "remotes.py"}
    assert said('"push"') == {"remotes.py"}
    assert said('"fetch"') | said('"pull"') | said('"ls-remote"') == set()


def test_as_a_job_it_leaves_its_report_as_the_result(repo: Path, origin: Path) -> None:
    """Through the command line, as people run it."""
    git(repo, "branch", "done")
    job = "{manual: true, run: octojobs.housekeeping:cleanup_merged_branches, args: {remote: origin, transports: [file]}}"
    commit_files(repo, {".octopoid/jobs.yaml": f"jobs: {{tidy: {job}}}\n"})
    push(repo, "done")
    assert octojobs(repo, "allow", "--yes").returncode == 0
    ran = octojobs(repo, "run-now", "tidy")
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(octojobs(repo, "runs", "--json").stdout)["runs"]
    assert [one["branch"] for one in run["result"]["remote"]["removed"]] == ["done"]
    assert names(origin) == {"main"}
