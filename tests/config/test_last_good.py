"""A restart on a broken commit keeps the definitions that were in force before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.config.last_good import LastGood
from octojobs.config.loader import Loader
from octojobs.config.reload import Reload
from octojobs.config.source import CommitSource
from octojobs.core.identity import JobId
from octojobs.errors import InvalidDefinitions
from octojobs.repository import Repository
from tests.helpers import commit_files, make_repository

JOBS = ".octopoid/jobs.yaml"
GOOD = "jobs: {one: {manual: true, command: make one}}\n"


def _reload(repo: Path, state: Path) -> Reload:
    return Reload(CommitSource(Repository.discover(repo)), Loader(), last_good=LastGood(state))


def test_a_restart_on_a_broken_commit_keeps_what_was_in_force(tmp_path: Path) -> None:
    """The note names the commit that stays in force, and a mended commit takes its place."""
    repo, state = make_repository(tmp_path, {JOBS: GOOD}), tmp_path / "state"
    state.mkdir()
    running = _reload(repo, state)
    assert running.check()
    running.remember()
    commit_files(repo, {JOBS: "jobs: ["})
    restarted = _reload(repo, state)
    assert restarted.check()
    assert list(restarted.current().jobs) == ["one"]
    assert "has 1 problem in its definitions; the definitions of commit" in restarted.note
    commit_files(repo, {JOBS: GOOD.replace("one", "two")})
    assert restarted.check(ask=True)
    assert (list(restarted.current().jobs), restarted.note) == ([JobId("two")], "")


def test_a_first_start_on_a_broken_commit_says_what_is_wrong(tmp_path: Path) -> None:
    """There is nothing to keep: no jobs is never assumed."""
    repo = make_repository(tmp_path, {JOBS: "jobs: ["})
    reload = _reload(repo, tmp_path)
    assert not reload.check()
    with pytest.raises(InvalidDefinitions):
        reload.current()


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    """What can't be relied on is not run."""
    repo, state = make_repository(tmp_path, {JOBS: GOOD}), tmp_path / "state"
    state.mkdir()
    running = _reload(repo, state)
    assert running.check()
    running.remember()
    (state / "definitions.json").write_text('{"v": 1')
    commit_files(repo, {JOBS: "jobs: ["})
    reload = _reload(repo, state)
    assert not reload.check()
    with pytest.raises(InvalidDefinitions):
        reload.current()


def test_what_is_in_force_is_written_down_once(tmp_path: Path) -> None:
    """And not before somebody has time for it: nobody waits for the disk to be told of a commit."""
    repo, state = make_repository(tmp_path, {JOBS: GOOD}), tmp_path / "state"
    state.mkdir()
    running, file = _reload(repo, state), state / "definitions.json"
    assert running.check()
    assert not file.exists()
    running.remember()
    file.unlink()
    running.remember()
    assert not file.exists()
