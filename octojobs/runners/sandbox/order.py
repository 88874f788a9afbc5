"""What the process around a sandboxed run is told: the order that `wrapped` writes into its argument vector and `host.py` reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from octojobs.core.codec import encode
from octojobs.core.identity import RunId
from octojobs.core.refnames import is_full_ref
from octojobs.core.sandbox import Backend, Sandbox
from octojobs.runners.base import NotPreparable
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

HOST = Path(__file__).with_name("host.py")


@dataclass(frozen=True, slots=True)
class Whose:
    """The attempt that a worktree belongs to; `base` is the commit that it was made of."""

    run: RunId
    attempt: int
    base: str

    @property
    def name(self) -> str:
        """The name of the worktree's folder."""
        return f"{self.run}.{self.attempt}"

    @property
    def reason(self) -> str:
        """What git says of the lock."""
        return f"octojobs: run {self.run} attempt {self.attempt} from {self.base}"

    @property
    def branch(self) -> str:
        """Where its commits are kept, in full. git allows less than a job's name may have: dots are dashes there, if need be."""
        name = f"octojobs/{self.run.job}/{self.run}" + (f"-{self.attempt}" if self.attempt > 1 else "")
        return f"refs/heads/{name if is_full_ref(f'refs/heads/{name}') else name.replace('.', '-')}"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run, where, and for whom. `cwd` is relative to the worktree, or absolute.

    `memory` is the file in which a function keeps its state; `declared` are the variables that the job itself names; `pins` are the
    ids of the files that it names, where those have to be approved; `grace_s` is how long it has between TERM and KILL. With `stays`
    the worktree always lies at the same path, and the home folder is kept: an agent's sessions are found by folder.
    """

    repository: str
    state: str
    whose: Whose
    sandbox: Sandbox
    argv: tuple[str, ...] = ()
    cwd: str = "."
    stays: bool = False
    memory: str = ""
    declared: tuple[str, ...] = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0

    @property
    def paths(self) -> StatePaths:
        """The state folder's names."""
        return StatePaths(Path(self.state))

    @property
    def tree(self) -> Path:
        """The run's worktree."""
        return self.paths.worktrees / (self.whose.run.job if self.stays else self.whose.name)

    @property
    def home(self) -> Path | None:
        """The folder that a sandbox shows as the home folder; None for an empty one that goes."""
        return self.paths.home(self.whose.run.job) if self.stays else None

    @property
    def run_dir(self) -> Path:
        """The attempt's folder."""
        return self.paths.run_dir(self.whose.run, self.whose.attempt)

    @property
    def folder(self) -> Path:
        """The folder that the command starts in."""
        return Path(os.path.normpath(self.tree / self.cwd))


def within(cwd: str, root: Path, sandbox: Sandbox) -> str:
    """A job's folder as it is in the worktree: relative to it; absolute for one that only a mount can show. Raises NotPreparable."""
    path = os.path.relpath(os.path.normpath(root / cwd), root)
    if path != ".." and not path.startswith("../"):
        return path
    if sandbox.backend is Backend.WORKTREE or not os.path.isabs(cwd):
        raise NotPreparable(f"its folder {cwd} is outside of the repository; a run there has no worktree: `sandbox: {{backend: none}}`")
    return cwd


def wrapped(order: Order) -> tuple[str, ...]:
    """The argument vector of the host: octojobs itself, whatever the repository and the job's environment have (`-E`, `-P`)."""
    return (sys.executable, "-E", "-P", str(HOST), json.dumps(encode(order), ensure_ascii=False))
