"""A repository with an agent that is played by `fake_agent.py`, and runs of it through the command line and its engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import commit_files, git, make_repository, octojobs

FAKE = Path(__file__).with_name("fake_agent.py")
COMMAND = json.dumps([sys.executable, str(FAKE), "--session", "{session_id}", "{extra_args}"])
RESUME = json.dumps([sys.executable, str(FAKE), "--again", "--session", "{session_id}"])
AGENT = f"profile: claude\ncommand: {COMMAND}\nresume: {RESUME}\n"
AGENT_FILE = ".octopoid/agents/mine/agent.yaml"


class Agents:
    """A trusted repository whose job `ask` asks the agent `mine`."""

    def __init__(self, root: Path) -> None:
        self.repo = make_repository(root, {"README.md": "one\n", AGENT_FILE: AGENT})
        self.declare("do:exit 1")
        assert octojobs(self.repo, "allow", "--yes").returncode == 0

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.repo / ".git/octojobs"

    def declare(self, prompt: str | None, *, files: Mapping[str, str] | None = None, **fields: Any) -> str:
        """Commit the job with this prompt and these fields, and other files; the commit."""
        job = {"manual": True, "agent": "mine", "prompt": prompt, **fields}
        job = {name: value for name, value in job.items() if value is not None}
        return commit_files(self.repo, {".octopoid/jobs.yaml": json.dumps({"jobs": {"ask": job}}, indent=1), **(files or {})})

    def run(self, **env: str) -> dict[str, Any]:
        """Run the job now; the run as `runs --json` tells of it."""
        octojobs(self.repo, "run-now", "ask", "--force", timeout=60, **env)
        return self.last()

    def last(self) -> dict[str, Any]:
        """The newest run."""
        found: dict[str, Any] = json.loads(octojobs(self.repo, "runs", "ask", "--json").stdout)["runs"][0]
        return found

    def ask(self, prompt: str, **fields: Any) -> dict[str, Any]:
        """Declare and run."""
        self.declare(prompt, **fields)
        return self.run()

    def folder(self, run: Mapping[str, Any]) -> Path:
        """The folder of the run's last attempt."""
        return Path(self.state, "runs/ask", run["id"], str(run["attempt"]))

    def patch(self, run: Mapping[str, Any]) -> Path:
        """What the run's last attempt has not committed."""
        return self.state / "patches" / f"{run['id']}.{run['attempt']}.patch"

    def output(self, run: Mapping[str, Any]) -> str:
        """What the run printed."""
        return (self.folder(run) / "output.log").read_text(encoding="utf-8")

    def worktrees(self) -> list[str]:
        """The worktrees beside the main one."""
        return [line for line in git(self.repo, "worktree", "list", "--porcelain").splitlines() if line.startswith("worktree ")][1:]


@pytest.fixture
def agents(tmp_path: Path) -> Agents:
    """Such a repository."""
    return Agents(tmp_path)
