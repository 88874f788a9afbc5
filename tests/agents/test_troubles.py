"""Every trouble that agents were seen to make, made by a program that is scripted: each ends in the right words, and none hangs."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.agents.world import AGENT, AGENT_FILE, FAKE, Agents

LIMIT = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795000000}}


def ended(agents: Agents, prompt: str, **fields: Any) -> tuple[str, int | None, str, str]:
    """Outcome and exit code of a run; status and error of its result."""
    run = agents.ask(prompt, **fields)
    return run["outcome"], run["exit_code"], run["result"]["status"], run["result"]["error"]


def test_a_limit_that_the_program_waits_out_in_silence_is_ended_and_called_one(agents: Agents) -> None:
    """By the idle limit; what it said before it fell silent tells why."""
    short = {"idle_timeout": "4s", "kill_grace": "5s"}
    assert ended(agents, "do:complain 429 Too Many Requests, retrying in 600 s\ndo:sleep", **short)[2] == "rate_limited"
    outcome, _, status, error = ended(agents, f"do:event {json.dumps(LIMIT)}\ndo:sleep", **short)
    assert (outcome, status, error) == ("timed_out", "rate_limited", "")
    assert agents.last()["result"]["retry_at"] == "2026-11-18T11:06:40Z"


def test_a_silence_that_nobody_explains_is_a_failure(agents: Agents) -> None:
    """Nothing is guessed."""
    outcome, _, status, error = ended(agents, "do:sleep", idle_timeout="4s", kill_grace="5s")
    assert (outcome, status, error) == ("timed_out", "failed", "it was asked to end")


def test_a_program_that_ignores_the_signal_is_killed_with_all_of_its_group(agents: Agents) -> None:
    """After the grace; no result is invented for it, and the next run takes in what it left."""
    run = agents.ask("do:deaf\ndo:write a.txt\ndo:sleep", idle_timeout="4s", kill_grace="1s")
    assert (run["outcome"], (run["result"] or {"status": "failed"})["status"]) == ("timed_out", "failed")
    agents.ask("do:result")
    assert "a.txt" in agents.patch(run).read_text()


def test_an_exit_code_that_nobody_expects_is_a_failure(agents: Agents) -> None:
    """145 is what one prints nothing else for; the words are those of its error stream."""
    assert ended(agents, "do:complain API key not valid\ndo:exit 145") == ("failed", 1, "failed", "API key not valid")
    assert ended(agents, "do:exit 145") == ("failed", 1, "failed", "it exited with code 145")


def test_a_question_meets_the_end_of_its_input(agents: Agents) -> None:
    """At once: nobody is there. Its words are found where a profile says which they are."""
    asks = f"profile: generic\ncommand: {json.dumps([sys.executable, str(FAKE), '--session', 'none'])}\n"
    files = {AGENT_FILE: asks + "stderr: [{match: 'Proceed', status: blocked}]\n"}
    outcome, code, status, error = ended(agents, "do:ask Proceed?", files=files)
    assert (outcome, code, status, error) == ("failed", 77, "blocked", "Proceed? [y/N]")
    agents.declare("do:result", files={AGENT_FILE: AGENT})
    denied = json.dumps({"permission_denials": [{"tool_name": "Bash"}, {"tool_name": "Write"}]})
    assert ended(agents, f"do:result {denied}") == ("failed", 77, "blocked", "approval: Bash, Write")


def test_a_success_that_is_an_error_is_one(agents: Agents) -> None:
    """`subtype: success` says nothing; `is_error` does."""
    said = json.dumps({"subtype": "success", "is_error": True, "api_error_status": 500, "result": "overloaded"})
    assert ended(agents, f"do:result {said}") == ("failed", 1, "failed", "overloaded")


def test_half_an_event_tells_of_no_result(agents: Agents) -> None:
    """Whoever was killed while it wrote."""
    assert ended(agents, "do:tear\ndo:exit 9")[3] == "it ended with exit code 9 and has told of no result; its last event is torn"


@pytest.mark.parametrize("flood", ["do:flood 100", "do:line 100"], ids=["in lines", "in one line"])
def test_a_hundred_megabytes_are_read_and_not_kept(agents: Agents, flood: str) -> None:
    """The events are found behind them; head and tail of the output stay, and memory has a bound."""
    run = agents.ask(f"{flood}\ndo:result", max_output="1MB", idle_timeout="60s")
    assert (run["outcome"], run["result"]["text"]) == ("succeeded", "done")
    output = (agents.folder(run) / "output.log").read_bytes()
    assert len(output) < 1_100_000
    assert output.endswith(b"octojobs: ok\n")


def test_what_cannot_be_written_down_ends_no_agent(agents: Agents) -> None:
    """Folders stand where the result and the session go: as on a disk that is full, the output tells."""
    (agents.state / "agents/ask.json").mkdir(parents=True)
    run = agents.ask('do:shell mkdir "$OCTOJOBS_RESULT"', resume=True)
    assert (run["outcome"], run["exit_code"]) == ("succeeded", 0)
    told = [line for line in agents.output(run).splitlines() if "can't be" in line]
    assert told == [
        "octojobs: the session can't be remembered: Is a directory",
        "octojobs: the session can't be remembered: Is a directory",
        "octojobs: the result can't be written: Is a directory",
    ]


@pytest.mark.parametrize("backend", ["none", "worktree"])
def test_a_folder_that_is_not_there_is_told_as_one(agents: Agents, backend: str) -> None:
    """It is not the program that is missing."""
    run = agents.ask("do:result", cwd="nowhere", sandbox={"backend": backend})
    folder = agents.repo / "nowhere" if backend == "none" else f"{agents.state}/worktrees/{run['id']}.1/nowhere"
    said = f"octojobs: can't start agent mine: the folder {folder} can't be entered: No such file or directory; make it, or mend `cwd:`"
    assert (run["exit_code"], agents.output(run).splitlines()[-1]) == (2, said)
