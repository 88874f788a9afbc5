"""A run that meets a rate limit waits for its end, and so do the runs of all agents of that provider."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.agents.world import AGENT, AGENT_FILE, Agents
from tests.core.oracle import at
from tests.helpers import commit_files, octojobs, start_octojobs, wait_until

HOUR = "do:limit 3600"


@contextmanager
def daemon(agents: Agents) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon for the repository, ended with the block if the block has not done so."""
    process = start_octojobs(agents.repo, "up")
    try:
        wait_until(lambda: status(agents)["daemon"], what="the daemon")
        yield process
    finally:
        process.terminate()
        process.wait()


def status(agents: Agents) -> dict[str, Any]:
    """What `status --json` says."""
    found: dict[str, Any] = json.loads(octojobs(agents.repo, "status", "--json").stdout)
    return found


def runs(agents: Agents, job: str) -> list[dict[str, Any]]:
    """The runs of a job, the newest first."""
    found: list[dict[str, Any]] = json.loads(octojobs(agents.repo, "runs", job, "--json").stdout)["runs"]
    return found


def two(agents: Agents, first: str, **files: str) -> None:
    """Commit a job `ask` with this prompt, and another one of the same agent."""
    jobs = {name: {"manual": True, "agent": "mine", "prompt": prompt} for name, prompt in (("ask", first), ("other", "do:result"))}
    commit_files(agents.repo, {".octopoid/jobs.yaml": json.dumps({"jobs": jobs}), **files})


def test_a_run_that_met_a_limit_waits_for_the_end_that_was_told(agents: Agents) -> None:
    """It is no failure: the attempt gives back its worktree and its place, and the run stays open."""
    agents.declare(HOUR)
    said = octojobs(agents.repo, "run-now", "ask")
    run = agents.last()
    limit = f"anthropic's rate limit until {run['not_before']} (met by {run['id']})"
    assert (said.returncode, run["phase"], run["outcome"], run["attempt"]) == (1, "retrying", None, 2)
    assert f"octojobs: {run['id']} waits: {limit}; the next daemon or tick goes on with it\n" in said.stderr
    (attempt,) = run["attempts"]
    assert (attempt["exit_code"], attempt["limited_until"], attempt["usage"]["cost_usd"]) == (75, run["not_before"], 0.5)
    assert agents.worktrees() == []
    view = status(agents)
    assert view["limits"] == [{"provider": "anthropic", "until": run["not_before"], "since": view["limits"][0]["since"], "run": run["id"]}]
    assert (view["problems"], [pool["running"] for pool in view["pools"]]) == ([], [0] * len(view["pools"]))


def test_who_waits_is_told_in_words(agents: Agents) -> None:
    """`why`, `status`, `next` and `agent list`, of the run that met it and of any other of that provider."""
    two(agents, HOUR)
    octojobs(agents.repo, "run-now", "ask")
    met = agents.last()
    until = met["not_before"]
    said = octojobs(agents.repo, "run-now", "other")
    (other,) = runs(agents, "other")
    limit = f"anthropic's rate limit until {until} (met by {met['id']})"
    assert f"{other['id']} waits: {limit}" in said.stderr
    why = octojobs(agents.repo, "why", "ask").stdout
    assert "Attempt 1 started at " in why
    assert f"and met a rate limit at {met['attempts'][0]['ended_at'][:19]}Z (anthropic's rate limit, until {until})." in why
    assert f"It waits for attempt 2, at {until}: anthropic's rate limit, until {until}." in why
    assert f"Now: anthropic has a rate limit until {until}, met by {met['id']}; no run of its agents starts before." in why
    assert f"Now: {other['id']} waits: queued: {limit}." in octojobs(agents.repo, "why", "other").stdout
    shown = octojobs(agents.repo, "status").stdout
    assert f"rate limits\n  anthropic until {until}, met by {met['id']}\n" in shown
    assert f"{other['id']}  queued  queued: {limit}" in shown
    assert [view["limit"]["until"] for view in json.loads(octojobs(agents.repo, "next", "--json").stdout)["jobs"]] == [until, until]
    assert f"rate limit until {until}" in octojobs(agents.repo, "agent", "list").stdout


def test_a_deferred_run_goes_on_by_itself_and_survives_a_killed_daemon(agents: Agents) -> None:
    """Its place, its time and the limit are in the record; the other one follows when the limit has ended."""
    two(agents, "do:limit 4 1\ndo:result")
    with daemon(agents) as first:
        octojobs(agents.repo, "run-now", "ask")
        wait_until(lambda: agents.last()["attempts"], what="the limit")
        octojobs(agents.repo, "run-now", "other")
        first.send_signal(signal.SIGKILL)
        first.wait()
    with daemon(agents):
        wait_until(lambda: agents.last()["outcome"] and runs(agents, "other")[0]["outcome"], what="both ends")
    run, (other,) = agents.last(), runs(agents, "other")
    assert (run["outcome"], other["outcome"]) == ("succeeded", "succeeded")
    assert [(one["outcome"], one["exit_code"]) for one in run["attempts"]] == [("failed", 75), ("succeeded", 0)]
    until = at(run["attempts"][0]["limited_until"])
    assert until <= at(run["attempts"][1]["started_at"])
    assert until <= at(other["attempts"][0]["started_at"])
    assert len(runs(agents, "ask")) == len(runs(agents, "other")) == 1
    assert status(agents)["limits"] == []


def test_a_tick_goes_on_with_it_when_the_limit_has_ended(agents: Agents) -> None:
    """A pass does not wait for hours, and neither does it lose anything."""
    agents.declare("do:limit 2 1\ndo:result")
    octojobs(agents.repo, "run-now", "ask")
    wait_until(lambda: octojobs(agents.repo, "tick").returncode == 0 and agents.last()["outcome"], what="the end of the limit")
    assert agents.last()["outcome"] == "succeeded"
    assert len(runs(agents, "ask")) == 1


def test_a_tick_does_not_wait_for_a_limit(agents: Agents) -> None:
    """Nor for a run whose own time has come while another limit holds it."""
    two(agents, HOUR)
    octojobs(agents.repo, "run-now", "ask")
    octojobs(agents.repo, "run-now", "other")
    assert octojobs(agents.repo, "up", "--once", timeout=30).returncode == 0
    assert [run["outcome"] for run in (agents.last(), *runs(agents, "other"))] == [None, None]


def test_a_deferred_run_can_be_cancelled(agents: Agents) -> None:
    """It ends at once, for nothing of it runs."""
    agents.ask(HOUR)
    assert octojobs(agents.repo, "cancel", "ask").returncode == 0
    assert agents.last()["outcome"] == "cancelled"


def test_a_forced_run_shows_that_a_limit_is_over(agents: Agents) -> None:
    """Another account, say: when it succeeds, everybody goes on."""
    two(agents, HOUR)
    octojobs(agents.repo, "run-now", "ask")
    octojobs(agents.repo, "cancel", "ask")
    assert octojobs(agents.repo, "run-now", "other", "--force").returncode == 0
    assert status(agents)["limits"] == []


@pytest.mark.parametrize(("mine", "starts"), [("provider: elsewhere\n", True), ("provider: anthropic\n", False)])
def test_an_agent_may_say_whose_limits_it_meets(agents: Agents, mine: str, starts: bool) -> None:
    """The shipped profiles know theirs."""
    two(agents, HOUR, **{AGENT_FILE: AGENT + mine, ".octopoid/agents/claude2/agent.yaml": AGENT})
    octojobs(agents.repo, "run-now", "ask")
    jobs = {"other": {"manual": True, "agent": "claude2", "prompt": "do:result"}}
    commit_files(agents.repo, {".octopoid/jobs.yaml": json.dumps({"jobs": jobs})})
    octojobs(agents.repo, "run-now", "other")
    assert (runs(agents, "other")[0]["outcome"] == "succeeded") is starts


def test_what_a_run_holds_is_free_while_it_waits(agents: Agents) -> None:
    """Somebody else may use the name meanwhile."""
    agents.declare(HOUR, hold={"name": "deploy"})
    with daemon(agents):
        octojobs(agents.repo, "run-now", "ask")
        wait_until(lambda: agents.last()["attempts"], what="the limit")
        wait_until(lambda: octojobs(agents.repo, "lease", "take", "--name", "deploy", "--for", "1h").returncode == 0, what="the lease")
        assert agents.last()["phase"] == "retrying"
