"""The git hooks: where one may be installed, and what they do when git calls them."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from octojobs.actions.asking import wake
from octojobs.actions.workspace import Workspace
from octojobs.config.approval import approved
from octojobs.config.loader import Loader
from octojobs.config.staged import check_staged
from octojobs.config.trust import lookup
from octojobs.errors import OctojobsError, Problem

PRE_COMMIT = """\
#!/bin/sh
# Checks the definitions of octojobs that are about to be committed. Install: cp hooks/pre-commit .git/hooks/
# Where octojobs is missing the commit passes: a colleague who doesn't use it must be able to work.
if command -v octojobs >/dev/null 2>&1; then
    exec octojobs hook pre-commit "$@"
fi
git diff --cached --quiet -- .octopoid 2>/dev/null ||
    echo "octojobs is not on PATH: the staged changes in .octopoid/ were not checked" >&2
exit 0
"""
"""As `hooks/pre-commit` of the source tree: a wheel has no such folder."""

OURS = "octojobs hook pre-commit"

PRE_COMMIT_CONFIG = ".pre-commit-config.yaml"
CONFIG_LINES = """\
  - repo: local
    hooks:
      - id: octojobs-validate
        name: octojobs definitions
        entry: octojobs-validate
        language: system
        files: ^\\.octopoid/.*\\.ya?ml$
        pass_filenames: false
"""


class HookState(StrEnum):
    """What stands where the pre-commit hook belongs."""

    MISSING = "missing"
    OURS = "ours"
    FOREIGN = "foreign"
    PRE_COMMIT = "pre-commit"
    """A configuration of the pre-commit tool: the hook is one of its lines."""
    NOT_INSTALLED = "not installed"
    """That configuration names our hook, and nothing calls pre-commit at a commit."""
    OUTSIDE = "outside"
    """`core.hooksPath` leads out of the repository: a hook there would serve every repository."""


def hook_file(workspace: Workspace) -> Path:
    """Where git looks for the pre-commit hook of this repository."""
    return workspace.repository.hooks_dir() / "pre-commit"


def hook_state(workspace: Workspace) -> HookState:
    """What stands there; a configuration of pre-commit that names our hook counts as ours once git has a hook to call."""
    config, file = workspace.root / PRE_COMMIT_CONFIG, hook_file(workspace)
    if config.exists():
        if "octojobs-validate" not in config.read_text("utf-8", "replace"):
            return HookState.PRE_COMMIT
        return HookState.OURS if file.exists() else HookState.NOT_INSTALLED
    if file.exists():
        return HookState.OURS if OURS in file.read_text("utf-8", "replace") else HookState.FOREIGN
    inside = (workspace.root, workspace.repository.common_dir)
    return HookState.MISSING if any(file.resolve().is_relative_to(place) for place in inside) else HookState.OUTSIDE


def install_hook(workspace: Workspace) -> Path:
    """Write the pre-commit hook, executable; never over a file that is there (FileExistsError)."""
    file = hook_file(workspace)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(PRE_COMMIT)
    return file


def pre_commit(workspace: Workspace) -> tuple[Problem, ...]:
    """The problems of what is staged, warnings among them; empty when the commit touches no definitions."""
    return check_staged(workspace.repository, Loader(), workspace.jobs_file)


def after_change(workspace: Workspace) -> str:
    """After a merge or a checkout: wake the daemon, and say what waits for approval ("" when nothing does)."""
    trusted = lookup(workspace.repository)
    if trusted is None:
        return ""
    wake(workspace, workspace.holder())
    if not trusted.level.keeps_plan:
        return ""
    try:
        if approved(workspace.repository) is not None and not workspace.waits:
            return ""
    except OctojobsError as error:
        return str(error)
    return "the plan of octojobs changed and waits: `octojobs allow` shows the change"
