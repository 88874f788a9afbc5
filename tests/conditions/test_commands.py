"""command and declared conditions ask a process; an answer that never came is unknown."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.definitions import DeclaredCondition, Settings
from octojobs.core.guards import Condition, Status
from octojobs.facts import commands
from tests.facts.world import context_of, expect, verdict_of
from tests.helpers import write


@pytest.mark.parametrize(
    ("command", "status", "evidence"),
    [
        (["true"], Status.PASSED, "exit 0"),
        ("test -f readme.txt && echo there", Status.PASSED, "exit 0: there"),
        ("echo one; echo 'no  disk' >&2; exit 3", Status.FAILED, "exit 3: no disk"),
        (["sh", "-c", "echo out; exit 1"], Status.FAILED, "exit 1: out"),
        ("no-such-command-anywhere", Status.UNKNOWN, None),
        (["no-such-command-anywhere"], Status.UNKNOWN, "no-such-command-anywhere can't be started: no such file or directory"),
        (["./readme.txt"], Status.UNKNOWN, "./readme.txt can't be started: permission denied"),
        ("kill -9 $$", Status.UNKNOWN, "the command was ended by signal 9"),
        ("printf '\\033[2Jx'; exit 1", Status.FAILED, "exit 1: \\x1b[2Jx"),
    ],
)
def test_exit_0_holds_and_what_could_not_run_is_unknown(repo: Path, command: list[str] | str, status: Status, evidence: str | None) -> None:
    """Commands run in the main worktree; the last line they print is the evidence."""
    found = verdict_of(context_of(repo), "command", command=command)
    assert found.status is status
    if evidence is None:
        assert found.evidence.startswith("exit 127, command not found: ")  # the rest is the shell's
    else:
        assert found.evidence == evidence


def test_a_command_that_does_not_end_is_unknown(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 seconds at most (here less)."""
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.2)
    expect(context_of(repo), "command", Status.UNKNOWN, "no answer within 0.2 s", command=["sleep", "600"])


def test_a_command_sees_what_every_job_may_see_of_the_environment(repo: Path) -> None:
    """Not the secrets that the daemon's shell had exported."""
    context = context_of(repo, environ={"PATH": os.environ["PATH"], "LC_ALL": "C", "TOKEN": "s3cret"})
    expect(context, "command", Status.PASSED, "exit 0: -C-", command="echo $TOKEN-$LC_ALL-")


def declared(repo: Path, conditions: Mapping[str, DeclaredCondition], python: str = "") -> Settings:
    """Settings with these conditions, and a module of the repository's own."""
    write(repo / "checks.py", CHECKS)
    return Settings(conditions=conditions, python=python)


CHECKS = """
import os, sys
def yes(): print("noise"); return True
def no(): return False, "3 reviews wait"
def at_least(count=1): return count <= 2, f"count {count}"
def where(): return True, os.getcwd() + " " + sys.path[0]
def broken(): raise ValueError("bad\\nday")
def text(): return "yes"
def gone(): sys.exit(0)
def killed(): os._exit(0)
class Group:
    @staticmethod
    def inner(): return True, "inner"
"""


@pytest.mark.parametrize(
    ("function", "args", "status", "evidence"),
    [
        ("checks:yes", {}, Status.PASSED, "checks:yes returned True"),
        ("checks:no", {}, Status.FAILED, "3 reviews wait"),
        ("checks:Group.inner", {}, Status.PASSED, "inner"),
        ("checks:at_least", {"count": 2}, Status.PASSED, "count 2"),
        ("checks:at_least", {"count": 3}, Status.FAILED, "count 3"),
        ("checks:where", {}, Status.PASSED, "{repo} {repo}"),
        ("checks:broken", {}, Status.UNKNOWN, "checks:broken: ValueError: bad day"),
        ("checks:text", {}, Status.UNKNOWN, "checks:text: it returned 'yes', not a bool or (bool, evidence)"),
        ("checks:gone", {}, Status.UNKNOWN, "checks:gone: SystemExit: 0"),
        ("checks:killed", {}, Status.UNKNOWN, "checks:killed ended its process with exit 0"),
        ("checks:none", {}, Status.UNKNOWN, "checks:none: AttributeError: module 'checks' has no attribute 'none'"),
        ("nowhere:f", {}, Status.UNKNOWN, "nowhere:f: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_declared_function_answers_true_or_false_with_its_evidence(
    repo: Path, function: str, args: dict[str, Any], status: Status, evidence: str
) -> None:
    """It runs in a process of its own, in the main worktree; whatever else it does is unknown."""
    settings = declared(repo, {"mine": DeclaredCondition("mine", function=function)})
    context = context_of(repo, settings=settings)
    expect(context, "mine", status, evidence.replace("{repo}", str(repo)), **args)
    assert not (repo / "__pycache__").exists()


def test_a_declared_function_runs_in_the_repositorys_python(repo: Path) -> None:
    """`python: .venv/bin/python` is relative to the main worktree."""
    (repo / ".venv/bin").mkdir(parents=True)
    (repo / ".venv/bin/python").symlink_to(sys.executable)
    conditions = {"mine": DeclaredCondition("mine", function="checks:yes")}
    expect(context_of(repo, settings=declared(repo, conditions, ".venv/bin/python")), "mine", Status.PASSED, "checks:yes returned True")
    words = f"{repo}/missing/python can't be started: no such file or directory"
    expect(context_of(repo, settings=declared(repo, conditions, "missing/python")), "mine", Status.UNKNOWN, words)


def test_a_declared_command_is_asked_like_any_other(repo: Path) -> None:
    """A text runs by `sh -c`, a list without a shell."""
    conditions = {"text": DeclaredCondition("text", "exit 4"), "words": DeclaredCondition("words", ("echo", "$HOME"))}
    context = context_of(repo, settings=Settings(conditions=conditions))
    expect(context, "text", Status.FAILED, "exit 4")
    expect(context, "words", Status.PASSED, "exit 0: $HOME")
    expect(context, "text", Status.UNKNOWN, "text: x: there is no such argument; it takes none", x=1)


def test_the_verdict_names_the_guard(repo: Path) -> None:
    """`why` shows which of several commands it was."""
    assert verdict_of(context_of(repo), Condition("command", {"command": ["false"]})).guard == "command(command: false)"
