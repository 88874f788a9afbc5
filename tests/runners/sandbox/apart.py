"""Sandboxed runs for real: a repository, and a launcher whose shims run what `prepare` made of a job."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Action, CommandAction, Job, Limits
from octojobs.core.run import Cause, Run
from octojobs.core.sandbox import Backend, Sandbox
from octojobs.core.when import ManualWhen
from octojobs.repository import Repository
from octojobs.runners.base import Launch
from octojobs.runners.prepare import prepare
from octojobs.runners.receipts import Exit
from octojobs.runners.sandbox.trees import Taken, take_in
from octojobs.store.paths import StatePaths, make_run_folder
from tests.helpers import GIT_WORLD, git, make_repository
from tests.runners.world import Launched, World, result_of

DUE = datetime(2026, 11, 20, 2, tzinfo=UTC)
FILES = {"a.txt": "one\n", ".gitignore": "*.log\n", "sub/b.txt": "two\n"}
WORKTREE = Sandbox(Backend.WORKTREE)
COMMIT = "git -c user.name=Ada -c user.email=a@example.org commit --quiet -m work"
LIMITS = Limits(kill_grace_s=5.0)


@dataclass
class Apart:
    """One repository and its state folder; every run is another instant of the job `nightly`."""

    root: Path
    world: World
    paths: StatePaths
    count: int = 0
    runs: list[Run] = field(default_factory=list)

    def launch(self, command: str | Action, sandbox: Sandbox = WORKTREE, limits: Limits = LIMITS, **fields: Any) -> Launch:
        """What a run of a job with that command is started with; `fields` are more of the job, `attempt` and the like of the run."""
        self.count += 1
        attempt, commit = fields.pop("attempt", 1), fields.pop("commit", None) or git(self.root, "rev-parse", "HEAD")
        pins = fields.pop("pins", {})
        environ = {**os.environ, **fields.pop("environ", {})}
        action = CommandAction(command) if isinstance(command, str) else command
        job = Job(JobId(fields.pop("id", "nightly")), ManualWhen(), action, sandbox=sandbox, limits=limits, **fields)
        job = replace(job, env={**GIT_WORLD, **job.env})
        due = DUE + timedelta(minutes=self.count)
        run = Run(RunId.of(job.id, due), job, due, Cause.MANUAL, due, attempt=attempt, commit=commit)
        self.runs.append(run)
        make_run_folder(self.paths, run.id, attempt)
        return prepare(run, repository_root=self.root, paths=self.paths, settings=Settings(), environ=environ, pins=pins)

    def run(self, command: str | Action, sandbox: Sandbox = WORKTREE, **fields: Any) -> Ended:
        """Run it to its end."""
        launch = self.launch(command, sandbox, **fields)
        return Ended(launch, self.world.finish(launch))

    def start(self, command: str | Action, sandbox: Sandbox = WORKTREE, **fields: Any) -> Launched:
        """Begin it."""
        return self.world.start(self.launch(command, sandbox, **fields))

    @property
    def trees(self) -> list[str]:
        """The names of the worktrees that are there."""
        return sorted(os.listdir(self.paths.worktrees)) if self.paths.worktrees.is_dir() else []

    @property
    def branches(self) -> list[str]:
        """The branches that runs have left."""
        return git(self.root, "for-each-ref", "--format=%(refname:short)", "refs/heads/octojobs").split()

    def take_in(self) -> list[Taken]:
        """What becomes of the worktrees of dead runs."""
        return list(take_in(Repository.discover(self.root), self.paths))


@dataclass
class Ended:
    """A run that is over."""

    launch: Launch
    exit: Exit

    @property
    def output(self) -> str:
        """All that it printed, and the host around it."""
        return (self.launch.run_dir / "output.log").read_text()

    @property
    def patch(self) -> Path:
        """What it left uncommitted."""
        run_dir = self.launch.run_dir
        return run_dir.parents[3] / "patches" / f"{run_dir.parent.name}.{run_dir.name}.patch"

    @property
    def result(self) -> Any:
        """Its result; None for none."""
        path = self.launch.run_dir / "result.json"
        return json.loads(path.read_text()) if path.exists() else None


def over(launched: Launched) -> Ended:
    """Wait for the end of a run."""
    return Ended(launched.launch, result_of(launched))


@pytest.fixture
def apart(tmp_path: Path, world: World) -> Apart:
    """A repository with three files."""
    root = make_repository(tmp_path, FILES)
    return Apart(root, world, StatePaths(root / ".git" / "octojobs"))


def files_of(root: Path) -> Mapping[str, str]:
    """What the user's working tree holds: a sandboxed run must not change it."""
    return {
        str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.parts
    }
