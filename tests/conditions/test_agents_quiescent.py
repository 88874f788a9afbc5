"""agents_quiescent also waits for the results of agents that have ended."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from octojobs.core.guards import Status
from tests.facts.world import clock, context_of, dead_pid, entry, expect, flock_holder, list_pids, now, process_in, soon, verdict_of
from tests.helpers import write

GUARD = "agents_quiescent"


def test_nothing_running_and_nothing_left_to_handle_passes(repo: Path) -> None:
    """An empty list is what octopoid leaves when all is done."""
    list_pids(repo, {})
    assert verdict_of(context_of(repo), GUARD).status is Status.PASSED


def test_a_dead_pid_that_is_still_listed_is_not_quiescent(repo: Path) -> None:
    """Its result has not been taken in."""
    pid, at = dead_pid(), now() - timedelta(minutes=5)
    list_pids(repo, {str(pid): entry(at)})
    words = f"ended, the result not taken in yet: implementer-1, pid {pid}, task 7e0e8c52, since {clock(at)}"
    expect(context_of(repo), GUARD, Status.FAILED, words)


def test_a_recycled_pid_is_not_quiescent(repo: Path) -> None:
    """The recorded agent is gone, whoever has its pid now."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): entry(now() - timedelta(hours=1))})
        assert verdict_of(context_of(repo), GUARD).status is Status.FAILED


def test_a_lease_that_nobody_holds_any_more_is_not_quiescent(repo: Path) -> None:
    """Whoever expires leases looks for the result first."""
    write(repo / ".git/octojobs/leases/one.json", json.dumps({"holder": "reviewer", "until": "2020-01-01T00:00:00Z"}))
    expect(context_of(repo), GUARD, Status.FAILED, "ended, the result not taken in yet: reviewer")


def test_a_running_agent_and_a_held_scheduler_lock_are_not_quiescent(repo: Path) -> None:
    """What fails no_agents_running fails this guard too."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): entry(soon())})
        assert verdict_of(context_of(repo), GUARD).status is Status.FAILED
    list_pids(repo, {})
    with flock_holder(write(repo / ".octopoid/runtime/scheduler.lock", "")):
        expect(context_of(repo), GUARD, Status.FAILED, "octopoid's scheduler, which holds its lock")


def test_a_torn_list_is_unknown(repo: Path) -> None:
    """As for no_agents_running."""
    path = list_pids(repo, "{").relative_to(repo)
    expect(context_of(repo), GUARD, Status.UNKNOWN, f"can't tell whether an agent runs: {path} is not valid JSON")
