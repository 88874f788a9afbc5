"""@octojobs.condition registers conditions under a name; the modules that do so stand in octojobs.yaml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import octojobs
from octojobs.core.definitions import DeclaredCondition, Settings
from octojobs.core.guards import Status
from octojobs.facts.registered import AlreadyRegistered, registered
from tests.config.loading import problems
from tests.facts.world import context_of, expect
from tests.helpers import ROOT, commit_files, write
from tests.helpers import octojobs as octojobs_verb

CHECKS = """
import octojobs

@octojobs.condition("fresh")
def fresh(hours=24): return hours > 1, f"{hours} hours"

@octojobs.condition("bare")
def bare(): print("noise"); return False

@octojobs.condition("broken")
def broken(): raise ValueError("bad day")

@octojobs.job("not a condition")
def sweep(): pass
"""


def with_modules(repo: Path, *modules: str) -> Settings:
    """The repository with a module of conditions, and settings that name these."""
    write(repo / "checks.py", CHECKS)
    return Settings(modules=modules or ("checks",))


def test_a_registered_function_answers_with_its_evidence(repo: Path) -> None:
    """Its arguments come by name; what it raises means that nobody knows."""
    context = context_of(repo, settings=with_modules(repo))
    expect(context, "fresh", Status.PASSED, "24 hours")
    expect(context, "fresh", Status.FAILED, "1 hours", hours=1)
    expect(context, "bare", Status.FAILED, "bare returned False")
    expect(context, "broken", Status.UNKNOWN, "ValueError: bad day")
    words = "TypeError: fresh() got an unexpected keyword argument 'days'"
    expect(context, "fresh", Status.UNKNOWN, words, days=1)


def test_a_name_that_no_module_registers_is_unknown(repo: Path) -> None:
    """The evidence says what there is; a job is no condition."""
    words = "none of checks registers a condition of that name; registered: fresh, bare, broken"
    expect(context_of(repo, settings=with_modules(repo)), "frehs", Status.UNKNOWN, words)


def test_a_module_that_cannot_be_imported_is_unknown(repo: Path) -> None:
    """Each is imported, since any of them may register the name."""
    settings = with_modules(repo, "checks", "nowhere")
    words = "ModuleNotFoundError: No module named 'nowhere'"
    expect(context_of(repo, settings=settings), "fresh", Status.UNKNOWN, words)


def test_a_declared_condition_comes_before_a_registered_one(repo: Path) -> None:
    """What the file says counts; built-in names can't be taken at all."""
    settings = Settings(modules=("checks",), conditions={"fresh": DeclaredCondition("fresh", "exit 3")})
    expect(context_of(repo, settings=settings), "fresh", Status.FAILED, "exit 3")


def test_without_modules_nothing_is_registered(repo: Path) -> None:
    """The name is an error then, as before."""
    words = "there is no condition 'fresh': declare it under conditions: in .octopoid/octojobs.yaml"
    expect(context_of(repo), "fresh", Status.UNKNOWN, words)


def test_octojobs_is_there_for_a_python_that_has_it_not(repo: Path, tmp_path: Path) -> None:
    """The repository's Python needs nothing installed; a folder called octojobs beside it is not taken for it."""
    write(repo / "octojobs/__init__.py", "raise RuntimeError('the wrong one')\n")
    python = write(tmp_path / "bare-python", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    python.chmod(0o755)
    settings = Settings(modules=("checks",), python=str(python))
    write(repo / "checks.py", CHECKS)
    expect(context_of(repo, settings=settings), "fresh", Status.PASSED, "24 hours")


def test_the_registry_needs_the_standard_library_alone() -> None:
    """It is imported in the repository's Python."""
    program = "import sys, octojobs.facts.registered; print({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    done = subprocess.run([sys.executable, "-P", "-S", "-c", program], capture_output=True, check=True, env={"PYTHONPATH": str(ROOT)})
    assert done.stdout in (b"{'octojobs', '__main__'}\n", b"{'__main__', 'octojobs'}\n")


def test_two_functions_cannot_have_one_name() -> None:
    """Importing a module twice is fine."""

    def first() -> bool:
        return True

    def second() -> bool:
        return False

    register = octojobs.condition("tests.one")
    assert register(first) is first
    assert register(first) is first
    assert registered()["tests.one"] is first
    with pytest.raises(AlreadyRegistered, match=r"^two functions are registered as 'tests.one': .*first and .*second$"):
        register(second)
    with pytest.raises(TypeError, match="needs a name"):
        octojobs.condition(first)  # type: ignore[arg-type]  # the mistake that people make


JOBS = "jobs: {{a: {{manual: true, command: make, conditions: [{}]}}}}"


def test_a_name_that_a_module_may_register_passes_validation() -> None:
    """Validation imports nobody's code; what looks like a slip is a warning."""
    assert problems(JOBS.format("fresh, {fresh: {hours: 2}}"), "modules: [checks]") == []
    words = 'there is no condition "no_agent_running", unless checks or more registers one; did you mean "no_agents_running"?'
    assert problems(JOBS.format("no_agent_running"), "modules: [checks, more]") == [f'1:54: warning: job "a": conditions: {words}']
    words = 'job "a": conditions.fresh: arguments are no mapping; write them by name'
    assert problems(JOBS.format("{fresh: 24}"), "modules: [checks]") == [f"1:62: {words}"]


def test_why_shows_what_a_registered_condition_said(repo: Path) -> None:
    """As for any other guard."""
    files = {
        ".octopoid/jobs.yaml": "jobs: {a: {manual: true, command: 'true', when_blocked: skip, conditions: [{fresh: {hours: 1}}]}}\n",
        ".octopoid/octojobs.yaml": "modules: [checks]\n",
        "checks.py": CHECKS,
    }
    commit_files(repo, files)
    assert octojobs_verb(repo, "allow", "--yes").returncode == 0
    octojobs_verb(repo, "run-now", "a")
    assert "Condition fresh(hours: 1) did not hold: 1 hours." in octojobs_verb(repo, "why", "a").stdout
