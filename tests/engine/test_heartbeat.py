"""The heartbeat: what a daemon says of itself, written when it is news."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.store.paths import StatePaths, make_folders

VITALS = Vitals(4711, "1.0", "2026-11-20T10:00:00Z", "HEAD", "3f2c1ab", 3)


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder."""
    made = StatePaths(tmp_path / "state")
    make_folders(made)
    return made


def test_what_was_said_can_be_read_by_others(paths: StatePaths) -> None:
    """All of it, and the last word counts."""
    heartbeat = Heartbeat(paths)
    heartbeat.beat(VITALS)
    assert Heartbeat.read(paths) == VITALS
    heartbeat.beat(replace(VITALS, held="the disk is full", note="jobs.yaml is broken"))
    assert Heartbeat.read(paths) == replace(VITALS, held="the disk is full", note="jobs.yaml is broken")


def test_a_shorter_word_leaves_nothing_of_a_longer_one(paths: StatePaths) -> None:
    """Two long texts beyond ASCII are more than a block."""
    heartbeat = Heartbeat(paths)
    for vitals in (replace(VITALS, held="ü" * 900, note="ä" * 900), VITALS):
        heartbeat.beat(vitals)
        assert Heartbeat.read(paths) == vitals


def test_nothing_is_written_that_is_no_news(paths: StatePaths) -> None:
    """An idle daemon writes nothing: a laptop's disk may sleep."""
    heartbeat = Heartbeat(paths)
    heartbeat.beat(VITALS)
    paths.heartbeat.unlink()
    heartbeat.beat(VITALS)
    assert not paths.heartbeat.exists()
    heartbeat.beat(replace(VITALS, jobs=4))
    assert Heartbeat.read(paths) == replace(VITALS, jobs=4)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"pid": 1}', b'{"pid": 1, "mood": "good"}', b"\xff"], ids=repr)
def test_what_is_no_heartbeat_is_none(paths: StatePaths, content: bytes | None) -> None:
    """A daemon of another version, a torn file, none at all."""
    if content is not None:
        paths.heartbeat.write_bytes(content)
    assert Heartbeat.read(paths) is None


def test_a_folder_that_takes_no_file_stops_nobody(paths: StatePaths, caplog: pytest.LogCaptureFixture) -> None:
    """It is told; the daemon has better reasons to stop."""
    paths.heartbeat.mkdir()
    Heartbeat(paths).beat(VITALS)
    assert caplog.messages == [f"can't write {paths.heartbeat}: Is a directory"]
