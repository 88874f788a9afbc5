"""A run that its program calls a success is looked at before it is believed: `expect`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents.world import Agents
from tests.facts.fake_gh import FakeGh, with_origin
from tests.helpers import git, octojobs

SCHEMA = {"type": "object", "required": ["stale"], "properties": {"stale": {"type": "array", "items": {"type": "integer"}}}}


def asked(agents: Agents, prompt: str, expect: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A run of the job with these expectations."""
    return agents.ask(prompt, expect=expect, **fields)


def told(run: dict[str, Any]) -> tuple[Any, ...]:
    """How the run ended, what it was worth, and each expectation as far as it is met."""
    result = run["result"]
    return run["outcome"], run["exit_code"], result["status"], result["verdict"], [check["met"] for check in result["checks"]]


def answer(text: str) -> str:
    """A prompt whose answer is this."""
    return f"do:result {json.dumps({'result': text})}"


def test_a_run_that_leaves_what_is_expected_is_done(agents: Agents) -> None:
    """Committed or not, a changed file is one; the evidence is kept with the result."""
    run = asked(agents, "do:commit docs.md\ndo:write a.py\ndo:result", {"files_changed": ["*.py"], "commits": True})
    assert told(run) == ("succeeded", 0, "ok", "done", [True, True])
    assert [check["evidence"] for check in run["result"]["checks"]] == ["1 changed: a.py", "1 commit"]
    assert agents.output(run).splitlines()[-3] == "octojobs: done; files_changed: 1 changed: a.py; commits: 1 commit"


def test_a_run_that_had_nothing_to_do_is_a_no_op(agents: Agents) -> None:
    """It succeeds, and says so."""
    run = asked(agents, "do:result", {"files_changed": True, "commits": 1, "command": ["true"]})
    assert told(run) == ("succeeded", 0, "ok", "no-op", [False, False, True])


def test_a_run_that_only_says_that_it_has_done_it_is_unverified(agents: Agents) -> None:
    """It fails with an exit code of its own, and its work is kept all the same."""
    run = asked(agents, "do:write a.py\ndo:result", {"commits": True})
    assert told(run) == ("failed", 65, "unverified", "unverified", [False])
    assert run["result"]["error"] == "commits: no commits, and 1 is expected"
    assert run["result"]["patch"]
    assert agents.output(run).splitlines()[-2] == "octojobs: unverified: commits: no commits, and 1 is expected"


@pytest.mark.parametrize("expect", [{"commits": True}, {"pr": True}, {"command": ["true"]}], ids=str)
def test_a_worktree_that_cannot_be_looked_into_is_unverified(agents: Agents, expect: dict[str, Any]) -> None:
    """What can't be told is missing: it is neither a success nor a no-op, by which an interval would grow."""
    run = asked(agents, "do:shell rm .git\ndo:result", expect)
    assert (run["outcome"], run["exit_code"], run["result"]["verdict"]) == ("failed", 65, "unverified")
    assert " can't be told: git failed in " in run["result"]["error"]


def test_what_git_ignores_is_no_change(agents: Agents) -> None:
    """Caches come with every run."""
    agents.declare("do:write cache.tmp\ndo:result", expect={"files_changed": True}, files={".gitignore": "*.tmp\n"})
    assert agents.run()["result"]["verdict"] == "no-op"


def test_a_run_that_failed_is_worth_nothing(agents: Agents) -> None:
    """Nobody looks for what a failed program may have left."""
    run = asked(agents, "do:exit 1", {"command": ["touch", "looked"]})
    assert (run["exit_code"], run["result"]["verdict"], run["result"]["checks"], run["result"]["patch"]) == (1, None, [], None)


def test_a_command_is_run_where_the_agent_worked(agents: Agents) -> None:
    """Without a shell, before the worktree goes; what it prints is in the output."""
    script = "import pathlib, sys; print(sys.argv[1:], pathlib.Path('docs.md').exists()); sys.exit(3)"
    run = asked(agents, "do:commit docs.md\ndo:result", {"command": [sys.executable, "-c", script, "$HOME; x"]})
    assert told(run) == ("failed", 65, "unverified", "unverified", [False])
    assert run["result"]["error"] == f"command: {sys.executable} exited with 3: ['$HOME; x'] True"
    assert "['$HOME; x'] True\n" in agents.output(run)
    missing = asked(agents, "do:result", {"command": ["no-such-check"]})
    assert missing["result"]["error"] == "command can't be told: no-such-check can't be started: no such file or directory"


@pytest.mark.parametrize(
    ("text", "met", "evidence"),
    [
        ('{"stale": [1, 2]}', True, "the answer fits"),
        ('Here it is:\n```json\n{"stale": []}\n```\nGood luck.', True, "the answer fits"),
        ('{"stale": ["one"]}', False, "$.stale[0]: 'one' is not of type 'integer'"),
        ("Two are stale.", False, "the answer is no JSON: Two are stale."),
        ('```\n{"stale": [1]}\n```\n```\n[]\n```', False, 'the answer is no JSON: ``` {"stale": [1]} ``` ``` [] ```'),
        ("[" * 20_000, False, "the answer is no JSON: " + "[" * 79 + "…"),
    ],
)  # fmt: skip
def test_an_answer_is_checked_against_its_schema(agents: Agents, text: str, met: bool, evidence: str) -> None:
    """The whole of it, or its only fenced block."""
    run = asked(agents, answer(text), {"json_schema": SCHEMA})
    assert run["result"]["checks"] == [{"expects": "json_schema", "met": met, "evidence": evidence}]
    assert run["result"]["verdict"] == ("done" if met else "unverified")


@pytest.mark.parametrize(
    ("schema", "evidence"),
    [
        ({"properties": {"a": {"$id": "http://x/y", "allOf": [{"$ref": "#/definitions/b"}]}}, "definitions": {"b": {}}},
         "the schema refers to what is not in it: PointerToNowhere: '/definitions/b' does not exist within "),
        ({"$ref": "#"}, "the schema has no answer to it: maximum recursion depth exceeded"),
    ],
    ids=["nowhere", "endless"],
)  # fmt: skip
def test_a_schema_that_cannot_be_applied_is_no_fault_of_the_answer(agents: Agents, schema: dict[str, Any], evidence: str) -> None:
    """What `validate` can't see is told when the answer is there, and is not met."""
    run = asked(agents, answer('{"a": 1}'), {"json_schema": schema})
    assert told(run) == ("failed", 65, "unverified", "unverified", [None])
    assert run["result"]["checks"][0]["evidence"].startswith(evidence)


def test_a_pull_request_is_looked_for_through_gh(agents: Agents, tmp_path: Path) -> None:
    """One that is open and ends with a commit of the run; what gh can't say is not met, and counted in the one budget."""
    gh = FakeGh(tmp_path / "gh")
    with_origin(agents.repo)
    path = {"PATH": f"{gh.folder}:/usr/bin:/bin"}
    agents.declare("do:commit docs.md\ndo:result", expect={"pr": True})
    gh.says("pr_list", [{"number": 7, "headRefOid": "0" * 40}])
    run = agents.run(**path)
    head = octojobs_head(agents, run)
    assert run["result"]["error"] == f"pr: no open pull request ends with commit {head[:12]}"
    gh.says("pr_list", "", exit_code=4)
    assert (
        agents.run(**path)["result"]["error"]
        == "pr can't be told: gh is not logged in to github.com: `gh auth login --hostname github.com`"
    )
    assert all(line.endswith("--state open --limit 200 --json number,headRefOid") for line in gh.asked)
    agents.declare("do:result", expect={"pr": True})
    before = len(gh.asked)
    assert (agents.run(**path)["result"]["verdict"], len(gh.asked)) == ("no-op", before)
    assert len(json.loads((agents.state / "github.json").read_text())["asked"]) == before


def test_a_pull_request_that_ends_with_the_runs_commit_will_do(agents: Agents, tmp_path: Path) -> None:
    """The agent has pushed it and opened one, by `gh` or otherwise."""
    gh = FakeGh(tmp_path / "gh")
    with_origin(agents.repo)
    # What the agent would have done at the server: the stand-in for gh answers with the commit that it made.
    script = f'git rev-parse HEAD | sed \'s/.*/[{{"number": 7, "headRefOid": "&"}}]/\' > {gh.folder}/pr_list.out'
    run = asked_with(agents, gh, {"command": ["sh", "-c", script], "pr": True})
    assert run["result"]["checks"][1] == {"expects": "pr", "met": True, "evidence": "pull request 7"}


def asked_with(agents: Agents, gh: FakeGh, expect: dict[str, Any]) -> dict[str, Any]:
    """A run that commits, with this gh on PATH."""
    agents.declare("do:commit docs.md\ndo:result", expect=expect)
    return agents.run(PATH=f"{gh.folder}:/usr/bin:/bin")


def octojobs_head(agents: Agents, run: dict[str, Any]) -> str:
    """The commit that the run has left."""
    return git(agents.repo, "rev-parse", run["result"]["branch"])


def test_why_and_inspect_tell_what_it_was_worth(agents: Agents) -> None:
    """With each expectation's evidence."""
    run = asked(agents, "do:write a.py\ndo:result", {"files_changed": True, "commits": 2})
    lines = ["What is expected is not there.", "Expected files_changed is met: 1 changed: a.py.",
             "Expected commits is not met: no commits, and 2 are expected."]  # fmt: skip
    why = octojobs(agents.repo, "why", run["id"]).stdout.splitlines()
    assert [line for line in why if line in lines] == lines
    shown = octojobs(agents.repo, "inspect", "ask").stdout
    assert all(f"last verdict  {line}" in shown for line in lines)
    assert "expect" in shown


def test_allowing_shows_the_command_that_is_expected(agents: Agents) -> None:
    """It is executed, so it is read before that."""
    agents.declare("x", expect={"command": ["make", "a b"]})
    assert "  ask: expects of its worktree: make 'a b'\n" in octojobs(agents.repo, "allow", "--dry-run").stdout
