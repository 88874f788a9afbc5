"""Pings of a job reach a real server: a beginning, a success, a failure with its output, in order and at the right addresses."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

import pytest

from octojobs.core.job import Ping
from octojobs.store.outbox import Outbox, Place, standing
from tests.engine.world import World, job
from tests.helpers import wait_until
from tests.notify.world import Receiver

RUN = "build@20261120T100000Z"


def ping(server: Receiver, path: str = "/ping/abc?create=1", **more: Any) -> Ping:
    """An address of the server, which is allowed although it is this machine."""
    return Ping(f"http://127.0.0.1:{server.server_port}{path}", more.get("allow_hosts", ("127.0.0.1",)))


def rid(run: str) -> str:
    """How the run is called there."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, run))


def test_a_success_is_a_start_and_a_plain_ping(world: World, receiver: Receiver) -> None:
    """Both name the run, and what the address says besides stays there."""
    world.declare(job("build", "echo built", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    world.stop()
    query = f"?create=1&rid={rid(RUN)}"
    assert receiver.paths == [f"/ping/abc/start{query}", f"/ping/abc{query}"]
    assert [body for _, body in receiver.got] == [b"", b"built"]


def test_a_failure_ends_in_fail_with_the_end_of_the_output(world: World, receiver: Receiver) -> None:
    """Each failure, not the first alone: whoever is pinged decides what is news. The run's outcome stays what it is."""
    world.declare(job("build", "echo why; exit 3", every=60, ping=ping(receiver, "/p/")))
    for instant in range(2):
        world.tick(60 if instant else 0)
        world.drain()
    world.stop()
    assert [path.partition("?")[0] for path in receiver.paths] == ["/p/start", "/p/fail"] * 2
    assert receiver.got[1][1] == b"exit code 3\nwhy"
    assert receiver.got[1][0]["content-type"] == "text/plain; charset=utf-8"
    assert world.outcomes() == ["failed", "failed"]


def test_what_did_not_run_pings_nobody(world: World, receiver: Receiver) -> None:
    """The silence is what the other side notices."""
    world.declare(job("build", every=60, ping=ping(receiver)))
    world.ask("pause")
    world.tick()
    world.tick(60)
    world.stop()
    assert world.outcomes() != []
    assert receiver.paths == []


def test_a_server_that_is_down_is_pinged_again_in_order_and_changes_nothing(world: World, receiver: Receiver) -> None:
    """The start waits for its next try, and the end behind it; the run has long succeeded."""
    receiver.answer = 503
    world.declare(job("build", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    wait_until(lambda: receiver.paths, what="the first try")
    assert world.outcomes() == ["succeeded"]
    wait_until(lambda: standing(world.paths)[0] == 2, what="both pings in the outbox")
    world.stop()
    receiver.answer = 200
    world.clock.advance(60)
    world.start()
    world.declare(job("build", every=36000, ping=ping(receiver)))
    world.tick()
    world.stop()
    assert [path.partition("?")[0] for path in receiver.paths] == ["/ping/abc/start", "/ping/abc/start", "/ping/abc"]


def test_an_address_that_is_not_public_is_refused(world: World, receiver: Receiver) -> None:
    """Unless the job allows the host by name: a commit must not reach into the network that the daemon stands in."""
    world.declare(job("build", every=3600, ping=ping(receiver, allow_hosts=())))
    world.tick()
    world.drain()
    world.stop()
    assert receiver.paths == []
    _, dead, letters = standing(world.paths)
    assert dead == 2
    assert letters[0]["why"].startswith("127.0.0.1 is 127.0.0.1, which is not a public address")


def test_a_job_that_pings_no_more_leaves_what_waits(world: World, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """It is a dead letter that says so."""
    receiver.answer = 503
    world.declare(job("build", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    wait_until(lambda: standing(world.paths)[0] == 2, what="both pings in the outbox")
    world.declare(job("build", every=3600))
    world.tick()
    world.clock.advance(60)
    world.stop()
    world.start()
    world.tick()
    world.stop()
    assert "there is no ping build any more" in {letter["why"] for letter in standing(world.paths)[2]}


def test_an_outbox_that_refuses_loses_no_first_ping(world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk: it waits until the outbox takes it."""
    refused: list[int] = []
    put = Outbox.put

    def full(outbox: Outbox, place: Place, *rest: Any) -> None:
        if not refused:
            refused.append(1)
            raise sqlite3.OperationalError("database or disk is full")
        put(outbox, place, *rest)

    monkeypatch.setattr(Outbox, "put", full)
    world.declare(job("build", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    wait_until(lambda: refused, what="the refusal")
    world.stop()
    assert [path.partition("?")[0] for path in receiver.paths] == ["/ping/abc/start", "/ping/abc"]


def test_a_crash_after_the_end_loses_no_ping(world: World, receiver: Receiver) -> None:
    """The last word is made from the history, by whichever daemon reads it."""
    world.declare(job("other", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    wait_until(lambda: len(receiver.paths) == 2, what="the outbox's begin")
    world.engine.courier.stop()
    world.declare(job("build", every=3600, ping=ping(receiver)))
    world.tick()
    world.drain()
    world.stop()
    assert len(receiver.paths) == 2
    world.start()
    world.tick()
    world.stop()
    assert receiver.paths[-1] == f"/ping/abc?create=1&rid={rid(RUN)}"
