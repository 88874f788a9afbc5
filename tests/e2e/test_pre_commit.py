"""The hooks as people use them: the plain ones copied into .git/hooks, and ours in the real pre-commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import environment, git, make_repository, script, write

ROOT = Path(__file__).parents[2]
JOBS = ".octopoid/jobs.yaml"
GOOD = "jobs:\n  one: {interval: 5m, command: 'true'}\n"
BAD = "jobs:\n  one: {interval: 5m, comand: 'true'}\n"
PROBLEM = f'{JOBS}:2:23: job "one": unknown field "comand"; did you mean "command"?'
GENERATED = (".git", ".venv", "*cache*", ".hypothesis", "build", "dist", "*.egg-info")


def commit(root: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`git commit` of all that is changed, with its hooks."""
    git(root, "add", "--all")
    return subprocess.run(["git", "commit", "-m", "x"], cwd=root, env=env, capture_output=True, text=True, check=False)


def install(root: Path, name: str) -> None:
    """As `cp hooks/NAME .git/hooks/` does it."""
    shutil.copy(ROOT / "hooks" / name, root / ".git/hooks" / name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return home


def with_octojobs(home: Path) -> dict[str, str]:
    """An environment in which `octojobs` is on PATH."""
    return environment(home, PATH=f"{Path(script()).parent}{os.pathsep}{os.environ['PATH']}")


def without_octojobs(home: Path) -> dict[str, str]:
    """An environment with git and a shell, and nothing else on PATH."""
    tools = home / "bin"
    tools.mkdir(exist_ok=True)
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    return environment(home, PATH=str(tools))


def test_the_plain_hook_refuses_a_commit_of_broken_definitions(tmp_path: Path, home: Path) -> None:
    """With the problem and its place; mended, the commit passes."""
    root = make_repository(tmp_path, {"a": "a"})
    install(root, "pre-commit")
    write(root / JOBS, BAD)
    refused = commit(root, with_octojobs(home))
    assert refused.returncode != 0
    assert PROBLEM in refused.stderr
    write(root / JOBS, GOOD)
    assert commit(root, with_octojobs(home)).returncode == 0


def test_the_plain_hook_lets_the_commit_pass_where_octojobs_is_missing(tmp_path: Path, home: Path) -> None:
    """It warns when definitions are staged, and is silent about everything else."""
    root = make_repository(tmp_path, {"a": "a"})
    install(root, "pre-commit")
    env = without_octojobs(home)
    write(root / JOBS, BAD)
    passed = commit(root, env)
    assert (passed.returncode, passed.stderr) == (0, "octojobs is not on PATH: the staged changes in .octopoid/ were not checked\n")
    write(root / "a", "b")
    passed = commit(root, env)
    assert (passed.returncode, passed.stderr) == (0, "")


@pytest.mark.parametrize("name", ["post-merge", "post-checkout"])
def test_the_hooks_after_the_fact_never_fail(tmp_path: Path, home: Path, name: str) -> None:
    """A checkout's exit code is its own, whatever octojobs has to say, and if it is there at all."""
    root = make_repository(tmp_path, {JOBS: GOOD})
    install(root, name)
    git(root, "branch", "other")
    command = ["checkout", "--quiet", "other"] if name == "post-checkout" else ["merge", "--quiet", "other"]
    for env in (with_octojobs(home), without_octojobs(home)):
        done = subprocess.run(["git", *command], cwd=root, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_hook_files_are_short_and_run_by_a_plain_shell() -> None:
    """At most 15 lines that delegate, executable, and nothing that only bash understands."""
    files = sorted((ROOT / "hooks").iterdir())
    assert [file.name for file in files] == ["post-checkout", "post-merge", "pre-commit"]
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 15
        assert f"octojobs hook {file.name}" in text
        assert os.access(file, os.X_OK)
        assert subprocess.run(["sh", "-n", str(file)], check=False).returncode == 0


@pytest.mark.timeout(300)
def test_other_repositories_use_the_hook_with_the_real_pre_commit(tmp_path: Path, home: Path) -> None:
    """pre-commit clones this repository, installs it into an environment of its own, and refuses broken definitions."""
    hooks = make_repository(tmp_path / "hooks")
    shutil.copytree(ROOT, hooks, ignore=shutil.ignore_patterns(*GENERATED), dirs_exist_ok=True)
    git(hooks, "add", "--all")
    git(hooks, "commit", "--quiet", "-m", "octojobs")
    root = make_repository(tmp_path, {"a": "a"})
    config = f"repos:\n- repo: {hooks}\n  rev: {git(hooks, 'rev-parse', 'HEAD')}\n  hooks: [{{id: octojobs-validate}}]\n"
    write(root / ".pre-commit-config.yaml", config)
    env = environment(home, PRE_COMMIT_HOME=str(tmp_path / "cache"))
    subprocess.run([sys.executable, "-m", "pre_commit", "install"], cwd=root, env=env, capture_output=True, check=True)
    write(root / JOBS, BAD)
    refused = commit(root, env)
    assert refused.returncode != 0
    assert PROBLEM in refused.stderr + refused.stdout
    write(root / JOBS, GOOD)
    passed = commit(root, env)
    assert passed.returncode == 0, passed.stderr
    assert "octojobs definitions" in passed.stderr
    write(root / "a", "b")
    skipped = commit(root, env)
    assert (skipped.returncode, "Skipped" in skipped.stderr) == (0, True)
