"""Retention while nothing else happens: once a day, on a thread of its own, and never what is open."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octojobs.core.definitions import Retention
from octojobs.core.identity import JobId, RunId
from octojobs.engine.retaining import Retainer
from octojobs.store.paths import StatePaths, make_folders, make_run_folder

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
NOTHING = Retention(days=0, runs_per_job=0, bytes=0)
"""Keeps nothing."""


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder."""
    made = StatePaths(tmp_path / "state")
    make_folders(made)
    return made


def ran(paths: StatePaths, hour: int) -> RunId:
    """A run that has left its folder."""
    run = RunId.of(JobId("nightly"), NOW + timedelta(hours=hour))
    make_run_folder(paths, run, 1)
    return run


def left(paths: StatePaths) -> set[str]:
    """The runs whose folders are there."""
    return {path.name for path in paths.runs.glob("*/*")}


def rest(retainer: Retainer, now: datetime = NOW, open_runs: tuple[RunId, ...] = ()) -> None:
    """One rest, and its prune to the end."""
    retainer.at_rest(now, NOTHING, open_runs)
    retainer.stop()


def test_what_exceeds_the_retention_goes_and_what_is_open_stays(paths: StatePaths, caplog: pytest.LogCaptureFixture) -> None:
    """What stands in the folders of open runs is what their outcome rests on."""
    caplog.set_level("INFO")
    _, open_run = ran(paths, 0), ran(paths, 1)
    rest(Retainer(paths), open_runs=(open_run,))
    assert left(paths) == {open_run}
    assert [message.partition(" of history")[0] for message in caplog.messages] == ["forgot 1 runs, 0 days"]


def test_a_day_is_pruned_once(paths: StatePaths) -> None:
    """Resting again and again costs nothing; the next day it is done again."""
    retainer = Retainer(paths)
    rest(retainer)
    second = ran(paths, 1)
    rest(retainer, NOW + timedelta(hours=13))
    assert left(paths) == {second}
    rest(retainer, NOW + timedelta(hours=14))
    assert left(paths) == set()


def test_a_stop_waits_for_what_is_under_way_and_twice_is_once(paths: StatePaths) -> None:
    """Also before anything began."""
    ran(paths, 0)
    retainer = Retainer(paths)
    retainer.stop()
    retainer.at_rest(NOW, NOTHING, ())
    retainer.stop()
    assert left(paths) == set()
    retainer.stop()


def test_a_folder_that_can_t_be_read_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told, and tried again the next day."""
    paths = StatePaths(tmp_path / "state")
    make_folders(paths)
    (paths.history / "2026-01-01.jsonl").mkdir()
    rest(Retainer(paths))
    assert caplog.messages == [f"can't prune the history: {paths.history / '2026-01-01.jsonl'}: Is a directory"]


def test_without_room_for_a_thread_it_is_done_at_once(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that refuses threads is short of processes, not of time."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ran(paths, 0)
    rest(Retainer(paths))
    assert left(paths) == set()
