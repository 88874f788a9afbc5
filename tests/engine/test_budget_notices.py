"""That a budget is spent is told at once, once, and with when it comes back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Job, Notify, WhenBlocked
from octojobs.core.ledger import Row
from octojobs.core.run import Attempt, Cause, Outcome, Phase, Run, Usage
from octojobs.store.history import Entry
from tests.engine.world import World, at, job
from tests.helpers import wait_until

SETTINGS = Settings(channels={"ops": Channel("ops", file="told.jsonl")})
HOUR, DAY = 3600, 86400
TITLE = "ask has no budget left: due at 2026-11-20T10:00:00Z, and not started"
WORDS = "all agents have used 2.00 of 1.00 USD since 00:00; it comes back at 2026-11-21 00:00"


def ask(*on: str, per: str = "day", **fields: Any) -> Job:
    """A job that may start while less than a dollar was used."""
    guard = Condition("budget_left", {"usd": 1, "of": "all", "per": per})
    return job("ask", conditions=(guard,), notify=Notify(on, ("ops",)), **{"every": HOUR, **fields})


def use(world: World, when: datetime) -> None:
    """An agent has used two dollars: a line of the history."""
    used = Attempt(1, Outcome.SUCCEEDED, when, when, usage=Usage("mine", f"{when:%Y-%m-%d}", input_tokens=1, cost_usd=2.0))
    run = Run(RunId.of(JobId("other"), when), job("other"), when, Cause.MANUAL, when, attempts=(used,))
    entry = Entry(0, 0, Row(run.job, when, Outcome.SUCCEEDED, when, run=run))
    world.paths.history.mkdir(parents=True, exist_ok=True)
    (world.paths.history / entry.day).write_bytes(entry.line)


def told(world: World) -> list[dict[str, Any]]:
    """The messages, oldest first."""
    file = world.root / "told.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def hours(world: World, count: int) -> None:
    """So many pass, with the ticks of a daemon."""
    for _ in range(count):
        world.tick(HOUR - 30)
        world.drain()
        world.tick(30)
        world.drain()


def test_a_spent_budget_is_told_at_once_and_again_when_the_job_has_run(world: World) -> None:
    """With what was used of it and when it comes back; not with each of the instants that come to nothing until then."""
    use(world, at("2026-11-20T09:00:00Z"))
    world.declare(ask("budget", "blocked", "recovered"), settings=SETTINGS)
    world.tick()
    wait_until(lambda: told(world), what="the message")
    hours(world, 15)
    world.stop()
    first, second = told(world)
    assert (first["event"], first["status"], first["title"], first["body"]) == ("budget", "failed", TITLE, WORDS)
    assert (second["event"], second["scheduled_at"]) == ("recovered", "2026-11-21T00:00:00Z")


def test_an_instant_that_is_skipped_for_it_is_told_in_the_same_way(world: World) -> None:
    """And a restart tells it no second time."""
    use(world, at("2026-11-20T09:00:00Z"))
    world.declare(ask("budget", when_blocked=WhenBlocked.SKIP), settings=SETTINGS)
    world.tick()
    wait_until(lambda: told(world), what="the message")
    hours(world, 2)
    world.restart()
    hours(world, 2)
    world.stop()
    (message,) = told(world)
    assert (message["event"], message["title"], message["body"]) == ("budget", TITLE, WORDS)
    assert world.outcomes("ask")[:2] == ["skipped", "skipped"]


@pytest.mark.parametrize(("per", "days"), [("day", ["2026-11-20", "2026-11-21"]), ("month", ["2026-11-20"])])
def test_what_is_spent_on_the_next_day_is_told_anew(world: World, per: str, days: list[str]) -> None:
    """It is another budget; the one of a month is the same one until that ends."""
    use(world, at("2026-11-20T09:00:00Z"))
    use(world, at("2026-11-21T00:00:00Z"))
    world.declare(ask("budget", per=per), settings=SETTINGS)
    world.tick()
    wait_until(lambda: told(world), what="the message")
    hours(world, 26)
    world.stop()
    assert [message["at"][:10] for message in told(world)] == days


def test_the_verdict_of_yesterday_is_no_news_after_midnight(world: World) -> None:
    """The guard is asked again within half a minute: nobody is told meanwhile that the new day's budget is spent."""
    use(world, at("2026-11-20T09:00:00Z"))
    world.declare(ask("budget", every=2 * DAY), settings=SETTINGS)
    world.tick()
    wait_until(lambda: told(world), what="the message")
    world.tick(14 * HOUR - 10)
    world.tick(15)
    assert [run.phase for run in world.runs()] == [Phase.WAITING]
    world.tick(15)
    world.drain()
    world.stop()
    assert (len(told(world)), world.outcomes("ask")) == (1, ["succeeded"])
