"""Requests: left by anybody, taken in the order of asking, repeated after a crash, never in the way."""

from __future__ import annotations

import errno
import logging
import os
import random
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.identity import RUN_ID, RunId
from octojobs.store import requests
from octojobs.store.paths import StatePaths
from octojobs.store.requests import MAX_BYTES, Refusal, Request, done, leave, refuse, take, take_refusal
from tests.store.world import NIGHTLY, SWEEP, T0, run_of


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder that nothing was written to yet."""
    return StatePaths(tmp_path / "state")


def test_requests_are_taken_in_the_order_of_asking(paths: StatePaths) -> None:
    """Whatever the order in which the files appeared."""
    asked = [Request("run", T0 + timedelta(microseconds=n), NIGHTLY) for n in range(30)]
    for request in random.Random(1).sample(asked, len(asked)):
        leave(paths, request)
    assert [request for _, request in take(paths)] == asked


def test_a_request_comes_as_it_was_left(paths: StatePaths) -> None:
    """All of its fields."""
    request = Request("pause", T0, SWEEP, run_of(1), force=True, until=T0, reason='because "so"\n', by="ada@host", id="0123456789abcdef")
    path = leave(paths, request)
    assert take(paths) == [(path, request)]
    assert path.name == "20261120T100000.000000Z-0123456789abcdef.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_request_stays_until_it_is_done(paths: StatePaths) -> None:
    """A crash repeats it: it asks for the same run then, since the run's id has the request's digits."""
    path = leave(paths, Request("run", T0, NIGHTLY))
    (_, first), (_, second) = *take(paths), *take(paths)
    assert first.suffix == second.suffix
    assert RUN_ID.fullmatch(RunId.of(NIGHTLY, T0, first.suffix))
    done(path)
    done(path)
    assert take(paths) == []


def test_two_requests_of_one_instant_are_two(paths: StatePaths) -> None:
    """Their ids differ."""
    for _ in range(20):
        leave(paths, Request("run", T0, NIGHTLY))
    assert len(take(paths)) == 20


def test_nobody_has_asked_where_there_is_no_folder(paths: StatePaths) -> None:
    """Looking makes nothing."""
    assert take(paths) == []
    assert not paths.root.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON (character 1)"),
        ("[" * 50_000, "it is nested too deeply"),
        ("x" * (MAX_BYTES + 1), f"it is longer than {MAX_BYTES} bytes"),
        ("{}", "Request.kind is missing"),
        ('{"kind":"explode","at":"2026-11-20T10:00:00Z"}', "'explode' is none of run, cancel, retry, pause, resume"),
        ('{"kind":"run","at":"2026-11-20T10:00:00Z","id":"../../etc"}', "its id '../../etc' is not 16 hex digits"),
        ('{"kind":"run","at":"2026-11-20T10:00:00"}', "Request.at: '2026-11-20T10:00:00' names no offset from UTC"),
        (
            '{"kind":"run","job":"../x","at":"2026-11-20T10:00:00Z"}',
            "Request.job: '../x' is not a job name: a letter or _ first, then letters, digits, _ . -, 63 at most",
        ),
    ],
    ids=["empty", "deep", "long", "no kind", "kind", "id", "naive", "job"],
)
def test_a_file_that_is_no_request_is_set_aside_and_reported(
    paths: StatePaths, caplog: pytest.LogCaptureFixture, text: str, reason: str
) -> None:
    """It stops neither the daemon nor the requests behind it, and is not looked at again."""
    good = leave(paths, Request("run", T0, NIGHTLY))
    bad = paths.requests / "0.json"
    bad.write_text(text)
    with caplog.at_level(logging.ERROR):
        assert [path for path, _ in take(paths)] == [good]
        assert [path for path, _ in take(paths)] == [good]
    assert caplog.messages == [f"the request in {bad} can't be read ({reason}): set aside as 0.refused"]
    assert (paths.requests / "0.refused").read_text() == text


def test_what_is_no_file_is_not_read(paths: StatePaths, tmp_path: Path) -> None:
    """A link to elsewhere, a pipe that nobody writes to, a folder: set aside, and nobody waits."""
    paths.requests.mkdir(parents=True)
    (tmp_path / "secret").write_text('{"kind":"stop","at":"2026-11-20T10:00:00Z"}')
    (paths.requests / "link.json").symlink_to(tmp_path / "secret")
    os.mkfifo(paths.requests / "pipe.json")
    (paths.requests / "folder.json").mkdir()
    assert take(paths) == []
    assert sorted(path.name for path in paths.requests.iterdir()) == ["folder.refused", "link.refused", "pipe.refused"]


def test_a_refused_request_leaves_its_reason_to_the_one_who_asked(paths: StatePaths) -> None:
    """For nobody else to read, and fetched once. The request is gone."""
    path = leave(paths, Request("run", T0, NIGHTLY))
    refuse(path, Refusal("no such luck"))
    (answer,) = paths.requests.iterdir()
    assert (answer.name, answer.stat().st_mode & 0o777) == (f"{path.stem}.answer", 0o600)
    assert (take(paths), take_refusal(path), take_refusal(path)) == ([], Refusal("no such luck"), None)
    assert list(paths.requests.iterdir()) == []


def test_a_refusal_is_known_even_where_its_reason_can_t_be_written(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: the request itself becomes the answer, for which no room is needed."""
    path = leave(paths, Request("run", T0, NIGHTLY))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(requests, "replace_file", full)
    refuse(path, Refusal("no such luck"))
    assert (take(paths), take_refusal(path)) == ([], Refusal("the reason could not be written; the daemon's log has it"))
    assert list(paths.requests.iterdir()) == []


def test_one_that_can_t_be_read_counts_as_refused(paths: StatePaths) -> None:
    """A newer command asks an older daemon for what it doesn't know."""
    path = leave(paths, Request("dance", T0, NIGHTLY))
    assert take(paths) == []
    assert take_refusal(path) == Refusal("it can't read the request; is it another version of octojobs?")


def test_a_file_that_is_being_written_is_not_seen(paths: StatePaths) -> None:
    """Requests appear whole: the temporary name is none that is looked at."""
    paths.requests.mkdir(parents=True)
    (paths.requests / ".x.json.1.octojobs-tmp").write_text("{")
    (paths.requests / ".hidden.json").write_text("{")
    assert take(paths) == []
    assert len(list(paths.requests.iterdir())) == 2
