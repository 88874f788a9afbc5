"""The shipped job that forgets finished runs."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.claim import manual_run
from octojobs.core.events import RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.housekeeping.ground import WrongArgument
from octojobs.housekeeping.history import prune_history
from octojobs.store.paths import StatePaths, make_run_folder
from octojobs.store.store import Store
from tests.engine.world import job
from tests.helpers import git, make_repository, write
from tests.housekeeping.context import NOW, context

ITSELF = "housekeeping@20261120T100000Z"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository that has run something."""
    return make_repository(tmp_path, {"README.md": "hello\n"})


def paths_of(repo: Path) -> StatePaths:
    """Where its state is."""
    return StatePaths(repo / ".git/octojobs")


def ran(repo: Path, days_ago: int, name: str = "nightly") -> RunId:
    """A run that wrote its last line so many days before now."""
    at = NOW - timedelta(days=days_ago)
    run = RunId.of(JobId(name), at)
    folder = make_run_folder(paths_of(repo), run, 1)
    (folder / "output.log").write_bytes(b"x" * 5000)
    for path in (folder / "output.log", folder, folder.parent):
        os.utime(path, (at.timestamp(), at.timestamp()))
    return run


def left(repo: Path) -> set[str]:
    """The runs whose folders are there."""
    return {path.name for path in paths_of(repo).runs.glob("*/*")}


def test_what_is_older_than_the_days_goes_and_the_result_says_what(repo: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its own folder stays: it is in use."""
    caplog.set_level(logging.INFO)
    old, young = ran(repo, 8), ran(repo, 6)
    result = prune_history(context(repo), days=7)
    assert (result["runs"], result["days"], result["dry_run"], result["bytes"] > 0) == ([old], [], False, True)
    assert left(repo) == {young, ITSELF}
    assert caplog.messages == [f"removed 1 runs, 0 days of history and 0 patches, {result['bytes']} bytes"]


def test_a_dry_run_says_the_same_and_removes_nothing(repo: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As `octojobs run-now` would do it."""
    caplog.set_level(logging.INFO)
    old = ran(repo, 8)
    assert prune_history(context(repo), days=7, dry_run=True)["runs"] == [old]
    assert (left(repo), caplog.messages[0].startswith("would remove 1 runs")) == ({old, ITSELF}, True)


def test_only_so_many_runs_of_a_job_and_so_many_bytes_are_kept(repo: Path) -> None:
    """Each bound by itself."""
    runs = [ran(repo, days_ago) for days_ago in (3, 2, 1)]
    assert prune_history(context(repo), runs_per_job=2)["runs"] == runs[:1]
    assert prune_history(context(repo), max_bytes=1)["runs"][:2] == runs[1:]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"days": -1}, "args: days: -1 is no whole number from 1 on"),
        ({"days": "30d"}, "args: days: '30d' is no whole number from 1 on"),
        ({"runs_per_job": 0}, "args: runs_per_job: 0 is no whole number from 1 on"),
        ({"max_bytes": True}, "args: max_bytes: True is no whole number from 0 on"),
    ],
)
def test_a_bound_that_is_none_removes_nothing(repo: Path, args: dict[str, Any], said: str) -> None:
    """As in `retention:` of the settings: less than a day would take the history of today, which is being written."""
    young = ran(repo, 0)
    with pytest.raises(WrongArgument, match=f"^{said}$"):
        prune_history(context(repo), **args)
    assert young in left(repo)


def test_an_open_run_is_kept_however_old(repo: Path) -> None:
    """What stands in its folder is what its outcome rests on."""
    store = Store.open(paths_of(repo), lambda: NOW, allow_network_fs=True)
    run = manual_run(job("nightly"), NOW - timedelta(days=400), "3f2c", forced=False, by="ada", source="worktree")
    store.commit([RunClaimed(run)])
    store.close()
    make_run_folder(paths_of(repo), run.id, 1)
    prune_history(context(repo), days=1, runs_per_job=1, max_bytes=0)
    assert run.id in left(repo)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may remove anything")
def test_what_can_t_be_removed_fails_the_job_and_says_so(repo: Path) -> None:
    """In words, with the folder."""
    old = ran(repo, 8)
    folder = paths_of(repo).run_dir(old, 1)
    folder.chmod(0o500)
    with pytest.raises(RuntimeError, match=f"{folder.parent}: Permission denied"):
        prune_history(context(repo), days=7)
    folder.chmod(0o700)


def test_rescue_refs_and_the_logs_of_worktrees_go_when_they_are_old(repo: Path) -> None:
    """By the instants in their names; what somebody else put beside them stays. A dry run says the same, and removes nothing."""
    main = git(repo, "rev-parse", "main")
    old, young = "20260101T000000Z", f"{NOW - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    rescues = [f"{kind}{at}/a/b" for kind in ("", "remotes/", "worktrees/") for at in (old, young)] + ["mine", f"other/{old}/a", "2026/a"]
    for name in rescues:
        git(repo, "update-ref", f"refs/octojobs/rescue/{name}", main)
    git(repo, "symbolic-ref", f"refs/octojobs/rescue/{old}/link", "refs/heads/main")
    swept = paths_of(repo).swept
    for name in (old, young, "mine"):
        write(swept / name / "tree/output.log", "x\n")
    (swept / "20260102T000000Z").symlink_to(repo)
    gone = {f"refs/octojobs/rescue/{kind}{old}/a/b" for kind in ("", "remotes/", "worktrees/")}

    rehearsed = prune_history(context(repo), rescued="30d", dry_run=True)
    assert {path.name for path in swept.iterdir()} == {old, young, "mine", "20260102T000000Z"}
    result = prune_history(context(repo), rescued="30d")
    assert [rehearsed[part] for part in ("rescues", "swept")] == [result[part] for part in ("rescues", "swept")]
    assert {one["ref"]: one["commit"] for one in result["rescues"]} == dict.fromkeys(gone, main)
    assert result["swept"] == [str(swept / old)]
    left = git(repo, "for-each-ref", "--format=%(refname)", "refs/octojobs/rescue").split()
    assert set(left) == {f"refs/octojobs/rescue/{name}" for name in (*rescues, f"{old}/link")} - gone
    assert {path.name for path in swept.iterdir()} == {young, "mine", "20260102T000000Z"}
    assert git(repo, "rev-parse", "main") == main
    assert prune_history(context(repo))["rescues"] == []


def test_a_rescue_ref_that_can_t_be_removed_fails_the_job_after_the_others(repo: Path) -> None:
    """Its lock is somebody's."""
    for name in ("a", "b"):
        git(repo, "update-ref", f"refs/octojobs/rescue/20260101T000000Z/{name}", "main")
    (repo / ".git/refs/octojobs/rescue/20260101T000000Z/a.lock").touch()
    with pytest.raises(RuntimeError, match=r"^git failed in .*20260101T000000Z/a"):
        prune_history(context(repo))
    assert git(repo, "for-each-ref", "--format=%(refname:lstrip=4)", "refs/octojobs/rescue") == "a"
