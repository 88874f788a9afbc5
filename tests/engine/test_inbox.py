"""The inbox: requests are read once each, in the order of asking, and stay until what they ask for is on disk."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.definitions import Definitions
from octojobs.core.events import Event, Paused, Resumed
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from octojobs.engine.inbox import Inbox
from octojobs.store import requests
from octojobs.store.paths import StatePaths
from octojobs.store.requests import ANSWER_TTL, Refusal, Request, leave, refuse, take_refusal
from tests.engine.world import job
from tests.fakes import START

HAND = job("hand")
LIVE = Definitions({HAND.id: HAND}, source="abc")


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state folder that is not there yet."""
    return StatePaths(tmp_path / "state")


def ask(paths: StatePaths, kind: str, seconds: int = 0, name: str | None = None) -> Path:
    """A request that was made so many seconds after the start."""
    return leave(paths, Request(kind, START + timedelta(seconds=seconds), JobId(name) if name else None, by="ada"))


def take(inbox: Inbox) -> list[type[Event]]:
    """What has come, an hour after the start, by its kind."""
    return [type(event) for event in inbox.take(LIVE, Ledger(), START + timedelta(hours=1))]


def left(paths: StatePaths) -> set[Path]:
    """The files that are still there."""
    return set(paths.requests.iterdir())


def test_an_empty_inbox_has_nothing_to_say(paths: StatePaths) -> None:
    """Also where nobody has ever left a request."""
    inbox = Inbox(paths)
    assert (take(inbox), inbox.is_waiting) == ([], False)


def test_requests_are_taken_in_the_order_of_asking_and_once_each(paths: StatePaths) -> None:
    """Their files stay meanwhile."""
    second, first = ask(paths, "resume", 2), ask(paths, "pause", 1)
    inbox = Inbox(paths)
    assert (take(inbox), take(inbox)) == ([Paused, Resumed], [])
    assert (inbox.is_waiting, left(paths)) == (True, {first, second})


def test_a_request_goes_when_what_it_asked_for_is_on_disk(paths: StatePaths) -> None:
    """And what comes later is taken as ever."""
    inbox = Inbox(paths)
    ask(paths, "pause")
    take(inbox)
    inbox.recorded()
    assert (inbox.is_waiting, left(paths)) == (False, set())
    ask(paths, "resume", 1)
    assert take(inbox) == [Resumed]


def test_a_request_that_was_not_recorded_is_taken_again_by_the_next_daemon(paths: StatePaths) -> None:
    """A crash repeats it and never drops it."""
    ask(paths, "pause")
    assert take(Inbox(paths)) == take(Inbox(paths)) == [Paused]


def test_one_that_is_refused_is_told_and_keeps_no_other_from_being_done(paths: StatePaths, caplog: pytest.LogCaptureFixture) -> None:
    """Its file goes with the others, since it can't be done later either; whoever asked finds the reason, once."""
    refused, obeyed = ask(paths, "run", 0, "nobody"), ask(paths, "pause", 1)
    inbox = Inbox(paths)
    assert take(inbox) == [Paused]
    assert caplog.messages == ["request run of ada refused: there is no job 'nobody' in the definitions that are live"]
    inbox.recorded()
    assert (take_refusal(refused), take_refusal(obeyed)) == (
        Refusal("there is no job 'nobody' in the definitions that are live", wrong_usage=True),
        None,
    )
    assert (take_refusal(refused), left(paths)) == (None, set())


def test_an_answer_that_nobody_fetches_is_forgotten(paths: StatePaths) -> None:
    """By the next daemon at its first look, and by this one when it is asked something later; a young one stays."""
    refuse(ask(paths, "pause"), Refusal("so"))
    (answer,) = left(paths)
    os.utime(answer, (START.timestamp(), START.timestamp()))
    assert Inbox(paths).take(LIVE, Ledger(), START + ANSWER_TTL) == ()
    assert left(paths) == {answer}
    inbox = Inbox(paths)
    take(inbox)
    assert left(paths) == set()
    refuse(ask(paths, "pause"), Refusal("so"))
    (answer,) = left(paths)
    os.utime(answer, (START.timestamp(), START.timestamp()))
    take(inbox)
    assert left(paths) == {answer}
    ask(paths, "pause", 1)
    take(inbox)
    take(inbox)
    inbox.recorded()
    assert left(paths) == set()


def test_a_file_that_can_t_be_removed_is_told_and_not_taken_again(
    paths: StatePaths, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may have become somebody else's; it is tried again, and the daemon goes on."""
    file = ask(paths, "pause")
    inbox = Inbox(paths)
    take(inbox)

    def refuses(_path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(requests, "done", refuses)
        inbox.recorded()
    assert (take(inbox), caplog.messages) == ([], [f"can't remove {file}: Permission denied"])
    inbox.recorded()
    assert left(paths) == set()
