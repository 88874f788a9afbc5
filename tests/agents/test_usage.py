"""What agents have used: counted once for each attempt, kept with the history, and shown by day, job and agent."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from octojobs.agents.verdict import Verdict
from octojobs.config.agents import shipped
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import AgentAction, Job
from octojobs.core.run import Attempt, Cause, Outcome, Run, Usage
from octojobs.core.usage import Spent, by_day, summed
from octojobs.core.when import ManualWhen
from octojobs.runners.agent_usage import as_told, of_this_run
from octojobs.runners.sessions import Session
from octojobs.store.history import rows_in
from octojobs.store.paths import StatePaths
from octojobs.store.usage import used
from tests.agents.world import AGENT, AGENT_FILE, Agents
from tests.core.oracle import at
from tests.helpers import commit_files, octojobs, start_octojobs, wait_until

NOON = at("2026-11-20T12:00Z")
LATE = at("2026-11-20T23:30Z")
RUN = Run(
    RunId.of(JobId("ask"), NOON), Job(JobId("ask"), ManualWhen(), AgentAction("x"), timezone="Europe/Berlin"), NOON, Cause.MANUAL, NOON
)


def spent(job: str, day: str, number: int = 1, **told: float) -> Spent:
    """A line of the ledger."""
    return Spent(f"{job}@{day.replace('-', '')}T000000Z", number, JobId(job), at(f"{day}T12:00Z"), Usage("mine", day, **told))  # type: ignore[arg-type]  # whole numbers


# ----------------------------------------------------------------------------------------------------------------- what is counted


def test_what_a_program_tells_of_a_run_is_counted_as_it_is() -> None:
    """The session's own count is kept beside, for one that counts on."""
    verdict, now = of_this_run(Verdict("ok", input_tokens=10, cost_usd=0.5), Session("x", "s"), Session("x", "s", 7), cumulative=False)
    assert (verdict.input_tokens, verdict.cost_usd) == (10, 0.5)
    assert now == Session("x", "s", 10, cost_usd=0.5)


def test_of_a_session_that_counts_on_the_difference_is_counted() -> None:
    """Tokens, those from the cache, and dollars."""
    told = Verdict("ok", session="s", input_tokens=10, output_tokens=6, cached_tokens=4, cost_usd=1.5)
    verdict, now = of_this_run(told, Session("x", "s"), Session("x", "s", 7, 2, 4, 1.0), cumulative=True)
    assert (verdict.input_tokens, verdict.output_tokens, verdict.cached_tokens, verdict.cost_usd) == (3, 4, 0, 0.5)
    assert now == Session("x", "s", 10, 6, 4, 1.5)


def test_a_run_that_told_nothing_leaves_the_count_of_its_session() -> None:
    """The next one's difference has what it used: forgotten, all of the session would be counted again."""
    before = Session("x", "s", 7, 2)
    verdict, now = of_this_run(Verdict("rate_limited"), before, before, cumulative=True)
    assert (verdict.input_tokens, now) == (None, before)


@pytest.mark.parametrize("told", [Verdict("ok", session="other", input_tokens=9), Verdict("ok", session="s", input_tokens=5)])
def test_a_count_that_has_begun_anew_is_counted_whole(told: Verdict) -> None:
    """Of another session, or smaller than before."""
    verdict, _ = of_this_run(told, Session("x", "s"), Session("x", "s", 7), cumulative=True)
    assert verdict.input_tokens == told.input_tokens


def test_the_day_is_that_of_the_jobs_zone(tmp_path: Path) -> None:
    """Half past eleven in the evening in Greenwich is the next day in Berlin."""
    attempt = as_told(RUN, Attempt(1, Outcome.SUCCEEDED, NOON, LATE), tmp_path)
    assert attempt.usage == Usage("claude", "2026-11-21")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "1e300", '"7"', "true", "null", "[]"])
def test_a_number_that_is_none_is_not_recorded(tmp_path: Path, value: str) -> None:
    """The journal is JSON that every reader takes, and a sum stays one."""
    (tmp_path / "agent.json").write_text(f'{{"agent": "mine", "cost_usd": {value}, "input_tokens": {value}, "model": 3}}')
    usage = as_told(RUN, Attempt(1, Outcome.SUCCEEDED, NOON, NOON), tmp_path).usage
    assert usage == Usage("mine", "2026-11-20")


def test_sums_are_by_day_job_and_agent() -> None:
    """The newest day first; a retry is another attempt of one run, and an attempt that is seen twice counts once."""
    lines = [
        spent("b", "2026-11-20", input_tokens=1),
        spent("b", "2026-11-20", 2, input_tokens=2),
        spent("a", "2026-11-20"),
        spent("a", "2026-11-21"),
    ]
    found = by_day([*lines, *lines])
    assert [(day, job) for day, job, _ in found] == [("2026-11-21", "a"), ("2026-11-20", "a"), ("2026-11-20", "b")]
    assert [(one.runs, one.untold, one.input_tokens) for one in found.values()] == [(1, 1, None), (1, 1, None), (1, 0, 3)]
    assert summed([]).cost_usd is None


# ----------------------------------------------------------------------------------------------------------------------- the ledger


def test_each_run_of_an_agent_is_a_line_of_the_ledger(agents: Agents) -> None:
    """With the agent, its profile, the model that ran, tokens and cost; of the history, so no run that did not end is there."""
    run = agents.ask('do:result {"usage": {"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 2}}', timezone="Asia/Tokyo")
    (line,) = used(StatePaths(agents.state), None).spent
    assert (line.run, line.attempt, line.job) == (run["id"], 1, "ask")
    told = {
        "agent": "mine",
        "profile": "claude",
        "model": "fake-1",
        "input_tokens": 8,
        "cached_tokens": 5,
        "output_tokens": 2,
        "cost_usd": 0.5,
    }
    assert run["attempts"][0]["usage"] == {**told, "day": line.usage.day}
    assert run["result"]["cached_tokens"] == 5


def test_an_attempt_that_was_killed_is_a_line_that_tells_nothing(agents: Agents) -> None:
    """Its program was ended before it could say what it had used."""
    run = agents.ask("do:deaf\ndo:sleep", idle_timeout="1s", kill_grace="1s")
    assert run["outcome"] == "timed_out"
    view = json.loads(octojobs(agents.repo, "agent", "usage", "--json").stdout)
    assert [(one["runs"], one["untold"], one["input_tokens"]) for one in view["usage"]] == [(1, 1, None)]


def test_an_agent_that_is_asked_to_end_still_tells(agents: Agents) -> None:
    """What it had used by then is counted."""
    run = agents.ask("do:result\ndo:sleep", idle_timeout="5s", kill_grace="20s")
    assert (run["outcome"], run["attempts"][0]["usage"]["output_tokens"]) == ("timed_out", 2)


def test_a_daemon_that_is_killed_loses_no_line_and_doubles_none(agents: Agents) -> None:
    """The next one takes in what ended meanwhile; the history is made again from the journal."""
    agents.declare("do:write begun\ndo:result")
    for _ in range(2):
        daemon = start_octojobs(agents.repo, "up")
        wait_until(lambda: json.loads(octojobs(agents.repo, "status", "--json").stdout)["daemon"], what="the daemon")
        assert octojobs(agents.repo, "run-now", "ask").returncode == 0
        wait_until(lambda: any(agents.state.glob("runs/ask/*/1/agent.json")), what="the agent's word")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
    octojobs(agents.repo, "up", "--once")
    wait_until(lambda: octojobs(agents.repo, "up", "--once").returncode == 0 and agents.last()["outcome"], what="the end of all runs")
    lines = used(StatePaths(agents.state), None).spent
    assert len({line.run for line in lines}) == len(lines) == 2
    assert [line.usage.output_tokens for line in lines] == [2, 2]


def test_a_line_that_is_not_as_written_is_told(agents: Agents) -> None:
    """There may have been more: nothing that sums may keep silent about it."""
    agents.ask("do:result")
    (day,) = (agents.state / "history").iterdir()
    day.write_bytes(day.read_bytes().replace(b'"output_tokens":2', b'"output_tokens":1'))
    assert used(StatePaths(agents.state), None).problems == (f"history/{day.name}: 1 line is not as written",)
    said = octojobs(agents.repo, "agent", "usage")
    assert said.stderr == f"history/{day.name}: 1 line is not as written: there may have been more\nno agent has run yet\n"


def test_a_run_that_is_open_counts_once(agents: Agents) -> None:
    """A row of the history that was written meanwhile is the same attempt."""
    agents.ask("do:result")
    paths = StatePaths(agents.state)
    (line,) = used(paths, None).spent
    attempt = Attempt(1, Outcome.FAILED, NOON, line.at, usage=line.usage)
    run = replace(RUN, id=RunId(line.run), attempts=(attempt,))
    assert used(paths, None, [run]).spent == (line,)
    assert [one.attempt for one in used(paths, None, [replace(run, attempts=(attempt, replace(attempt, number=2)))]).spent] == [1, 2]


def test_a_command_uses_nothing(agents: Agents) -> None:
    """Its attempts have no such line, and are passed over."""
    agents.declare(None, agent=None, command="true")
    run = agents.run()
    assert run["attempts"][0]["usage"] is None
    (day,) = (agents.state / "history").iterdir()
    assert [row["attempts"][0]["usage"] for _, _, row in rows_in(day) if row] == [None]
    assert used(StatePaths(agents.state), None).spent == ()


# ------------------------------------------------------------------------------------------------------------------------ the verbs


def test_usage_is_shown_by_day_job_and_agent(agents: Agents) -> None:
    """One line each in a pipe; what is filtered out is not summed."""
    day = agents.ask("do:result")["attempts"][0]["usage"]["day"]
    agents.ask("do:exit 1")
    assert octojobs(agents.repo, "agent", "usage").stdout == f"{day}\task\tmine\t2\t3\t-\t2\t0.5000\t1 attempt told nothing\n"
    assert octojobs(agents.repo, "agent", "usage", "--job", "ask", "--agent", "mine", "--since", "1h").stdout
    assert octojobs(agents.repo, "agent", "usage", "--agent", "codex").stderr == "no agent has run like that\n"
    refused = octojobs(agents.repo, "agent", "usage", "--agent", "nobody")
    assert (refused.returncode, refused.stderr.partition(";")[0]) == (2, 'octojobs: there is no agent "nobody"')


def test_agents_are_listed_with_what_is_there_of_them(agents: Agents, tmp_path: Path) -> None:
    """A shipped program is asked for its version; the repository's own is looked for, and not started."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, says in (("codex", "codex-cli 0.171.0"), ("claude", "")):
        (programs / name).write_text(f"#!/bin/sh\necho '{says}'\ntouch {tmp_path}/asked-{name}\n")
        (programs / name).chmod(0o755)
    files = {".octopoid/agents/away/agent.yaml": "command: [no-such-program]\n", ".octopoid/agents/wrong/agent.yaml": "profile: nobody\n"}
    agents.declare("x", files={**files, AGENT_FILE: f"{AGENT}role: reviewer\n"})
    said = octojobs(agents.repo, "agent", "list", "--json", PATH=f"{programs}:/usr/bin:/bin")
    found = {view["agent"]: view for view in json.loads(said.stdout)["agents"]}
    assert list(found) == ["away", "mine", "wrong", *(name for name in shipped() if name != "generic")]
    assert (found["codex"]["version"], found["codex"]["found"], found["codex"]["file"]) == ("codex-cli 0.171.0", f"{programs}/codex", None)
    assert (found["mine"]["version"], found["mine"]["jobs"], found["mine"]["profile"]) == (None, ["ask"], "claude")
    assert (found["away"]["found"], found["away"]["program"]) == (None, "no-such-program")
    assert "there is no profile" in found["wrong"]["problem"]
    shown = octojobs(agents.repo, "agent", "list", PATH=f"{programs}:/usr/bin:/bin").stdout.splitlines()
    assert shown[0] == "away\tgeneric\tno-such-program\tnot there\t-\tagents"
    assert shown[list(found).index("codex")] == "codex\tcodex\tcodex\tcodex-cli 0.171.0\t-\tagents"


def test_both_say_in_json_what_the_schema_names(agents: Agents) -> None:
    """Key for key."""
    from tests.cli.test_tasks import check  # the schema is read when it is imported

    agents.ask("do:result")
    for verb in ("list", "usage"):
        check(f"agent_{verb}", json.loads(octojobs(agents.repo, "agent", verb, "--json").stdout))


def test_a_job_whose_budget_is_used_up_waits_and_says_so(agents: Agents) -> None:
    """Also in the pass in which the run has ended; with more budget, it goes on."""
    jobs: dict[str, dict[str, Any]] = {
        "ask": {"manual": True, "agent": "mine", "prompt": "do:result"},
        "then": {
            "on": {"job": {"ask": "succeeded"}},
            "agent": "mine",
            "prompt": "do:result",
            "conditions": [{"budget_left": {"usd": 0.5, "of": "agent"}}],
        },
    }
    commit_files(agents.repo, {".octopoid/jobs.yaml": json.dumps({"jobs": jobs})})
    octojobs(agents.repo, "tick")
    octojobs(agents.repo, "run-now", "ask")
    octojobs(agents.repo, "tick")
    (run,) = json.loads(octojobs(agents.repo, "runs", "then", "--json").stdout)["runs"]
    assert run["phase"] == "waiting"
    assert [one["evidence"].partition(";")[0] for one in run["conditions"]] == ["agent mine has used 0.50 of 0.50 USD since 00:00"]
    said = octojobs(agents.repo, "why", "then").stdout
    assert (
        "budget_left(of: agent, per: day, usd: 0.5) did not hold: agent mine has used 0.50 of 0.50 USD since 00:00; it comes back at "
        in said
    )
    jobs["then"]["conditions"] = [{"budget_left": {"usd": 1, "of": "agent"}}]
    commit_files(agents.repo, {".octopoid/jobs.yaml": json.dumps({"jobs": jobs})})
    octojobs(agents.repo, "cancel", "then")
    assert octojobs(agents.repo, "run-now", "then").returncode == 0


def test_the_budget_of_a_run_is_passed_on(agents: Agents) -> None:
    """As an argument, where the profile says how; the job's word before the agent's."""
    agents.declare("do:argv", max_budget_usd=0.25, files={AGENT_FILE: AGENT + "max_budget_usd: 3\n"})
    assert json.loads(agents.run()["result"]["text"])[-2:] == ["--max-budget-usd", "0.25"]
    agents.declare("do:argv")
    assert json.loads(agents.run()["result"]["text"])[-2:] == ["--max-budget-usd", "3"]
    agents.declare("do:argv", agent="codex", max_budget_usd=1)
    refused = octojobs(agents.repo, "validate")
    assert (refused.returncode, 'agent "codex" has no way to be told max_budget_usd' in refused.stdout) == (2, True)
