"""Leases exclude each other whoever takes them, and end with their holders."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.hold import LeaseName
from octojobs.core.lease import Lease
from octojobs.core.run import Process
from octojobs.errors import OctojobsError
from octojobs.store.leases import LeaseHeld, Leases
from octojobs.store.lock import DaemonLock
from octojobs.store.paths import StatePaths, make_folders
from tests.helpers import ROOT

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
GONE = Process(1, 1, "another-boot")


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    """Those of a repository in which nobody holds anything."""
    return Leases(StatePaths(tmp_path / "state"), tmp_path)


def names(leases: Leases) -> list[str]:
    """Of the files that are there."""
    return [kept.name for kept in leases.all(NOW)]


@contextmanager
def takers(root: Path, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that wait for a line to take the same; each is ended afterwards."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.store.taker", str(root), f"taker-{number}"],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(count)
    ]
    try:
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        yield started
    finally:
        for one in started:
            one.kill()
            one.communicate()


def ask(one: subprocess.Popen[str]) -> None:
    """Tell it to take the lease."""
    assert one.stdin is not None
    one.stdin.write("\n")
    one.stdin.flush()


def answer(one: subprocess.Popen[str]) -> str:
    """What it got."""
    assert one.stdout is not None
    return one.stdout.readline().strip()


def test_of_eight_who_want_it_at_once_one_gets_it(tmp_path: Path, leases: Leases) -> None:
    """The others are told who has it; when that one is killed, the next one gets it."""
    with takers(tmp_path, 8) as started:
        for one in started:
            ask(one)
        said = {one: answer(one) for one in started}
        (winner,) = (one for one, text in said.items() if text.startswith("got "))
        assert said[winner].startswith("got worktree-tree-")
        who = f"taker-{started.index(winner)}, pid {winner.pid}, since "
        others = [text for one, text in said.items() if one is not winner]
        assert all(text.startswith(f"no worktree {tmp_path}/tree is held by {who}") for text in others), others
        winner.kill()
        winner.wait()
        after = leases.take(Lease("heir", worktree=f"{tmp_path}/tree", until=NOW + HOUR), NOW)
        assert names(leases) == [after.name]


def test_what_does_not_overlap_is_held_side_by_side(leases: Leases) -> None:
    """Different branches, names and paths; a file for each."""
    for lease in (
        Lease("a", branch="main", until=NOW + HOUR),
        Lease("b", branch="fix-1", until=NOW + HOUR),
        Lease("c", name="main", until=NOW + HOUR),
        Lease("d", paths=("src/api",), until=NOW + HOUR),
        Lease("e", paths=("src/web", "docs"), until=NOW + HOUR),
    ):
        leases.take(lease, NOW)
    assert len(names(leases)) == 5
    with pytest.raises(LeaseHeld, match=r"^paths docs is held by e, since 2026-11-20T10:00:00Z, until 2026-11-20T11:00:00Z$"):
        leases.take(Lease("f", paths=("docs/index.md",), until=NOW + HOUR), NOW)


def test_a_branch_is_the_same_in_short_and_in_full_and_a_worktree_by_its_real_path(tmp_path: Path, leases: Leases) -> None:
    """Whoever wrote the lease."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "link").symlink_to("tree")
    leases.take(Lease("a", branch="main", worktree="tree", until=NOW + HOUR), NOW)
    with pytest.raises(LeaseHeld, match=r"^branch main is held by a"):
        leases.take(Lease("b", branch="refs/heads/main", until=NOW + HOUR), NOW)
    with pytest.raises(LeaseHeld, match=rf"^worktree {tmp_path}/tree is held by a"):
        leases.take(Lease("b", worktree=str(tmp_path / "link"), until=NOW + HOUR), NOW)


def test_a_term_that_is_over_holds_no_more(leases: Leases) -> None:
    """The old file goes when the next one is there, and its name gives nothing back any more."""
    first = leases.take(Lease("a", name="deploy", until=NOW + HOUR), NOW)
    with pytest.raises(LeaseHeld):
        leases.take(Lease("b", name="deploy", until=NOW + HOUR), NOW)
    second = leases.take(Lease("b", name="deploy", until=NOW + 3 * HOUR), NOW + HOUR)
    assert (names(leases), first.name == second.name) == ([second.name], False)
    assert leases.give_back(LeaseName(first.name), NOW) is None
    assert names(leases) == [second.name]


def test_the_same_holder_renews_what_it_has(leases: Leases) -> None:
    """Its name and beginning stay; another holder can't, and without the wish it is refused as anybody is."""
    first = leases.take(Lease("a", name="deploy", until=NOW + HOUR), NOW)
    renewed = leases.take(Lease("a", name="deploy", until=NOW + 3 * HOUR), NOW + HOUR / 2, renew=True)
    assert renewed.name == first.name
    assert renewed.lease is not None
    assert (renewed.lease.since, renewed.lease.until) == (NOW, NOW + 3 * HOUR)
    for holder, renew in (("b", True), ("a", False)):
        with pytest.raises(LeaseHeld):
            leases.take(Lease(holder, name="deploy", until=NOW + HOUR), NOW, renew=renew)


def test_what_can_t_be_understood_is_never_free(tmp_path: Path, leases: Leases) -> None:
    """A torn file may hold anything."""
    folder = tmp_path / "state/leases"
    folder.mkdir(parents=True)
    (folder / "odd.json").write_text('{"holder": ')
    with pytest.raises(LeaseHeld) as refused:
        leases.take(Lease("a", name="deploy", until=NOW + HOUR), NOW)
    why = "lease odd.json is not valid JSON; mend the file, or remove it"
    assert str(refused.value) == f"nobody can tell whether name deploy is free: {why}"
    (folder / "odd.json").write_text('{"holder": "b"}')
    with pytest.raises(LeaseHeld, match=r"lease odd.json names neither a process nor a term"):
        leases.take(Lease("a", name="deploy", until=NOW + HOUR), NOW)
    assert names(leases) == ["odd"]


def test_a_holder_of_whom_nobody_can_tell_holds(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `/proc` hides the processes of others."""
    leases.take(Lease("a", name="deploy", process=GONE), NOW)
    monkeypatch.setattr(platform, "lives", lambda _: None)
    with pytest.raises(LeaseHeld, match=r"^name deploy is held by a, pid 1, since \S+ \(whether process 1 is alive can't be told\)$"):
        leases.take(Lease("b", name="deploy", until=NOW + HOUR), NOW)
    assert [kept.holds for kept in leases.all(NOW)] == [None]


def test_the_lease_of_a_run_is_in_its_daemon_s_hands(tmp_path: Path, leases: Leases) -> None:
    """Its process may have ended this very instant: as long as a daemon lives, the daemon says when the run is over."""
    run = LeaseName.of_run("nightly@20261120T020000Z")
    leases.take(Lease("nightly@20261120T020000Z", name="deploy", process=GONE), NOW, name=run)
    paths = StatePaths(tmp_path / "state")
    make_folders(paths)
    daemon = DaemonLock(paths, NOW, "up")
    with pytest.raises(LeaseHeld, match=r"^name deploy is held by nightly@20261120T020000Z, pid 1"):
        leases.take(Lease("b", name="deploy", until=NOW + HOUR), NOW)
    daemon.release()
    assert leases.take(Lease("b", name="deploy", until=NOW + HOUR), NOW).holds
    assert run not in names(leases)


def test_the_lease_of_a_claimed_task_stays_with_the_queue(tmp_path: Path, leases: Leases) -> None:
    """Whoever expires claims looks for a result first: the file is not removed in passing."""
    folder = tmp_path / "state/leases"
    folder.mkdir(parents=True)
    (folder / "task-7e0e.json").write_text(json.dumps({"holder": "a", "task": "7e0e", "until": "2026-11-20T09:00:00Z"}))
    taken = leases.take(Lease("b", task="7e0e", until=NOW + HOUR), NOW)
    assert sorted(names(leases)) == sorted(["task-7e0e", taken.name])


def test_one_who_does_not_let_go_of_the_lock_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """A stopped process must not hang all others."""
    impatient = Leases(StatePaths(tmp_path / "state"), tmp_path, wait_s=0.01)
    with impatient._locked(), pytest.raises(OctojobsError, match="another process is changing leases and does not come to an end"):
        impatient.take(Lease("a", name="deploy", until=NOW + HOUR), NOW)
    assert impatient.take(Lease("a", name="deploy", until=NOW + HOUR), NOW).holds
