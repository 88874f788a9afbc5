"""The shipped jobs that renew and settle leases: the living first, a result before the clock, and nothing in a dry run."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.lease import Lease
from octojobs.core.run import Process
from octojobs.flows.moving import result_file
from octojobs.housekeeping.leases import check_expired_leases, renew_leases
from octojobs.store.leases import Leases
from tests.facts.world import dead_pid
from tests.helpers import make_repository, write
from tests.housekeeping.context import NOW, context, queue_of

AN_AGE_S = 100 * 365 * 86_400


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository."""
    return make_repository(tmp_path, {"README.md": "hello\n"})


def ourselves() -> Process:
    """This very process, which is alive."""
    ticks = platform.start_ticks(os.getpid())
    assert ticks is not None
    return Process(os.getpid(), ticks, platform.boot_id())


def test_the_lease_of_a_live_process_is_renewed_and_never_expired(repo: Path) -> None:
    """However long ago it ended: renewal comes first."""
    world = queue_of(repo)
    task = world.enqueue("a")
    world.claim(process=ourselves())
    result = check_expired_leases(context(repo))
    assert ([one["task"] for one in result["renewed"]], result["settled"]) == ([task.task.id], [])
    assert world.there() == {"claimed": [f"{task.task.id}.md"]}
    assert renew_leases(context(repo)) == {"dry_run": False, "renewed": []}, "more than half of it is left"


def test_a_lease_that_ended_with_nobody_there_gives_the_task_back(repo: Path) -> None:
    """With the reason in the result and in the task."""
    world = queue_of(repo)
    task = world.enqueue("a")
    world.claim("bob")
    result = check_expired_leases(context(repo))
    reason = "the lease of bob ended, and there was no result"
    assert result["settled"] == [{"task": task.task.id, "state": "incoming", "reason": reason}]
    assert world.there() == {"incoming": [f"{task.task.id}.md"]}


def test_a_result_is_looked_for_before_a_lease_is_renewed_or_expired(repo: Path) -> None:
    """Work that was done is not done again, and its lease is not renewed although its process lives."""
    world = queue_of(repo)
    task = world.enqueue("a")
    world.claim("bob", process=ourselves())
    write(result_file(world.place.paths, task.task.id), json.dumps({"outcome": "done"}))
    result = check_expired_leases(context(repo))
    assert (result["renewed"], [one["state"] for one in result["settled"]]) == ([], ["done"])
    assert world.there() == {"done": [f"{task.task.id}.md"]}


def test_settings_of_the_run_decide_when_a_task_is_quarantined(repo: Path) -> None:
    """Those that the run was started with."""
    world = queue_of(repo)
    world.enqueue("a")
    world.claim("bob")
    assert check_expired_leases(context(repo, max_attempts=1))["settled"][0]["state"] == "quarantined"


def test_a_dry_run_tells_the_same_and_changes_nothing(repo: Path) -> None:
    """Neither tasks nor named leases."""
    world = queue_of(repo)
    task = world.enqueue("a")
    world.claim("bob")
    leases = Leases(world.place.paths, repo)
    leases.take(Lease("bob", name="deploy", until=NOW - timedelta(days=1)), NOW - timedelta(days=2))
    told = check_expired_leases(context(repo), dry_run=True)
    assert ([one["state"] for one in told["settled"]], [one["what"] for one in told["leases"]]) == (["incoming"], ["name deploy"])
    assert world.there() == {"claimed": [f"{task.task.id}.md"]}
    assert len(leases.all(NOW)) == 2
    done = check_expired_leases(context(repo))
    assert {**told, "dry_run": False} == done


def test_named_leases_of_the_dead_go_and_those_that_hold_or_are_unclear_stay(repo: Path) -> None:
    """A dead process or a term that has ended; not a live process, a term to come, or a file that can't be understood."""
    world = queue_of(repo)
    leases = Leases(world.place.paths, repo)
    long_ago, later = NOW - timedelta(days=9), NOW + timedelta(seconds=AN_AGE_S)
    leases.take(Lease("a", name="dead", process=Process(dead_pid(), 1, platform.boot_id())), NOW)
    leases.take(Lease("b", name="over", until=long_ago), NOW)
    leases.take(Lease("c", name="alive", process=ourselves(), until=long_ago), NOW)
    leases.take(Lease("d", name="term", until=later), NOW)
    write(world.place.paths.leases / "odd.json", "{")
    result = check_expired_leases(context(repo))
    assert {one["what"] for one in result["leases"]} == {"name dead", "name over"}
    assert {kept.lease.name if kept.lease else kept.name for kept in leases.all(NOW)} == {"alive", "term", "odd"}
