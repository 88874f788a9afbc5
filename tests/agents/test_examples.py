"""The agent jobs of the source systems' own texts run as they are written, with an agent of that name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.agents.world import AGENT
from tests.config.test_seeds import OCTOPOID
from tests.facts.fake_gh import FakeGh, pull_request, with_origin
from tests.helpers import commit_files, make_repository, octojobs

HOUSEKEEPING = """\
def check_expired_leases(): return "leases"
def sweep_stale_worktrees(): return "worktrees"
def cleanup_merged_branches(): return "branches"
"""
REVIEWER = f"{AGENT}role: reviewer\nmodel: sonnet\nmax_turns: 30\njob_agent: true\nallowed_tools: [Read, Bash]\n"


def last(repo: Path, job: str) -> dict[str, Any]:
    """The newest run of the job."""
    found: dict[str, Any] = json.loads(octojobs(repo, "runs", job, "--json").stdout)["runs"][0]
    return found


def test_octopoids_jobs_run_as_they_are_written(tmp_path: Path) -> None:
    """Three functions of the repository, and a reviewer that is asked when there are stale pull requests."""
    agent = ".octopoid/agents/reviewer"
    files = {
        ".octopoid/jobs.yaml": OCTOPOID,
        f"{agent}/agent.yaml": REVIEWER,
        f"{agent}/prompt.md": "You review.\n",
        f"{agent}/instructions.md": "do:argv\n",
        "orchestrator/__init__.py": "",
        "orchestrator/housekeeping.py": HOUSEKEEPING,
    }
    repo = with_origin(make_repository(tmp_path, files))
    gh = FakeGh(tmp_path / "gh")
    gh.says("pr_list", [pull_request(7, "Old", "2026-01-01T00:00:00Z")])
    path = f"{gh.folder}:/usr/bin:/bin"
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "up", "--once", timeout=100, PATH=path).returncode == 0
    assert [last(repo, job)["result"] for job in ("lease_monitor", "branch_cleanup")] == ["leases", "branches"]
    octojobs(repo, "run-now", "worktree_sweeper", PATH=path)
    assert last(repo, "worktree_sweeper")["result"] == "worktrees"
    review = last(repo, "stale_pr_reviewer")
    assert (review["outcome"], review["conditions"][0]["status"]) == ("succeeded", "passed")
    argv = json.loads(review["result"]["text"])
    assert argv[2:] == ["--model", "sonnet", "--max-turns", "30", "--allowedTools", "Read,Bash"]
    asked = (repo / ".git/octojobs/runs/stale_pr_reviewer" / review["id"] / "1/prompt.md").read_text()
    assert asked == "You review.\n\ndo:argv\n\nReview PRs older than 24 hours that haven't been merged\n"


def test_an_octopoid_agent_that_no_program_is_named_for_is_claude(tmp_path: Path) -> None:
    """Its file as octopoid's repository has it needs no line more."""
    files = {".octopoid/jobs.yaml": OCTOPOID, ".octopoid/agents/reviewer/agent.yaml": "role: reviewer\nmodel: opus\nmax_turns: 30\n"}
    repo = make_repository(tmp_path, files)
    commit_files(repo, {".octopoid/agents/reviewer/prompt.md": "You review.\n"})
    assert "agent reviewer: claude -p --output-format stream-json" in octojobs(repo, "allow", "--dry-run").stdout
