"""`octojobs agent run`: an agent that somebody asks once, whether a job names it or not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from octojobs.core.identity import ASKED
from octojobs.store.paths import StatePaths
from octojobs.store.requests import Request, leave
from tests.agents.test_limits import daemon, status
from tests.agents.world import AGENT, AGENT_FILE, Agents
from tests.core.oracle import at
from tests.helpers import (
    ROOT,
    commit_files,
    environment,
    git,
    home_of,
    make_repository,
    octojobs,
    script,
    start_octojobs,
    wait_until,
    write,
)

OTHER = ".octopoid/agents/other/agent.yaml"
JOBS = {".octopoid/jobs.yaml": "jobs: {}\n"}


def ask(agents: Agents, *arguments: str, agent: str = "mine") -> subprocess.CompletedProcess[str]:
    """Ask by hand."""
    return octojobs(agents.repo, "agent", "run", agent, *arguments)


def asked(agents: Agents) -> dict[str, Any]:
    """The newest run by hand."""
    found: dict[str, Any] = json.loads(octojobs(agents.repo, "runs", "_agent", "--json").stdout)["runs"][0]
    return found


def test_it_answers_and_tells_how_it_ended(agents: Agents) -> None:
    """Its output, the answer by itself, the end of the run, and what it has used."""
    said = ask(agents, "do:result")
    run = asked(agents)
    first, *_, answer, ended = said.stdout.splitlines()
    assert said.returncode == 0
    assert first.startswith("octojobs: agent mine in ")
    assert answer == "done"
    assert ended.startswith(f"{run['id']} succeeded after ")
    assert said.stderr == f"{run['id']} runs here: no daemon does\nused: 3 input tokens, 2 output tokens, 0.5000 USD, fake-1\n"


def test_history_logs_and_usage_tell_of_it(agents: Agents) -> None:
    """As of the run of a job that is called `_agent`."""
    ask(agents, "do:result")
    run = asked(agents)
    assert (run["job"], run["cause"], run["result"]["agent"], run["result"]["status"]) == ("_agent", "manual", "mine", "ok")
    assert octojobs(agents.repo, "logs", "_agent").stdout.endswith("octojobs: ok\n")
    assert octojobs(agents.repo, "why", "_agent").stdout.endswith("\nNo job declares it: it was asked by hand.\n")
    (line,) = json.loads(octojobs(agents.repo, "agent", "usage", "--agent", "mine", "--json").stdout)["usage"]
    assert (line["job"], line["agent"], line["runs"], line["cost_usd"]) == ("_agent", "mine", 1, 0.5)


def test_json_is_one_document(agents: Agents) -> None:
    """The run as `runs` has it, with the result; the output is for `logs`."""
    said = ask(agents, "do:result", "--json")
    document = json.loads(said.stdout)
    schema = json.loads((ROOT / "schemas/verbs.schema.json").read_text(encoding="utf-8"))
    assert not [*Draft7Validator({"$ref": "#/definitions/agent_run", "definitions": schema["definitions"]}).iter_errors(document)]
    assert document == {"run": asked(agents)}
    assert document["run"]["result"]["text"] == "done"


def test_a_failure_is_the_exit_code_and_nothing_that_status_goes_on_about(agents: Agents) -> None:
    """Who asked was told; there is no job whose next run would mend it."""
    said = ask(agents, "do:exit 1")
    assert (said.returncode, asked(agents)["outcome"]) == (1, "failed")
    assert status(agents)["problems"] == []


def test_the_prompt_may_be_a_file_or_standard_input(agents: Agents) -> None:
    """Whatever folder it is called from."""
    write(agents.repo / "ask.md", "do:result\n")
    assert ask(agents, "--prompt-file", str(agents.repo / "ask.md")).returncode == 0
    command = [script(), "agent", "run", "mine", "-"]
    piped = subprocess.run(
        command, cwd=agents.repo, env=environment(home_of(agents.repo)), input=b"do:result", check=False, capture_output=True
    )
    assert piped.returncode == 0


def test_the_prompt_is_taken_as_it_stands(agents: Agents) -> None:
    """A diff may have `${changed_files}` in it; the agent's own texts have their placeholders filled in."""
    commit_files(agents.repo, {".octopoid/agents/mine/prompt.md": "You are asked by ${job}."})
    ask(agents, "of ${job} and {commit} and $${run}\ndo:result")
    told = Path(agents.state, "runs/_agent", asked(agents)["id"], "1/prompt.md").read_text(encoding="utf-8")
    assert told == "You are asked by _agent.\n\nof ${job} and {commit} and $${run}\ndo:result\n"


def test_it_works_in_a_worktree_at_head_and_what_it_leaves_is_kept(agents: Agents) -> None:
    """Commits on a branch, the rest as a patch; the user's own tree is left alone."""
    commit_files(agents.repo, {"README.md": "two\n"})
    write(agents.repo / "README.md", "not committed\n")
    ask(agents, "do:commit made\ndo:write more\ndo:read README.md")
    run = asked(agents)
    assert run["result"]["branch"] == f"octojobs/_agent/{run['id']}"
    assert git(agents.repo, "show", f"{run['result']['branch']}:README.md") == "two"
    assert Path(run["result"]["patch"]) == agents.patch(run)
    assert (agents.worktrees(), (agents.repo / "made").exists()) == ([], False)


def test_an_agent_that_no_job_names_is_asked_as_the_commit_has_it(agents: Agents) -> None:
    """What stands in the working tree is not live."""
    commit_files(agents.repo, {OTHER: AGENT.replace("profile: claude", "profile: claude\nmodel: fake-2")})
    write(agents.repo / OTHER, "command: [false]\n")
    assert ask(agents, "do:argv", agent="other").returncode == 0
    assert "fake-2" in asked(agents)["result"]["text"]


def test_options_are_passed_on_as_those_of_a_job(agents: Agents) -> None:
    """The model, the turns and the tools are elements of the argument vector."""
    ask(agents, "do:argv", "--model", "big; rm", "--max-turns", "3", "--allowed-tools", "Read", "--allowed-tools", "Bash(git log:*)")
    text = asked(agents)["result"]["text"]
    assert all(word in text for word in ("big; rm", "3", "Read,Bash(git log:*)"))


def test_a_time_limit_ends_it(agents: Agents) -> None:
    """And is no success."""
    said = ask(agents, "do:sleep", "--timeout", "1s")
    assert (said.returncode, asked(agents)["outcome"]) == (1, "timed_out")


def test_a_daemon_asks_it_and_it_is_followed(agents: Agents) -> None:
    """The verb waits for the answer, which is the daemon's run; in one JSON document, too."""
    with daemon(agents):
        said = ask(agents, "do:result")
        assert said.returncode == 0
        assert said.stdout.splitlines()[-2] == "done"
        assert "runs here" not in said.stderr
        assert json.loads(ask(agents, "do:result", "--json").stdout)["run"]["outcome"] == "succeeded"
        assert ask(agents, "do:exit 1").returncode == 1
        commit_files(agents.repo, {OTHER: AGENT})
        wait_until(lambda: ask(agents, "do:result", agent="other").returncode == 0, what="the daemon to follow HEAD")
        assert octojobs(agents.repo, "list").stdout.startswith("ask")


def test_two_at_once_share_the_pool_of_agents(agents: Agents) -> None:
    """The second begins when the first has ended."""
    with daemon(agents):
        first = start_octojobs(agents.repo, "agent", "run", "mine", "do:sleep")
        wait_until(lambda: status(agents)["running"], what="the first")
        second = start_octojobs(agents.repo, "agent", "run", "mine", "do:result")
        wait_until(lambda: status(agents)["queued"], what="the second")
        assert octojobs(agents.repo, "cancel", status(agents)["running"][0]["id"]).returncode == 0
        assert (first.wait(30), second.wait(30)) == (1, 0)


def test_a_run_that_meets_a_limit_is_gone_on_with(agents: Agents) -> None:
    """By the next pass, which finds the agent in the definitions although no job names it."""
    commit_files(agents.repo, {OTHER: AGENT})
    said = ask(agents, "do:limit 6 1\ndo:result", "--json", agent="other")
    waits = json.loads(said.stdout)["run"]
    assert (said.returncode, waits["phase"]) == (1, "retrying")
    assert octojobs(agents.repo, "agent", "list").returncode == 0
    wait_until(lambda: octojobs(agents.repo, "tick").returncode == 0 and asked(agents)["outcome"], what="the end of the limit")
    assert (asked(agents)["id"], asked(agents)["outcome"], asked(agents)["attempt"]) == (waits["id"], "succeeded", 2)


def test_a_limit_keeps_it_from_starting_unless_it_is_forced(agents: Agents) -> None:
    """As any other run of that provider."""
    ask(agents, "do:limit 3600")
    assert "waits: anthropic's rate limit" in ask(agents, "do:result").stderr
    assert ask(agents, "do:result", "--force").returncode == 0


def test_a_dry_run_asks_nobody(agents: Agents) -> None:
    """It shows what would run, without the prompt, and where."""
    said = ask(agents, "a private matter", "--dry-run")
    assert said.returncode == 0
    assert "which runs, in a sandbox (worktree): the agent's program\n" in said.stdout
    assert "private" not in said.stdout.partition("environment:")[0]
    assert json.loads(octojobs(agents.repo, "runs", "--json").stdout)["runs"] == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["nobody", "x"], 'there is no agent "nobody"; write .octopoid/agents/nobody/agent.yaml, or name one of '),
        (["generic", "x"], 'agent "generic" has no `command:`; say in .octopoid/agents/generic/agent.yaml which program it is'),
        (["codex", "x", "--max-turns", "3"], 'agent "codex" has no way to be told max_turns; '),
        (["wrong", "x"], '.octopoid/agents/wrong/agent.yaml:1:10: profile: there is no profile "nix"; write one of '),
        (["mine"], "give a prompt, - or --prompt-file"),
        (["mine", "x", "--prompt-file", "y"], "a prompt or --prompt-file, not both"),
        (["mine", " "], "the prompt is empty"),
        (["mine", "--prompt-file", "nowhere"], "nowhere can't be read: No such file or directory"),
        (["mine", "--prompt-file", "latin"], "latin is not UTF-8, and a prompt is text"),
        (["mine", "--prompt-file", "nul"], "the prompt has a NUL in it; is it a text?"),
        (["mine", "--prompt-file", "/dev/zero"], "the prompt has a NUL in it; is it a text?"),
        (["mine", "--prompt-file", "long"], "the prompt has 100,001 bytes, more than 100,000; "),
        (["mine", "--prompt-file", "longer"], "bytes, more than 100,000; "),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:20],
)
def test_what_can_not_be_asked_is_said_and_leaves_no_run(agents: Agents, arguments: list[str], what: str) -> None:
    """Exit code 2, and nothing is recorded."""
    commit_files(agents.repo, {".octopoid/agents/wrong/agent.yaml": "profile: nix\n"})
    for name, data in {"latin": b"caf\xe9", "nul": b"a\0b", "long": b"x" * 100_001, "longer": b"x" + b"\xc3\xa4" * (1 << 20)}.items():
        (agents.repo / name).write_bytes(data)
    said = octojobs(agents.repo, "agent", "run", *arguments)
    assert said.returncode == 2
    assert what in said.stderr
    assert json.loads(octojobs(agents.repo, "runs", "--json").stdout)["runs"] == []


def test_the_rule_of_two_holds_here_too(agents: Agents) -> None:
    """What strangers write, a secret, and the network: a job may say that it is meant, and nobody does so in passing."""
    commit_files(agents.repo, {OTHER: AGENT + "env: {pass: [GITHUB_TOKEN]}\n"})
    said = ask(agents, "do:result", "--allowed-tools", "WebFetch", agent="other")
    what = "agent other would read what strangers write (WebFetch), has secrets (GITHUB_TOKEN), and can reach others"
    assert (said.returncode, said.stderr) == (1, f"octojobs: {what}; take one of them away, or declare a job that says `i_accept:`\n")


def test_no_job_may_be_called_as_it_is(agents: Agents) -> None:
    """Its history would be another's; upper and lower case are the same here."""
    commit_files(agents.repo, {".octopoid/jobs.yaml": "jobs:\n  _Agent: {manual: true, command: 'true'}\n"})
    said = octojobs(agents.repo, "validate")
    what = '"_Agent" is what runs of `octojobs agent run` are called'
    assert (said.returncode, said.stdout.splitlines()[0]) == (2, f".octopoid/jobs.yaml:2:3: {what}; choose another name")


def test_it_is_not_run_again_as_a_job_is(agents: Agents) -> None:
    """Nothing declares it: `retry` says what to do."""
    ask(agents, "do:exit 1")
    said = octojobs(agents.repo, "retry", "_agent")
    assert (said.returncode, said.stderr) == (
        1,
        f"octojobs: {asked(agents)['id']} was asked by hand: no job declares it; ask again with `octojobs agent run`\n",
    )


def test_nobody_is_asked_in_a_repository_that_is_not_allowed(tmp_path: Path) -> None:
    """Its agents may be any program."""
    repo = make_repository(tmp_path, {**JOBS, AGENT_FILE: "command: [touch, ran]\n"})
    assert octojobs(repo, "agent", "run", "mine", "x").returncode == 4
    assert not (repo / "ran").exists()


@pytest.mark.parametrize("runs", [True, False], ids=["by a daemon", "here"])
def test_where_a_plan_is_kept_no_script_runs_that_nobody_approved(tmp_path: Path, runs: bool) -> None:
    """That of an agent that no job names is not pinned; one that a job names is, and its change waits."""
    files = {**JOBS, AGENT_FILE: "command: [./agent.sh]\n", "agent.sh": "#!/bin/sh\necho it ran\n"}
    repo = make_repository(tmp_path, files)
    (repo / "agent.sh").chmod(0o755)
    git(repo, "commit", "--quiet", "--all", "--message", "executable")
    assert octojobs(repo, "allow", "--yes", "--level", "plan").returncode == 0
    process = start_octojobs(repo, "up") if runs else None
    try:
        if process is not None:
            wait_until(lambda: json.loads(octojobs(repo, "status", "--json").stdout)["daemon"], what="the daemon")
        said = octojobs(repo, "agent", "run", "mine", "x")
        assert said.returncode == 1
        why = "agent.sh: not part of the approved plan; name the agent in a job, and `octojobs allow`"
        assert why in said.stdout
        commit_files(repo, {".octopoid/jobs.yaml": "jobs: {ask: {manual: true, agent: mine, prompt: x}}\n"})
        assert octojobs(repo, "allow", "--yes").returncode == 0
        wait_until(lambda: "it ran" in octojobs(repo, "agent", "run", "mine", "x").stdout, what="the approved plan")
        commit_files(repo, {"agent.sh": "#!/bin/sh\necho another ran\n"})
        said = octojobs(repo, "agent", "run", "mine", "x")
        assert (said.returncode, "another ran" in said.stdout) == (1, False)
    finally:
        if process is not None:
            process.terminate()
            process.wait()


@pytest.mark.parametrize("link", [False, True], ids=["a script", "a link to one"])
def test_where_a_plan_is_kept_the_commit_is_looked_at_too(tmp_path: Path, link: bool) -> None:
    """A script that is not in the working tree any more is in the run's own."""
    files = {**JOBS, AGENT_FILE: "command: [./agent.sh]\n", "real.sh" if link else "agent.sh": "#!/bin/sh\necho it ran\n"}
    repo = make_repository(tmp_path, files)
    if link:
        (repo / "agent.sh").symlink_to("real.sh")
        git(repo, "add", "agent.sh")
    (repo / ("real.sh" if link else "agent.sh")).chmod(0o755)
    git(repo, "commit", "--quiet", "--all", "--message", "executable")
    assert octojobs(repo, "allow", "--yes", "--level", "plan").returncode == 0
    (repo / "agent.sh").unlink()
    said = octojobs(repo, "agent", "run", "mine", "x")
    assert (said.returncode, "it ran" in said.stdout) == (1, False)
    assert "octojobs: agent.sh is new (at " in said.stdout
    assert octojobs(repo, "allow", "--yes", "--level", "repository").returncode == 0
    assert "it ran" in octojobs(repo, "agent", "run", "mine", "x").stdout


def test_a_request_without_a_question_names_no_job(agents: Agents) -> None:
    """No definitions have one of that name."""
    path = leave(StatePaths(agents.state), Request("run", at("2026-11-20T10:00Z"), job=ASKED))
    assert "there is no job '_agent' in the definitions that are live" in octojobs(agents.repo, "tick").stderr
    assert not path.exists()
