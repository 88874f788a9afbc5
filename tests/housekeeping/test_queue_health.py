"""The shipped job that reports on the tasks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from octojobs.core.durations import InvalidDuration
from octojobs.housekeeping.queue import Unhealthy, queue_health
from tests.helpers import make_repository, write
from tests.housekeeping.context import context, queue_of


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository."""
    return make_repository(tmp_path, {"README.md": "hello\n"})


def test_no_tasks_are_no_problem(repo: Path) -> None:
    """Nothing is counted."""
    report = queue_health(context(repo), on_problem="fail")
    assert (report["states"], report["oldest"], report["problems"]) == ({}, None, [])


def test_tasks_are_counted_and_what_is_old_stuck_or_gone_is_named(repo: Path) -> None:
    """Each with a line for a person."""
    world = queue_of(repo)
    stuck = world.enqueue("stuck").task.id
    world.claim("bob")
    old, gone = world.enqueue("old").task.id, world.enqueue("gone").task.id
    (world.folder / f"incoming/{gone}.md").unlink()
    write(world.folder / "incoming/torn.md", "---\ntitle: [\n")
    report = queue_health(context(repo), max_age="1h", max_claimed="1h")
    assert report["states"] == {"incoming": 2, "claimed": 1}
    assert {key: report[key] for key in ("stuck", "expired", "missing")} == {"stuck": [stuck], "expired": [stuck], "missing": [gone]}
    assert (old in report["old"], len(report["unreadable"])) == (True, 1)
    assert f"task {stuck} is claimed, and its lease has ended" in report["problems"]
    assert f"task {gone} has no file any more" in report["problems"]
    assert world.there()["claimed"] == [f"{stuck}.md"], "a report changes nothing"


def test_prerequisites_that_are_not_there_and_rings_are_found(repo: Path) -> None:
    """Such tasks wait for ever."""
    world = queue_of(repo)
    for name, waits in {"a": "b", "b": "c", "c": "a", "d": "a", "e": "nowhere"}.items():
        write(world.folder / f"incoming/{name}.md", f"---\ntitle: {name}\nblocked_by: [{waits}]\n---\n")
    report = queue_health(context(repo), max_age="9999d")
    assert (report["cycles"], report["blocked_by_missing"]) == ([["a", "b", "c"]], {"e": ["nowhere"]})
    assert report["problems"] == [
        "task e waits for nowhere, and there is no such task",
        "tasks a → b → c → a wait for one another",
    ]


def test_a_cap_is_told_before_it_is_met(repo: Path) -> None:
    """At 80 % of it, unless the job says otherwise."""
    world = queue_of(repo)
    for title in "abcd":
        world.enqueue(title)
    report = queue_health(context(repo, max_open=5, queue_limits={"incoming": 9}), max_age="9999d")
    assert report["caps"] == [{"cap": "max_open", "count": 4, "limit": 5}]
    assert report["problems"] == ["4 tasks, and tasks.max_open is 5"]
    assert queue_health(context(repo, max_open=5), max_age="9999d", cap_percent=90)["caps"] == []


def test_with_problems_it_fails_or_enqueues_where_it_is_told_to(repo: Path) -> None:
    """One task a day; never in a dry run."""
    world = queue_of(repo)
    old = world.enqueue("old").task.id
    with pytest.raises(Unhealthy, match=f"task {old} waits to be claimed for too long"):
        queue_health(context(repo), on_problem="fail", max_age="1h")
    assert queue_health(context(repo), on_problem="fail", dry_run=True, max_age="1h")["problems"]
    first = queue_health(context(repo), on_problem="enqueue", max_age="1h")
    again = queue_health(context(repo), on_problem="enqueue", max_age="1h")
    assert first["enqueued"] == again["enqueued"]
    world.now += timedelta(days=3)
    assert len(world.there()["incoming"]) == 2


def test_arguments_that_are_none_are_refused(repo: Path) -> None:
    """Before anything is looked at."""
    with pytest.raises(ValueError, match="args: on_problem: 'shout' is none of report, fail, enqueue"):
        queue_health(context(repo), on_problem="shout")
    with pytest.raises(InvalidDuration):
        queue_health(context(repo), max_age="soon")
