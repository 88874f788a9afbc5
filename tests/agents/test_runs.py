"""A run of an agent: what it is given, where it works, what is kept, and how its end is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.agents.world import AGENT, AGENT_FILE, Agents
from tests.helpers import commit_files, git, octojobs, start_octojobs, wait_until


def test_an_agent_that_tells_of_its_success_has_succeeded(agents: Agents) -> None:
    """Its answer, model, session, tokens and cost are the run's result; its events are the output."""
    run = agents.ask("do:result")
    result = run["result"]
    assert (run["outcome"], run["exit_code"]) == ("succeeded", 0)
    told = {"status": "ok", "error": "", "text": "done", "model": "fake-1", "input_tokens": 3, "output_tokens": 2, "cost_usd": 0.5}
    assert {**result, **told} == result
    assert (result["agent"], result["commits"], result["branch"], result["patch"], result["retry_at"]) == ("mine", 0, None, None, None)
    first, *rest = agents.output(run).splitlines()
    assert first.startswith("octojobs: agent mine in ")
    assert first.endswith(f", session {result['session']}")
    assert rest[-1] == "octojobs: ok"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 30_000, "x" * 30_000),
        ("x" * 30_001, "x" * 30_000 + "…"),
        ("漢" * 25_000, "漢" * 10_000 + "…"),
        ('"\n' * 9_000, '"\n' * 7_500 + "…"),
    ],
    ids=["whole", "long", "three bytes each", "escaped"],
)
def test_the_result_of_a_long_answer_stays_one_that_is_shown(agents: Agents, text: str, kept: str) -> None:
    """Whatever it is written in; an error is cut as well."""
    assert agents.ask(f"do:result {json.dumps({'result': text}, ensure_ascii=False)}")["result"]["text"] == kept
    failed = {"is_error": True, "result": text}
    assert len(agents.ask(f"do:result {json.dumps(failed, ensure_ascii=False)}")["result"]["error"]) <= 5_001


def test_it_is_asked_on_its_standard_input_which_then_ends(agents: Agents) -> None:
    """The agent's own texts come first, placeholders are filled in, and what was asked is kept."""
    agents.declare(
        "Look at ${job}, attempt {attempt}, {print $1}\ndo:read prompt.txt",
        files={
            ".octopoid/agents/mine/prompt.md": "You review.\n",
            ".octopoid/agents/mine/instructions.md": "Be brief.\n",
            "prompt.txt": "|",
        },
    )
    run = agents.run()
    asked = "You review.\n\nBe brief.\n\nLook at ask, attempt 1, {print $1}\ndo:read prompt.txt\n"
    assert (agents.folder(run) / "prompt.md").read_text() == asked
    assert run["result"]["text"] == "|"


def test_a_prompt_in_a_file_is_the_one_of_the_commit(agents: Agents) -> None:
    """What lies in the working tree meanwhile was not committed, and nobody has read it."""
    agents.declare(None, prompt_file="prompts/ask.md", files={"prompts/ask.md": "do:result\n"})
    (agents.repo / "prompts/ask.md").write_text("do:exit 9\n")
    (agents.repo / AGENT_FILE).write_text("command: [false]\n")
    assert agents.run()["outcome"] == "succeeded"


def test_a_file_that_the_commit_has_not_fails_the_run_in_words(agents: Agents) -> None:
    """The remedy is said."""
    commit = agents.declare(None, prompt_file="prompts/ask.md")
    run = agents.run()
    assert (run["outcome"], run["exit_code"]) == ("failed", 2)
    assert agents.output(run) == (f"octojobs: commit {commit[:7]} has no prompts/ask.md; commit it, or name another `prompt_file:`\n")


def test_a_run_works_in_a_worktree_of_its_own(agents: Agents) -> None:
    """At the run's commit, in the job's folder; the user's tree stays as it is, and the worktree goes."""
    agents.declare("do:where", cwd="docs", files={"docs/a.md": "a\n"})
    (agents.repo / "README.md").write_text("being edited\n")
    run = agents.run()
    assert run["result"]["text"] == f"{agents.state}/worktrees/{run['id']}.1/docs"
    assert agents.worktrees() == []
    assert not list((agents.state / "worktrees").iterdir())
    assert (agents.repo / "README.md").read_text() == "being edited\n"


def test_what_it_did_is_kept(agents: Agents) -> None:
    """Commits as a branch, the rest as a patch beside the output, new files included."""
    head = agents.declare("do:commit one.txt\ndo:commit two.txt\ndo:write three.txt\ndo:result")
    run = agents.run()
    result = run["result"]
    assert (result["commits"], result["branch"]) == (2, f"octojobs/ask/{run['id']}")
    assert git(agents.repo, "log", "--format=%s", f"{head}..{result['branch']}").splitlines() == ["two.txt", "one.txt"]
    git(agents.repo, "apply", result["patch"])
    assert (agents.repo / "three.txt").read_text() == "made\n"
    assert git(agents.repo, "rev-parse", "HEAD") == head


def test_a_worktree_with_a_repository_in_it_stays(agents: Agents) -> None:
    """What was committed there stands in no patch: the run says where it is, and nothing is removed."""
    run = agents.ask("do:clone inner\ndo:result")
    (place,) = agents.worktrees()
    inner = Path(place.removeprefix("worktree "), "inner")
    assert git(inner, "log", "--format=%s") == "work"
    assert f"{inner.parent} stays as it is: there is another repository in it: inner; " in agents.output(run)


def test_without_a_sandbox_it_works_where_the_job_says(agents: Agents) -> None:
    """`backend: none` is the main worktree."""
    run = agents.ask("do:where", sandbox={"backend": "none"})
    assert run["result"]["text"] == str(agents.repo)


@pytest.mark.parametrize(
    ("prompt", "exit_code", "status", "error"),
    [
        ("do:result {\"is_error\": true, \"result\": \"no\"}\ndo:exit 1", 1, "failed", "no"),
        ("do:result {\"is_error\": true, \"result\": \"no\"}", 1, "failed", "no"),
        ("do:result\ndo:exit 3", 1, "failed", "it exited with code 3 after it had told of a success"),
        ("do:tear", 1, "failed", "it ended with exit code 0 and has told of no result; its last event is torn"),
        ("do:exit 0", 1, "failed", "it ended with exit code 0 and has told of no result"),
        ("do:complain bad model\ndo:exit 4", 1, "failed", "bad model"),
        ("do:result {\"permission_denials\": [{\"tool_name\": \"Bash\"}]}", 77, "blocked", "approval: Bash"),
    ],
)  # fmt: skip
def test_every_trouble_has_its_exit_code(agents: Agents, prompt: str, exit_code: int, status: str, error: str) -> None:
    """Only a success is 0."""
    run = agents.ask(prompt)
    assert (run["outcome"], run["exit_code"]) == ("failed", exit_code)
    assert (run["result"]["status"], run["result"]["error"]) == (status, error)


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("do:complain usage limit reached\ndo:exit 4", "usage limit reached"),
        ('do:result {"is_error": true, "api_error_status": 429, "result": "429"}\ndo:exit 1', "429"),
    ],
)
def test_a_limit_has_an_exit_code_of_its_own(agents: Agents, prompt: str, error: str) -> None:
    """The run is open then: it will be tried again."""
    run = agents.ask(prompt)
    assert (run["outcome"], run["attempts"][0]["exit_code"]) == (None, 75)
    result = json.loads((agents.folder({**run, "attempt": 1}) / "result.json").read_text())
    assert (result["status"], result["error"], result["retry_at"]) == ("rate_limited", error, None)


def test_the_instant_of_a_reset_is_told(agents: Agents) -> None:
    """The event that came first says what it was."""
    limit = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1795000000}}
    run = agents.ask(f"do:event {json.dumps(limit)}\ndo:result {json.dumps({'is_error': True})}\ndo:exit 1")
    result = json.loads((agents.folder({**run, "attempt": 1}) / "result.json").read_text())
    assert (result["status"], result["retry_at"]) == ("rate_limited", "2026-11-18T11:06:40Z")


@pytest.mark.parametrize("prompt", ["do:write a.txt\ndo:sleep", "do:deaf\ndo:write a.txt\ndo:sleep"], ids=["hears", "deaf"])
def test_a_silent_agent_is_ended_and_its_work_is_kept(agents: Agents, prompt: str) -> None:
    """By the time limit, with KILL if it must be; then the next run takes in what it left."""
    run = agents.ask(prompt, idle_timeout="4s", kill_grace="4s")
    assert run["outcome"] == "timed_out"
    agents.ask("do:result")
    assert "a.txt" in agents.patch(run).read_text()
    assert agents.worktrees() == []


def test_the_limits_of_the_profile_hold_where_the_job_has_none(agents: Agents) -> None:
    """The agent's file may have others."""
    agents.declare("do:sleep", kill_grace="2s", files={AGENT_FILE: AGENT + "timeouts: {idle: 1s}\n"})
    assert agents.run()["outcome"] == "timed_out"


def test_a_cancelled_agent_is_ended_and_told_so(agents: Agents) -> None:
    """Its result says that it was asked to end."""
    agents.declare("do:write a.txt\ndo:sleep")
    daemon = start_octojobs(agents.repo, "up")
    try:
        wait_until(lambda: json.loads(octojobs(agents.repo, "status", "--json").stdout)["daemon"], what="the daemon")
        assert octojobs(agents.repo, "run-now", "ask").returncode == 0
        wait_until(lambda: list((agents.state / "worktrees").glob("*/a.txt")), what="the agent at work")
        assert octojobs(agents.repo, "cancel", agents.last()["id"]).returncode == 0
        wait_until(lambda: agents.last()["outcome"], what="its end")
    finally:
        daemon.terminate()
        daemon.wait()
    run = agents.last()
    assert (run["outcome"], run["result"]["error"]) == ("cancelled", "it was asked to end")
    assert "a.txt" in agents.patch(run).read_text()


def test_options_are_arguments_of_their_own(agents: Agents) -> None:
    """Whatever is in them: no shell reads them. The job's word comes before the agent's."""
    agents.declare(
        "do:argv",
        model="m; rm -rf $HOME",
        max_turns=3,
        files={AGENT_FILE: AGENT + "model: other\nallowed_tools: [Read, 'Bash(git log:*)']\n"},
    )
    argv = json.loads(agents.run()["result"]["text"])
    assert argv[2:] == ["--model", "m; rm -rf $HOME", "--max-turns", "3", "--allowedTools", "Read,Bash(git log:*)"]


def test_it_sees_what_its_profile_passes_on_and_not_what_it_was_asked_with(agents: Agents) -> None:
    """The value of a key is hidden in the stored output."""
    agents.declare(
        "do:env ANTHROPIC_API_KEY TOKEN OCTOJOBS_PROMPT OCTOJOBS_AGENT_ROLE OCTOJOBS_JOB", files={AGENT_FILE: AGENT + "role: reviewer\n"}
    )
    run = agents.run(ANTHROPIC_API_KEY="sk-secret-1", TOKEN="t")
    assert json.loads(run["result"]["text"]) == ["*" * len("sk-secret-1"), None, None, "reviewer", "ask"]
    assert "sk-secret-1" not in agents.output(run)


def test_an_agent_that_is_not_installed_fails_the_run_in_words(agents: Agents) -> None:
    """The program is named."""
    agents.declare("x", files={AGENT_FILE: "command: [no-such-agent]\n"})
    run = agents.run()
    assert (run["outcome"], run["exit_code"]) == ("failed", 2)
    assert agents.output(run).splitlines()[-1] == (
        "octojobs: can't start agent mine: no-such-agent: No such file or directory; install it, or put it on PATH"
    )
    assert agents.worktrees() == []


def test_an_agent_that_nobody_has_described_fails_the_run_in_words(agents: Agents) -> None:
    """`validate` has warned of it."""
    agents.declare("x", agent="kode")
    assert (
        'there is no agent "kode"; write .octopoid/agents/kode/agent.yaml, or name one of aider, claude'
        in octojobs(agents.repo, "validate").stdout
    )
    run = agents.run()
    assert run["reason"] == 'there is no agent "kode" in the definitions; write .octopoid/agents/kode/agent.yaml, or name another'


def test_a_program_that_prints_text_answers_with_it(agents: Agents) -> None:
    """Its prompt may be an argument, or a file."""
    agents.declare("Hello", files={AGENT_FILE: "command: [echo, -n, 'asked:', '{prompt}']\nprompt: argument\n"})
    assert agents.run()["result"]["text"] == "asked: Hello"
    agents.declare("Again", files={AGENT_FILE: "command: [cat, '{prompt_file}']\nprompt: file\n"})
    assert agents.run()["result"]["text"] == "Again"


def test_an_agent_without_work_is_not_started(agents: Agents) -> None:
    """What octopoid calls `pre_check` is a guard: it must print something, or exit as its trigger says."""
    found: list[str] = []
    checks = [
        "echo 3",
        "echo ' '",
        *(f"'{word}'\npre_check_trigger: {how}" for how in ("exit_zero", "exit_nonzero") for word in ("true", "false")),
    ]
    for check in checks:
        agents.declare("do:result", files={AGENT_FILE: f"{AGENT}pre_check: {check}\n"})
        said = octojobs(agents.repo, "run-now", "ask", "--dry-run").stdout
        found += re.findall(r"^condition command.*\): (passed|failed|unknown): ", said, re.MULTILINE)
    assert found == ["passed", "failed", "passed", "failed", "failed", "passed"]


def test_agents_take_turns(agents: Agents) -> None:
    """Where nobody says how many the pool `agents` may have, it has one."""
    agents.declare("do:result")
    status = json.loads(octojobs(agents.repo, "status", "--json").stdout)
    assert {"name": "agents", "size": 1, "running": 0, "queued": 0} in status["pools"]


def test_the_script_that_is_its_program_has_to_be_the_approved_one(agents: Agents) -> None:
    """At the levels that keep a plan: a commit that changes it waits, and the run is skipped."""
    commit_files(agents.repo, {AGENT_FILE: "command: [sh, tools/agent.sh]\n", "tools/agent.sh": "echo approved\n"})
    allowed = octojobs(agents.repo, "allow", "--level", "plan", "--yes")
    assert "pins: tools/agent.sh " in allowed.stdout
    assert "approved" in agents.output(agents.run())
    commit_files(agents.repo, {"tools/agent.sh": "echo canary\n"})
    run = agents.run()
    assert run["outcome"] == "skipped"
    assert run["reason"].startswith("tools/agent.sh is not the approved one (")
