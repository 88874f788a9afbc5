"""The loop: what it wakes for, what it looks at, and what it does when there is nothing to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from octojobs.core.identity import JobId
from octojobs.engine.heartbeat import Heartbeat, Vitals
from octojobs.engine.service import LOOK_S, MILLISECOND_S, REST_S, Service
from octojobs.engine.wake import Wake
from tests.engine.world import World, job
from tests.fakes import StaticFeed

VITALS = Vitals(4711, "1.0", "2026-11-20T10:00:00Z", "HEAD", "worktree", 0)


@dataclass
class ChangingFeed(StaticFeed):
    """Definitions of which a look says whether they are others than at the last one; `asked` is how each look was made."""

    asked: list[bool] = field(default_factory=list)
    _seen: int = 0

    def check(self, *, ask: bool = False) -> bool:
        """Whether they are others."""
        self.asked.append(ask)
        changed, self._seen = self._count != self._seen, self._count
        return changed


class Loop:
    """A service over a world whose clock moves only between its passes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.feed = ChangingFeed()
        world.feed = self.feed
        world.restart()
        self.wake = Wake()
        self.vitals = VITALS
        self.service = Service(world.engine, self.feed, self.wake, Heartbeat(world.paths), lambda: self.vitals)

    def go(self, passes: int, seconds: float = LOOK_S, *, rings: bool = False) -> str:
        """So many passes, so many seconds apart; `rings` wakes each of them."""
        left = iter(range(passes))

        def done() -> bool:
            self.world.clock.advance(seconds)
            if rings:
                self.wake.ring()
            return next(left, None) is None

        return self.service.run(done)

    def close(self) -> None:
        """The end of the test."""
        self.service.close()
        self.wake.close()


@pytest.fixture
def loop(world: World) -> Iterator[Loop]:
    """A loop, closed at the end."""
    with closing(Loop(world)) as made:
        yield made


def test_it_ends_when_its_caller_is_content_or_when_it_is_told_to(loop: Loop) -> None:
    """And says which, by the reason of the stop."""
    assert loop.go(2) == ""
    loop.wake.stop("SIGTERM")
    assert loop.go(2) == "SIGTERM"


def test_it_ticks_when_something_is_due_and_when_a_run_has_ended(loop: Loop) -> None:
    """Between these it sleeps."""
    loop.feed.set([job("beat", every=60)])
    loop.go(1)
    loop.world.drain()
    loop.go(60)
    loop.world.drain()
    assert loop.world.outcomes() == ["succeeded", "succeeded"]


def test_it_looks_once_a_second_and_asks_git_only_when_it_is_rung(loop: Loop) -> None:
    """A ring says that something changed: then the cheap look is not enough."""
    loop.go(3)
    assert loop.feed.asked == [True, False, False]
    loop.go(1, 0, rings=True)
    assert loop.feed.asked[3:] == [True]


def test_what_changed_is_live_in_the_same_pass(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """It is told in the log, and who watches files is told as well."""
    caplog.set_level(logging.INFO)
    looks: list[int] = []
    loop.service.on_look = lambda: looks.append(len(loop.feed.current().jobs))
    loop.go(1)
    loop.feed.set([job("beat", every=60)])
    loop.go(1)
    assert JobId("beat") in loop.world.engine.store.ledger.jobs
    assert (looks, caplog.messages[0]) == ([0, 1], "live: 1 jobs of worktree")


def test_a_loop_that_never_sleeps_looks_all_the_same(loop: Loop) -> None:
    """Runs that end all the time, or a storm of rings, must not keep a commit from being seen."""
    loop.feed.set([job("hand")])
    loop.go(3, 0, rings=True)
    assert len(loop.feed.asked) == 3


def test_a_request_is_seen_at_the_next_look_without_a_ring(loop: Loop) -> None:
    """Who left it may not have been allowed to send a signal."""
    loop.feed.set([job("hand")])
    loop.go(2)
    loop.world.ask("run", job=JobId("hand"))
    loop.go(1)
    loop.world.drain()
    assert loop.world.outcomes("hand") == ["succeeded"]


def test_after_a_while_of_nothing_it_rests_once(loop: Loop) -> None:
    """The state is written out, and old history may go; it rests again after it had something to do."""
    rests: list[float] = []
    loop.service.on_rest = lambda: rests.append(loop.world.clock.monotonic())
    loop.go(int(REST_S) * 3)
    assert len(rests) == 1
    loop.feed.set([job("hand")])
    loop.go(int(REST_S) * 3)
    assert len(rests) == 2


def test_why_the_newest_definitions_are_not_in_force_is_told_once_and_its_end_too(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A broken file is news when it breaks and when it is mended."""
    caplog.set_level(logging.INFO)
    loop.feed.note = "jobs.yaml has 1 problem"
    loop.go(3)
    loop.feed.note = ""
    loop.go(3)
    assert caplog.messages == ["jobs.yaml has 1 problem", "the newest definitions are in force again"]


def test_its_vitals_are_there_for_others_to_read(loop: Loop) -> None:
    """From the first pass on."""
    loop.go(1)
    assert Heartbeat.read(loop.world.paths) == VITALS


def test_it_waits_for_the_next_look_at_most_and_for_what_is_due_before_it(loop: Loop) -> None:
    """Never for a time that has passed."""
    loop.go(1)
    now = loop.world.clock.now()
    loop.world.clock.advance(-LOOK_S)
    assert loop.service._timeout(None) <= LOOK_S
    assert loop.service._timeout(now.replace(year=2000)) == 0.0


def test_it_wakes_a_moment_before_an_instant_and_sleeps_the_rest(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for events counts in whole milliseconds, and rounds them up; the rest is slept to the microsecond."""
    naps: list[float] = []
    monkeypatch.setattr("octojobs.engine.service.nap", naps.append)
    loop.go(1)
    now = loop.world.clock.now()
    assert loop.service._timeout(now + timedelta(seconds=LOOK_S / 2)) <= LOOK_S / 2 - MILLISECOND_S
    assert loop.service._timeout(now + timedelta(seconds=MILLISECOND_S / 2)) == 0.0
    monkeypatch.setattr(loop.world.engine, "wake_at", lambda: now + timedelta(seconds=MILLISECOND_S / 2))
    assert (loop.service._sleep(), naps) == (False, [MILLISECOND_S / 2])
