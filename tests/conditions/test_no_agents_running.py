"""no_agents_running sees an agent in each of the places that the reference names, and never takes "can't tell" for "none"."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition, Not, Status
from octojobs.facts import processes
from octojobs.platform import boot_id, start_ticks
from tests.facts.world import (
    clock,
    context_of,
    context_of_folder,
    dead_pid,
    entry,
    expect,
    flock_holder,
    list_pids,
    now,
    process_in,
    soon,
    verdict_of,
)
from tests.helpers import git, wait_until, write

GUARD = "no_agents_running"
NONE_SEEN = "no agent seen in 5 places: leases, octopoid's pids, octopoid's scheduler lock, worktrees, sentinels"


def add_worktree(repo: Path, place: str) -> Path:
    """A linked worktree on a branch of its own."""
    git(repo, "worktree", "add", "--quiet", "-b", place.replace("/", "-").strip("."), place)
    return (repo / place).resolve()


def test_a_repository_without_any_sign_of_agents_passes(repo: Path) -> None:
    """Missing files and folders mean that nobody is there."""
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


def test_a_live_pid_in_octopoids_list_is_a_running_agent(repo: Path) -> None:
    """The evidence names the agent, its pid, its task and since when it runs, in the job's zone."""
    with process_in(repo) as pid:
        at = soon()
        list_pids(repo, {str(pid): entry(at)})
        context = context_of(repo)
        expect(context, GUARD, Status.FAILED, f"implementer-1, pid {pid}, task 7e0e8c52, since {clock(at)}")
        expect(context, Not(Condition(GUARD)), Status.PASSED, f"implementer-1, pid {pid}, task 7e0e8c52, since {clock(at)}")


def test_the_time_is_shown_in_the_jobs_zone_and_with_its_date_when_it_is_another_day(repo: Path) -> None:
    """`since 13:40` is a time on the wall of the job's people."""
    with process_in(repo) as pid:
        at = datetime(2100, 1, 10, 12, 40, tzinfo=UTC)  # ahead of the process's start, as a record is
        list_pids(repo, {str(pid): entry(at)})
        same_day, later = context_of(repo, at + timedelta(hours=1)), context_of(repo, at + timedelta(days=1))
        expect(same_day, GUARD, Status.FAILED, f"implementer-1, pid {pid}, task 7e0e8c52, since 13:40", "Europe/Berlin")
        expect(later, GUARD, Status.FAILED, f"implementer-1, pid {pid}, task 7e0e8c52, since 2100-01-10 13:40", "Europe/Berlin")


def test_a_dead_pid_that_is_still_listed_runs_no_more(repo: Path) -> None:
    """Its result waits to be taken in: that is agents_quiescent's business."""
    list_pids(repo, {str(dead_pid()): entry(now())})
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


def test_a_zombie_runs_no_more(repo: Path) -> None:
    """A process that has ended and that its parent has not waited for is listed by the kernel, and does nothing."""
    process = subprocess.Popen(["true"])
    try:
        wait_until(lambda: start_ticks(process.pid) is None, what="the process to end")
        list_pids(repo, {str(process.pid): entry(soon())})
        expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)
    finally:
        process.wait()


def test_a_process_younger_than_its_record_is_another_process(repo: Path) -> None:
    """After a crash and a reboot the pid belongs to somebody else."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): entry(now() - timedelta(hours=1))})
        expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


def test_a_record_without_an_instant_or_a_zone_cannot_disown_a_live_pid(repo: Path) -> None:
    """Old versions of octopoid wrote local times: a live pid counts then."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): {"task_id": "t1", "started_at": "2020-01-01T00:00:00", "instance_name": "a-1"}})
        expect(context_of(repo), GUARD, Status.FAILED, f"a-1, pid {pid}, task t1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"48213": {"task_id": "7e', "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[]", "is not a mapping of pids"),
        ("null", "holds null"),
        ('{"x": {}}', ": 'x' is not a pid"),
        ('{"0": {}}', ": '0' is not a pid"),
        ('{"99999999999": {}}', ": '99999999999' is not a pid"),
        ('{"4": 1}', ": pid 4 is listed without its task"),
    ],
)
def test_a_torn_list_is_unknown(repo: Path, text: str, why: str) -> None:
    """A file that can't be read never means "no agents"."""
    path = list_pids(repo, text).relative_to(repo)
    joint = "" if why.startswith(":") else " "
    expect(context_of(repo), GUARD, Status.UNKNOWN, f"can't tell whether an agent runs: {path}{joint}{why}")


def test_an_agent_that_is_seen_counts_although_another_list_is_torn(repo: Path) -> None:
    """One agent at work is enough to know."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): entry(soon())})
        list_pids(repo, "{", agent="gatekeeper")
        assert verdict_of(context_of(repo), GUARD).status is Status.FAILED


def test_a_folder_that_cannot_be_listed_is_unknown(repo: Path) -> None:
    """A link in a circle stands in for every folder that the system won't open."""
    runtime = repo / ".octopoid/runtime"
    runtime.mkdir(parents=True)
    (runtime / "agents").symlink_to("agents")
    found = verdict_of(context_of(repo), GUARD)
    assert found.status is Status.UNKNOWN
    assert found.evidence.endswith("/.octopoid/runtime/agents can't be read: too many levels of symbolic links")


def test_a_held_scheduler_lock_is_a_running_agent(repo: Path) -> None:
    """While octopoid's scheduler holds its lock it may be starting agents."""
    lock = write(repo / ".octopoid/runtime/scheduler.lock", "")
    with flock_holder(lock):
        expect(context_of(repo), GUARD, Status.FAILED, "octopoid's scheduler, which holds its lock")
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


def test_probing_the_scheduler_lock_never_makes_it(repo: Path) -> None:
    """Another program's files are read, not written."""
    (repo / ".octopoid/runtime").mkdir(parents=True)
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)
    assert list((repo / ".octopoid/runtime").iterdir()) == []


def test_an_agents_worktree_that_git_holds_locked_is_a_running_agent(repo: Path) -> None:
    """`git worktree lock` says that somebody is there, and why."""
    add_worktree(repo, ".octopoid/worktrees/fix")
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)
    git(repo, "worktree", "lock", "--reason", "claude at work", ".octopoid/worktrees/fix")
    expect(context_of(repo), GUARD, Status.FAILED, "worktree .octopoid/worktrees/fix (locked by git: claude at work)")


def test_a_locked_worktree_elsewhere_is_no_agent(repo: Path) -> None:
    """People lock worktrees that lie on a stick; the patterns in octojobs.yaml say which worktrees are agents'."""
    add_worktree(repo, "elsewhere/fix")
    git(repo, "worktree", "lock", "elsewhere/fix")
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)
    settings = Settings(agent_worktrees=("elsewhere/*",))
    expect(context_of(repo, settings=settings), GUARD, Status.FAILED, "worktree elsewhere/fix (locked by git)")


@pytest.mark.parametrize(
    "place",
    [
        ".octopoid/runtime/tasks/t1/worktree",
        ".octopoid/worktrees/t1",
        ".orchestrator/agents/a1/worktree",
        ".orchestrator/tasks/t1/worktree",
    ],
)
def test_a_process_with_its_working_folder_in_an_agents_worktree_is_a_running_agent(repo: Path, place: str) -> None:
    """Each of the default patterns; deeper folders count too."""
    tree = add_worktree(repo, place)
    (tree / "src").mkdir()
    with process_in(tree / "src") as pid:
        context = context_of(repo)
        since = clock(processes.started_at(pid) or now())
        expect(context, GUARD, Status.FAILED, f"worktree {place} (sleep), pid {pid}, since {since}")


def test_several_processes_in_one_worktree_are_one_agent(repo: Path) -> None:
    """An agent and the tools it has started are named once."""
    tree = add_worktree(repo, ".octopoid/worktrees/t1")
    with process_in(tree), process_in(tree):
        evidence = verdict_of(context_of(repo), GUARD).evidence
    assert evidence.startswith("worktree .octopoid/worktrees/t1 (sleep and 1 more), pid ")
    assert ";" not in evidence


def test_an_agent_that_two_places_show_is_named_once(repo: Path) -> None:
    """Octopoid's list knows its name, the worktree only its process."""
    tree = add_worktree(repo, ".octopoid/worktrees/t1")
    with process_in(tree) as pid:
        at = soon()
        list_pids(repo, {str(pid): entry(at)})
        expect(context_of(repo), GUARD, Status.FAILED, f"implementer-1, pid {pid}, task 7e0e8c52, since {clock(at)}")


def test_a_job_of_ours_in_an_agents_worktree_is_no_agent(repo: Path) -> None:
    """The engine names the sessions of its own runs."""
    tree = add_worktree(repo, ".octopoid/worktrees/t1")
    with process_in(tree) as pid:
        expect(context_of(repo, own_sessions=frozenset({pid})), GUARD, Status.PASSED, NONE_SEEN)


def test_octojobs_itself_in_an_agents_worktree_is_no_agent(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`octojobs tick` may be called from anywhere."""
    monkeypatch.chdir(add_worktree(repo, ".octopoid/worktrees/t1"))
    expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


@pytest.mark.parametrize("place", [".", ".octopoid/worktrees/t1", "elsewhere/t1"])
def test_a_sentinel_of_agent_queue_is_a_running_agent(repo: Path, place: str) -> None:
    """In the main worktree, in an agents' worktree and in any other linked one."""
    if place != ".":
        add_worktree(repo, place)
    path = write(repo / place / ".agent-queue-lock", "task-9\nagent-2\n")
    since = clock(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    expect(context_of(repo), GUARD, Status.FAILED, f"agent-2 ({path.relative_to(repo)}), task task-9, since {since}")


def lease(repo: Path, name: str = "one", **fields: Any) -> None:
    """A lease in the state folder."""
    write(repo / f".git/octojobs/leases/{name}.json", json.dumps({"v": 1, **fields}))


def test_a_lease_of_a_live_process_is_a_running_agent(repo: Path) -> None:
    """Whatever its term says: a suspended machine lets terms pass."""
    with process_in(repo) as pid:
        who: dict[str, Any] = {"pid": pid, "start_ticks": start_ticks(pid), "boot_id": boot_id()}
        lease(repo, holder="reviewer", task="t3", until="2020-01-01T00:00:00Z", **who)
        expect(context_of(repo), GUARD, Status.FAILED, f"reviewer, pid {pid}, task t3")
        lease(repo, holder="reviewer", **{**who, "start_ticks": 1})
        expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)
        lease(repo, holder="reviewer", **{**who, "boot_id": "another boot"})
        expect(context_of(repo), GUARD, Status.PASSED, NONE_SEEN)


def test_a_lease_of_a_run_of_ours_shows_no_agent(repo: Path) -> None:
    """A job that holds something is a job."""
    with process_in(repo) as pid:
        lease(repo, holder="sweep@20261120T100000Z", name="tidy", pid=pid, start_ticks=start_ticks(pid), boot_id=boot_id())
        assert verdict_of(context_of(repo), GUARD).status is Status.FAILED
        expect(context_of(repo, own_sessions=frozenset({pid})), GUARD, Status.PASSED, NONE_SEEN)


def test_a_lease_without_a_process_holds_until_its_term_ends(repo: Path) -> None:
    """Its holder may be on another machine."""
    at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    lease(repo, holder="reviewer", until="2026-11-20T12:00:00Z", since="2026-11-20T11:30:00Z")
    expect(context_of(repo, at - timedelta(seconds=1)), GUARD, Status.FAILED, "reviewer, since 11:30")
    expect(context_of(repo, at), GUARD, Status.PASSED, NONE_SEEN)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "names no holder"),
        ({"holder": "a"}, "names neither a process nor a term"),
        ({"holder": "a", "pid": 4}, "names a process without all of pid, start_ticks and boot_id"),
        ({"holder": "a", "until": "soon"}, "has no instant in until: 'soon' is not an RFC 3339 instant"),
        ({"holder": "a", "v": 2}, "is of format 2, and this version knows 1"),
        ({"holder": "a", "until": "2100-01-01T00:00:00Z", "task": 7}, "holds a task that is no text"),
        ({"holder": "a", "until": "2100-01-01T00:00:00Z", "paths": "src"}, "holds paths that are no list of texts"),
        ({"holder": "a", "pid": 4, "start_ticks": 1, "boot_id": ""}, ""),
    ],
)
def test_a_lease_that_cannot_be_understood_is_unknown(repo: Path, fields: dict[str, Any], why: str) -> None:
    """Never "nobody holds it"."""
    lease(repo, **fields)
    text = f"lease one.json {why}" if why else "whether process 4 of lease one.json is alive can't be told"
    expect(context_of(repo), GUARD, Status.UNKNOWN, f"can't tell whether an agent runs: {text}")


def test_many_agents_are_named_up_to_five_and_counted(repo: Path) -> None:
    """Evidence is a line, not a page."""
    for number in range(7):
        lease(repo, f"l{number}", holder=f"agent-{number}", until="2100-01-01T00:00:00Z")
    expect(context_of(repo), GUARD, Status.FAILED, "agent-0; agent-1; agent-2; agent-3; agent-4; and 2 more")


def test_names_from_files_cannot_forge_evidence(repo: Path) -> None:
    """Control characters and new lines in another program's file are shown, not obeyed."""
    with process_in(repo) as pid:
        list_pids(repo, {str(pid): {"task_id": "t\n1", "instance_name": "a\x1b[2J\nFAKE"}})
        expect(context_of(repo), GUARD, Status.FAILED, f"a\\x1b[2J FAKE, pid {pid}, task t 1")


def test_outside_git_the_files_still_count(tmp_path: Path) -> None:
    """The Python API runs jobs in a folder that is no repository."""
    expect(context_of_folder(tmp_path), GUARD, Status.PASSED, NONE_SEEN)
    list_pids(tmp_path, {str(os.getpid()): entry(soon(), name="me")})
    assert verdict_of(context_of_folder(tmp_path), GUARD).status is Status.FAILED
