"""What is forgotten, and what never is."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from octojobs.core.definitions import Retention
from octojobs.core.identity import JobId, RunId
from octojobs.store.history import days
from octojobs.store.index import query
from octojobs.store.paths import StatePaths, make_folders, make_run_folder
from octojobs.store.retention import Pruned, prune
from tests.store.world import NIGHTLY, SWEEP, T0, live, opened, seen

NOW = T0 + timedelta(days=100)
EVERYTHING = Retention(days=0, runs_per_job=0, bytes=0)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """The folders of a state, empty."""
    found = StatePaths(tmp_path / "state")
    make_folders(found)
    return found


def ran(paths: StatePaths, job: JobId, at: datetime, size: int = 1) -> RunId:
    """A run whose output was written last at the instant."""
    run = RunId.of(job, at)
    for attempt in (1, 2):
        folder = make_run_folder(paths, run, attempt)
        (folder / "output.log").write_bytes(b"x" * size)
        for path in (folder / "output.log", folder, folder.parent):
            os.utime(path, (at.timestamp(), at.timestamp()))
    return run


def left(paths: StatePaths) -> set[str]:
    """The runs whose folders are there."""
    return {path.name for path in paths.runs.glob("*/*")}


def test_runs_older_than_the_days_go(paths: StatePaths) -> None:
    """By when they were last written to, not by when they were due."""
    old, young = ran(paths, NIGHTLY, NOW - timedelta(days=91)), ran(paths, NIGHTLY, NOW - timedelta(days=89))
    late = ran(paths, SWEEP, NOW - timedelta(days=99))
    os.utime(paths.run_dir(late, 2), (NOW.timestamp(), NOW.timestamp()))
    assert prune(paths, Retention(), (), NOW).runs == (old,)
    assert left(paths) == {young, late}


def test_of_each_job_only_so_many_runs_are_kept(paths: StatePaths) -> None:
    """The newest; one job's runs don't push out another's."""
    runs = [ran(paths, NIGHTLY, NOW - timedelta(hours=n)) for n in range(5)]
    other = ran(paths, SWEEP, NOW - timedelta(hours=50))
    assert prune(paths, Retention(runs_per_job=2), (), NOW).runs == tuple(runs[:1:-1])
    assert left(paths) == {*runs[:2], other}


def test_beyond_the_bytes_the_oldest_go(paths: StatePaths) -> None:
    """Whatever job they are of."""
    runs = [ran(paths, job, NOW - timedelta(hours=n), 100_000) for n, job in enumerate((NIGHTLY, SWEEP, NIGHTLY, SWEEP))]
    done = prune(paths, Retention(bytes=500_000), (), NOW)
    assert done.runs == (runs[3], runs[2])
    assert 400_000 < done.bytes < 500_000
    assert left(paths) == set(runs[:2])


def test_a_dry_run_removes_nothing_and_says_the_same(paths: StatePaths) -> None:
    """What would go is what goes."""
    runs = [ran(paths, NIGHTLY, NOW - timedelta(hours=n)) for n in range(3)]
    (paths.history / "2026-01-01.jsonl").write_bytes(b"")
    would = prune(paths, EVERYTHING, (), NOW, dry_run=True)
    assert left(paths) == set(runs)
    assert prune(paths, EVERYTHING, (), NOW) == would
    assert (would.runs, would.days, left(paths)) == (tuple(runs[::-1]), ("2026-01-01",), set())
    assert prune(paths, EVERYTHING, (), NOW) == Pruned()


def test_who_wants_no_names_gets_the_number_alone(paths: StatePaths) -> None:
    """A daemon forgets tens of thousands of runs in a day: their names would be most of what it remembers."""
    for n in range(3):
        ran(paths, NIGHTLY, NOW - timedelta(hours=n))
    done = prune(paths, EVERYTHING, (), NOW, names=False)
    assert (done.number, done.runs, left(paths)) == (3, (), set())


def test_a_run_whose_result_is_still_locked_is_kept(paths: StatePaths) -> None:
    """Its shim is not done with it: `live` has become `exit.json`."""
    run = ran(paths, NIGHTLY, T0)
    with (paths.run_dir(run, 2) / "exit.json").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert prune(paths, EVERYTHING, (), NOW) == Pruned()
    assert left(paths) == {run}


def test_open_and_live_runs_are_kept(paths: StatePaths) -> None:
    """What stands in their folders is what keeps them from running twice."""
    known, unknown, ended = (ran(paths, NIGHTLY, NOW - timedelta(days=n)) for n in (200, 201, 202))
    for run in (unknown, ended):
        (paths.run_dir(run, 1) / "live").touch()
    with (paths.run_dir(unknown, 1) / "live").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert prune(paths, EVERYTHING, {known}, NOW).runs == (ended,)
    assert left(paths) == {known, unknown}


def test_only_what_octojobs_made_is_removed(paths: StatePaths, tmp_path: Path) -> None:
    """Other names, other people's files, links to elsewhere: all of it stays."""
    elsewhere = tmp_path / "precious"
    (elsewhere / "1").mkdir(parents=True)
    foreign = [
        paths.runs / "nightly" / "notes",
        paths.runs / "nightly" / "sweep@20260101T000000Z" / "1",
        paths.runs / "nightly" / "nightly@20260101T000000Z" / "mine",
        paths.runs / "not a job" / "x@20260101T000000Z",
        paths.runs / "README",
    ]
    for folder in foreign:
        folder.mkdir(parents=True)
    (paths.runs / "nightly" / "nightly@20260102T000000Z").symlink_to(elsewhere)
    (paths.history / "notes.txt").touch()
    assert prune(paths, EVERYTHING, (), NOW) == Pruned()
    assert all(folder.exists() for folder in [*foreign, elsewhere / "1", paths.history / "notes.txt"])


def test_a_folder_of_runs_that_somebody_else_made_is_left_alone(tmp_path: Path) -> None:
    """`state_dir` may point to where a `runs/` has been before."""
    paths = StatePaths(tmp_path)
    paths.runs.mkdir()
    (paths.runs / "theirs").mkdir()
    make_folders(paths)
    run = ran(paths, NIGHTLY, T0)
    assert prune(paths, EVERYTHING, (), NOW) == Pruned()
    assert run in left(paths)


def test_links_inside_a_run_are_removed_and_not_followed(paths: StatePaths, tmp_path: Path) -> None:
    """A job writes what it likes into its folder."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    run = ran(paths, NIGHTLY, T0)
    (paths.run_dir(run, 1) / "link").symlink_to(precious)
    prune(paths, EVERYTHING, (), NOW)
    assert (left(paths), (precious / "file").exists()) == (set(), True)


def test_a_folder_that_becomes_a_link_at_the_last_moment_leads_nowhere(
    paths: StatePaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and its removal somebody puts a link in its place: what that points to stays."""
    run = ran(paths, NIGHTLY, T0)
    job = paths.runs / NIGHTLY
    elsewhere = tmp_path / "elsewhere"

    def swap(_: str) -> bool:
        job.rename(elsewhere)
        job.symlink_to(elsewhere)
        return False

    monkeypatch.setattr("octojobs.store.retention._is_live", swap)
    pruned = prune(paths, EVERYTHING, (), NOW)
    assert pruned.problems == (f"{job / run}: Not a directory",)
    assert (elsewhere / run / "1").is_dir()


def test_history_goes_by_whole_days(tmp_path: Path) -> None:
    """The index forgets with it; the state does not change."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
        live(store, range(2))
        before = store.ledger
    paths = StatePaths(tmp_path / "state")
    assert len(query(paths)) == 4
    assert prune(paths, Retention(days=90), (), T0 + timedelta(days=90)).days == ()
    assert prune(paths, Retention(days=90), (), T0 + timedelta(days=91)).days == ("2026-11-20",)
    assert (days(paths.history), query(paths)) == ([], [])
    with opened(tmp_path / "state") as store:
        assert (store.ledger, store.notes) == (before, ())


def test_what_can_not_be_removed_is_reported(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is removed all the same."""
    stuck, other = ran(paths, NIGHTLY, T0), ran(paths, SWEEP, T0)
    real = os.rmdir

    def refuses(path: str, **named: int) -> None:
        if os.path.basename(path) == stuck:
            raise PermissionError(1, "Operation not permitted", path)
        real(path, **named)

    monkeypatch.setattr(os, "rmdir", refuses)
    done = prune(paths, EVERYTHING, (), NOW)
    assert set(done.runs) == {stuck, other}
    assert done.problems == (f"{paths.run_dir(stuck, 1).parent}: Operation not permitted",)
    assert left(paths) == {stuck}


def test_patches_are_work_and_stay_as_long_as_the_history_and_a_month_at_least(paths: StatePaths) -> None:
    """Bounds on runs do not take them; what has no name of a run's patch is nobody's business."""
    run = ran(paths, NIGHTLY, NOW)
    paths.patches.mkdir()
    for name, days_ago in {f"{run}.1.patch": 29, f"{run}.2.patch": 31, "mine.patch": 400}.items():
        at = (NOW - timedelta(days=days_ago)).timestamp()
        (paths.patches / name).write_text("x")
        os.utime(paths.patches / name, (at, at))
    assert prune(paths, Retention(), (), NOW).patches == 0
    pruned = prune(paths, EVERYTHING, (), NOW)
    assert (pruned.runs, pruned.patches) == ((run,), 1)
    assert sorted(os.listdir(paths.patches)) == ["mine.patch", f"{run}.1.patch"]
