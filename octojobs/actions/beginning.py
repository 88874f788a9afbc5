"""The beginning in a repository: living examples, what git is to ignore, the hook, and trust; nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

from octojobs.actions import hooks, shipped
from octojobs.actions.asking import who
from octojobs.actions.committing import commit_written
from octojobs.actions.foresight import is_trusted
from octojobs.actions.hooks import HookState
from octojobs.actions.workspace import Workspace
from octojobs.config import trust
from octojobs.config.files import FOLDER, JOBS_FOLDER
from octojobs.core.definitions import JOBS_FILE
from octojobs.errors import UsageError
from octojobs.slotted import dataclass

EXAMPLES = """\
# The jobs of this repository. A change is live when it is committed. `octojobs validate` checks this file,
# `octojobs next` shows when each job is due, `octojobs why JOB` why it ran or did not.
version: 1
defaults: {timeout: 10m}
jobs:
  # Every six hours: is everything that the branches lead to still there?
  check_objects:
    interval: 6h
    command: git fsck --connectivity-only --no-progress

  # Once an hour, and only while no coding agent is at work here: forget worktrees whose folders are gone.
  prune_worktrees:
    interval: 1h
    command: git worktree prune --verbose
    conditions: [no_agents_running]

  # A list runs without a shell. The branches, the one that was worked on last at the end of the log.
  list_branches:
    interval: 1d
    command: [git, for-each-ref, --sort=committerdate, "--format=%(committerdate:short) %(refname:short)", refs/heads]

  # A cron line in a time zone of your own: take the false away, write the command that you need, commit.
  nightly:
    enabled: false
    schedule: "0 2 * * *"
    timezone: UTC
    command: make nightly
    retries: {max: 2, backoff: exponential}
"""
"""Intervals, so that the first `up` has something to do; commands that succeed in any repository."""

IGNORED = (".octopoid/tasks/",)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that `init` does or leaves alone: `done` says which, `what` is the sentence, `more` are lines to show with it."""

    done: bool
    what: str
    path: str = ""
    more: str = ""


def begin(workspace: Workspace, *, hook: bool = True, housekeeping: bool = False, dry_run: bool = False) -> list[Step]:
    """Do what is not there yet (or only say it), in order: the jobs file, that of the shipped jobs, `.gitignore`, the hook, trust.

    Raises OSError.

    A repository that declares jobs already is not trusted by this: somebody has to read them first. Raises UsageError
    where `.octopoid` is no folder: a link would have the examples written wherever it leads.
    """
    folder = workspace.repository.worktree / FOLDER
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{FOLDER} is {'a link' if folder.is_symlink() else 'a file'}, not a folder", "put a folder there, or remove it")
    declares = _declares(workspace)
    steps = [_jobs_file(workspace, declares, dry_run)]
    if housekeeping:
        steps.append(_housekeeping(workspace, dry_run))
    steps.append(_gitignore(workspace, dry_run))
    if hook:
        steps.append(_hook(workspace, dry_run))
    steps.append(_trust(workspace, declares, dry_run))
    written = [step.path for step in steps if step.done and step.path]
    if written and not dry_run:
        workspace.repository.stage(written)
    return steps


def commit(workspace: Workspace, steps: list[Step]) -> str:
    """Commit just what was written; the commit's id, "" when nothing was."""
    written = [step.path for step in steps if step.done and step.path]
    return commit_written(workspace.repository, written, "octojobs: declare jobs") if written else ""


def _declares(workspace: Workspace) -> bool:
    """Whether there are jobs here already, in the working tree or in the commit."""
    root = workspace.repository.worktree
    folder = root / JOBS_FOLDER
    in_tree = (root / JOBS_FILE).exists() or (folder.is_dir() and any(path.suffix in (".yaml", ".yml") for path in folder.iterdir()))
    return in_tree or workspace.loaded.definitions is not None or any(problem.line for problem in workspace.loaded.problems)


def _jobs_file(workspace: Workspace, declares: bool, dry_run: bool) -> Step:
    if declares:
        return Step(done=False, what=f"there are jobs in {FOLDER} already: left as they are")
    if not dry_run:
        _write_new(workspace.repository.worktree / JOBS_FILE, EXAMPLES)
    return Step(done=True, what=f"{JOBS_FILE}: four jobs as examples", path=JOBS_FILE)


def _housekeeping(workspace: Workspace, dry_run: bool) -> Step:
    file = workspace.repository.worktree / shipped.FILE
    if os.path.lexists(file):
        return Step(done=False, what=f"{shipped.FILE} is there already: left as it is")
    if file.parent.is_symlink() or (file.parent.exists() and not file.parent.is_dir()):
        raise UsageError(f"{JOBS_FOLDER} is no folder, or a link", "put a folder there, or remove it")
    text, count = shipped.file_of(workspace)
    if not count:
        return Step(done=False, what="the shipped jobs are declared already")
    if not dry_run:
        _write_new(file, text)
    return Step(done=True, what=f"{shipped.FILE}: {count} jobs that octojobs ships", path=shipped.FILE)


def _gitignore(workspace: Workspace, dry_run: bool) -> Step:
    file = workspace.repository.worktree / ".gitignore"
    if file.is_symlink():
        # git doesn't follow it either, and it may lead out of the repository
        return Step(
            done=False, what=".gitignore is a link: put a file there, with this line", more="".join(f"{line}\n" for line in IGNORED)
        )
    before = file.read_bytes() if file.exists() else b""
    missing = [line for line in IGNORED if line.encode() not in before.splitlines()]
    if not missing:
        return Step(done=False, what=".gitignore has its lines already")
    if not dry_run:
        lead = "" if not before or before.endswith(b"\n") else "\n"
        with file.open("a", encoding="utf-8") as opened:
            opened.write(lead + "".join(f"{line}\n" for line in missing))
    return Step(done=True, what=f".gitignore: {', '.join(missing)}", path=".gitignore")


def _hook(workspace: Workspace, dry_run: bool) -> Step:
    file = hooks.hook_file(workspace)
    match hooks.hook_state(workspace):
        case HookState.OURS:
            return Step(done=False, what="the pre-commit hook is there already")
        case HookState.NOT_INSTALLED:
            what = f"{hooks.PRE_COMMIT_CONFIG} names octojobs-validate, and git calls no hook in this clone yet: run this"
            return Step(done=False, what=what, more="pre-commit install\n")
        case HookState.PRE_COMMIT:
            what = f"{hooks.PRE_COMMIT_CONFIG} rules the hooks here: add these lines under `repos:`"
            return Step(done=False, what=what, more=hooks.CONFIG_LINES)
        case HookState.FOREIGN:
            return Step(
                done=False, what=f"{_shown(file, workspace)} is somebody else's: add this line to it", more="octojobs hook pre-commit\n"
            )
        case HookState.OUTSIDE:
            what = f"core.hooksPath leads out of this repository: add this line to {file}"
            return Step(done=False, what=what, more="octojobs hook pre-commit\n")
        case HookState.MISSING:
            if not dry_run:
                hooks.install_hook(workspace)
            return Step(done=True, what=f"{_shown(file, workspace)}: checks the definitions that are staged")


def _trust(workspace: Workspace, declares: bool, dry_run: bool) -> Step:
    if is_trusted(workspace):
        return Step(done=False, what="this repository is allowed already")
    if declares:
        return Step(done=False, what="jobs that were here before are not allowed by this: `octojobs allow` shows them, and asks")
    if not dry_run:
        trust.allow(workspace.repository, now=workspace.clock.now(), by=who())
    return Step(done=True, what="this repository is allowed to run its jobs on this machine; `octojobs deny` takes that back")


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def _shown(file: Path, workspace: Workspace) -> str:
    return str(file.relative_to(workspace.root)) if file.is_relative_to(workspace.root) else str(file)
