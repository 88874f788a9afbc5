"""Agents of older versions of octopoid are seen where those kept them: one state.json each, and all of it in .orchestrator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.guards import Status
from tests.facts.world import context_of, dead_pid, entry, expect, flock_holder, list_pids, process_in, soon, verdict_of
from tests.helpers import write

GUARD = "no_agents_running"
FOLDERS = (".octopoid/runtime/agents", ".orchestrator/agents", ".orchestrator/runtime/agents")
IDLE: dict[str, Any] = {
    "running": False,
    "pid": None,
    "last_started": None,
    "last_finished": None,
    "total_runs": 0,
    "current_task": None,
    "extra": {},
}


def state(repo: Path, folder: str = FOLDERS[1], **said: Any) -> Path:
    """An agent's state.json as those versions wrote it."""
    return write(repo / folder / "implementer-1/state.json", json.dumps({**IDLE, **said}, indent=2))


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_agent_that_runs_is_seen_by_its_state(repo: Path, folder: str) -> None:
    """Its instants are local times without a zone: they are not shown, and disown no live process."""
    with process_in(repo) as pid:
        state(repo, folder, running=True, pid=pid, last_started="2020-01-01T09:00:00", current_task="7e0e8c52")
        expect(context_of(repo), GUARD, Status.FAILED, f"implementer-1, pid {pid}, task 7e0e8c52")


def test_an_agent_that_does_not_run_is_none(repo: Path) -> None:
    """Also while its last pid belongs to somebody else."""
    with process_in(repo) as pid:
        state(repo, pid=pid)
        assert verdict_of(context_of(repo), GUARD).status is Status.PASSED
        assert verdict_of(context_of(repo), "agents_quiescent").status is Status.PASSED


def test_an_agent_that_ended_unnoticed_runs_no_more_and_is_not_quiescent(repo: Path) -> None:
    """Nobody has written down yet that it ended."""
    pid = dead_pid()
    state(repo, running=True, pid=pid, current_task="7e0e8c52")
    assert verdict_of(context_of(repo), GUARD).status is Status.PASSED
    words = f"ended, the result not taken in yet: implementer-1, pid {pid}, task 7e0e8c52"
    expect(context_of(repo), "agents_quiescent", Status.FAILED, words)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"running": tr', " is not valid JSON"),
        ("[]", " does not say whether the agent runs"),
        ('{"running": "yes"}', " does not say whether the agent runs"),
        ('{"running": true}', ": the agent runs, and its pid is not told"),
        ('{"running": true, "pid": -1}', ": the agent runs, and its pid is not told"),
        ('{"running": true, "pid": true}', ": the agent runs, and its pid is not told"),
    ],
)
def test_a_state_that_cannot_be_understood_is_unknown(repo: Path, text: str, why: str) -> None:
    """Never "does not run"."""
    path = write(repo / FOLDERS[1] / "a/state.json", text)
    expect(context_of(repo), GUARD, Status.UNKNOWN, f"can't tell whether an agent runs: {path.relative_to(repo)}{why}")


def test_a_list_of_pids_is_believed_rather_than_the_state_beside_it(repo: Path) -> None:
    """Versions with a list leave what older ones wrote."""
    with process_in(repo) as pid:
        state(repo, FOLDERS[0], running=True, pid=pid)
        list_pids(repo, {}, agent="implementer-1")
        assert verdict_of(context_of(repo), GUARD).status is Status.PASSED


def test_a_list_of_pids_in_the_older_folder_counts(repo: Path) -> None:
    """The same file, where everything was once."""
    with process_in(repo) as pid:
        write(repo / ".orchestrator/agents/implementer/running_pids.json", json.dumps({str(pid): entry(soon())}))
        assert verdict_of(context_of(repo), GUARD).evidence.startswith(f"implementer-1, pid {pid}, task 7e0e8c52, since ")


@pytest.mark.parametrize("lock", [".orchestrator/scheduler.lock", ".orchestrator/runtime/scheduler.lock"])
def test_a_held_lock_of_the_older_scheduler_is_a_running_agent(repo: Path, lock: str) -> None:
    """It may be starting agents."""
    with flock_holder(write(repo / lock, "")):
        expect(context_of(repo), GUARD, Status.FAILED, "octopoid's scheduler, which holds its lock")
    assert verdict_of(context_of(repo), GUARD).status is Status.PASSED


def test_the_older_pause_pauses(repo: Path) -> None:
    """A file, or the word in agents.yaml."""
    agents = write(repo / ".orchestrator/agents.yaml", "paused: true\nagents: []\n")
    expect(context_of(repo), "not_paused", Status.FAILED, "paused by paused: true in .orchestrator/agents.yaml")
    agents.write_text("paused: perhaps\n")
    words = ".orchestrator/agents.yaml: paused: 'perhaps' is neither true nor false"
    expect(context_of(repo), "not_paused", Status.UNKNOWN, words)
    write(repo / ".orchestrator/PAUSE", "")
    expect(context_of(repo), "not_paused", Status.FAILED, "paused by .orchestrator/PAUSE")
