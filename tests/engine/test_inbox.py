"""The inbox: requests are read once each, in the order of asking, and stay until what they ask for is on disk."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.definitions import Definitions
from octojobs.core.events import Paused, Resumed
from octojobs.core.identity import JobId
from octojobs.core.ledger import Ledger
from octojobs.engine.inbox import Inbox, Taken
from octojobs.store.paths import StatePaths
from octojobs.store.requests import Request, leave
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


def take(inbox: Inbox) -> Taken:
    """What has come, an hour after the start."""
    return inbox.take(LIVE, Ledger(), START + timedelta(hours=1))


def test_an_empty_inbox_has_nothing_to_say(paths: StatePaths) -> None:
    """Also where nobody has ever left a request."""
    assert take(Inbox(paths)) == Taken()


def test_requests_are_taken_in_the_order_of_asking_and_once_each(paths: StatePaths) -> None:
    """Their files stay meanwhile."""
    second, first = ask(paths, "resume", 2), ask(paths, "pause", 1)
    inbox = Inbox(paths)
    taken = take(inbox)
    assert (taken.paths, [type(event) for event in taken.events]) == ((first, second), [Paused, Resumed])
    assert (take(inbox), first.exists(), second.exists()) == (Taken(), True, True)


def test_a_request_goes_when_what_it_asked_for_is_on_disk(paths: StatePaths) -> None:
    """And what comes later is taken as ever."""
    inbox = Inbox(paths)
    first = ask(paths, "pause")
    inbox.done(take(inbox).paths)
    assert not first.exists()
    second = ask(paths, "resume", 1)
    assert take(inbox).paths == (second,)


def test_a_request_that_was_not_done_is_taken_again_by_the_next_daemon(paths: StatePaths) -> None:
    """A crash repeats it and never drops it."""
    file = ask(paths, "pause")
    take(Inbox(paths))
    assert take(Inbox(paths)).paths == (file,)


def test_one_that_is_refused_is_told_and_keeps_no_other_from_being_done(paths: StatePaths, caplog: pytest.LogCaptureFixture) -> None:
    """Its file goes with the others: it can't be done later either."""
    refused, done = ask(paths, "run", 0, "nobody"), ask(paths, "pause", 1)
    inbox = Inbox(paths)
    taken = take(inbox)
    assert (taken.paths, [type(event) for event in taken.events]) == ((refused, done), [Paused])
    assert caplog.messages == ["request run of ada refused: there is no job 'nobody' in the definitions that are live"]
    inbox.done(taken.paths)
    assert list(paths.requests.iterdir()) == []
