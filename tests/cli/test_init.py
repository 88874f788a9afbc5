"""`init`: a beginning in an empty repository that runs, and nothing overwritten anywhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from octojobs.actions.hooks import PRE_COMMIT
from tests.cli.conftest import Call
from tests.helpers import git, home_of, make_repository, octojobs, script, write

ROOT = Path(__file__).parents[2]


def test_init_then_git_commit_then_up_once_runs_the_examples(tmp_path: Path) -> None:
    """In an empty repository, by the installed command, with the hook that init installed: exit 0, and each job ran."""
    repo = make_repository(tmp_path)
    path = f"{Path(script()).parent}{os.pathsep}{os.environ['PATH']}"
    refused = octojobs(repo, "up", "--once", PATH=path)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"octojobs: {repo} has no commit yet, and definitions are read from a commit; "
        "commit .octopoid/jobs.yaml, or use --source worktree while developing\n"
    )
    began = octojobs(repo, "init", PATH=path)
    assert began.returncode == 0, began.stderr
    assert began.stdout.splitlines() == [
        "wrote  .octopoid/jobs.yaml: four jobs as examples",
        "wrote  .gitignore: .octopoid/tasks/",
        "set  .git/hooks/pre-commit: checks the definitions that are staged",
        "set  this repository is allowed to run its jobs on this machine; `octojobs deny` takes that back",
        "next: `git commit`, then `octojobs up`",
    ]
    git(repo, "commit", "--quiet", "--message", "begin")
    ran = octojobs(repo, "up", "--once", PATH=path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {line.partition("@")[0] for line in ran.stdout.splitlines()} == {"check_objects", "prune_worktrees", "list_branches"}
    assert " succeeded after " in ran.stdout
    assert octojobs(repo, "status", PATH=path).returncode == 0


def test_the_hook_that_init_installs_refuses_what_is_wrong(tmp_path: Path) -> None:
    """What is staged is checked when it is committed."""
    repo = make_repository(tmp_path)
    path = f"{Path(script()).parent}{os.pathsep}{os.environ['PATH']}"
    assert octojobs(repo, "init", "--commit").returncode == 0
    write(repo / ".octopoid/jobs.yaml", "jobs: {a: {interval: 5x, command: y}}\n")
    git(repo, "add", ".octopoid")
    said = octojobs(repo, "hook", "pre-commit", PATH=path)
    assert said.returncode == 2
    assert said.stderr.splitlines()[0].startswith('.octopoid/jobs.yaml:1:22: job "a": interval: "5x" is not a duration')
    assert said.stderr.splitlines()[-1] == "octojobs: 1 problem in what is staged; mend and `git add` it, or `git commit --no-verify`"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a file that has nothing to do with octojobs."""
    repo = make_repository(tmp_path, {"README": "x"})
    monkeypatch.setenv("XDG_STATE_HOME", str(home_of(repo)))
    return repo


def test_the_hook_is_the_one_of_the_source_tree(repo: Path, call: Call) -> None:
    """A wheel has no `hooks/`; what it installs is the same text, executable."""
    assert call(repo, "init").code == 0
    hook = repo / ".git/hooks/pre-commit"
    assert hook.read_text(encoding="utf-8") == PRE_COMMIT == (ROOT / "hooks/pre-commit").read_text(encoding="utf-8")
    assert stat.S_IMODE(hook.stat().st_mode) & 0o111


def test_a_dry_run_writes_nothing(repo: Path, call: Call) -> None:
    """It says what it would do."""
    said = call(repo, "init", "--dry-run")
    assert said.out.splitlines()[0] == "would write  .octopoid/jobs.yaml: four jobs as examples"
    assert not (repo / ".octopoid").exists()
    assert call(repo, "tick").code in (2, 4)


def test_init_commits_just_what_it_wrote(repo: Path, call: Call) -> None:
    """`--commit`: what else is staged stays staged."""
    write(repo / "other", "x")
    git(repo, "add", "other")
    assert call(repo, "init", "--commit").out.splitlines()[-1].startswith("committed as ")
    assert git(repo, "show", "--name-only", "--format=").split() == [".gitignore", ".octopoid/jobs.yaml"]
    assert git(repo, "diff", "--cached", "--name-only") == "other"


def test_a_second_init_changes_nothing(repo: Path, call: Call) -> None:
    """Everything is kept, and said to be."""
    call(repo, "init", "--commit")
    before = (repo / ".octopoid/jobs.yaml").read_bytes()
    said = call(repo, "init")
    assert [line.split()[0] for line in said.out.splitlines()] == ["kept"] * 4
    assert (repo / ".octopoid/jobs.yaml").read_bytes() == before


def test_jobs_that_were_here_before_are_not_trusted_by_init(tmp_path: Path, call: Call) -> None:
    """Somebody else wrote them: they have to be read first."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1h, command: 'true'}}\n"})
    said = call(repo, "init")
    assert said.out.splitlines()[0] == "kept  there are jobs in .octopoid already: left as they are"
    assert said.out.splitlines()[3] == "kept  jobs that were here before are not allowed by this: `octojobs allow` shows them, and asks"
    assert call(repo, "tick").code == 4


def test_a_foreign_hook_is_left_alone(repo: Path, call: Call) -> None:
    """The line to add is shown."""
    hook = write(repo / ".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n")
    said = call(repo, "init")
    assert "kept  .git/hooks/pre-commit is somebody else's: add this line to it\n      octojobs hook pre-commit\n" in said.out
    assert hook.read_text(encoding="utf-8") == "#!/bin/sh\nexit 0\n"


def test_a_configuration_of_pre_commit_gets_lines_to_add(repo: Path, call: Call) -> None:
    """The pre-commit tool rules the hooks there."""
    write(repo / ".pre-commit-config.yaml", "repos: []\n")
    said = call(repo, "init")
    assert "kept  .pre-commit-config.yaml rules the hooks here: add these lines under `repos:`\n" in said.out
    assert "            entry: octojobs-validate\n" in said.out
    assert not (repo / ".git/hooks/pre-commit").exists()


def test_a_configuration_of_pre_commit_that_nothing_calls_is_told(repo: Path, call: Call) -> None:
    """Its lines check nothing until `pre-commit install` was run in this clone: `init` and `doctor` say so."""
    write(repo / ".pre-commit-config.yaml", "repos: [{repo: local, hooks: [{id: octojobs-validate}]}]\n")
    what = "kept  .pre-commit-config.yaml names octojobs-validate, and git calls no hook in this clone yet: run this\n"
    assert f"{what}      pre-commit install\n" in call(repo, "init").out
    hint = "weak   hooks: .pre-commit-config.yaml names octojobs-validate, and no hook is installed; `pre-commit install`\n"
    assert hint in call(repo, "doctor").out
    write(repo / ".git/hooks/pre-commit", "#!/bin/sh\n# File generated by pre-commit\n")
    assert "ok     hooks: the pre-commit hook checks the definitions\n" in call(repo, "doctor").out


def test_a_gitignore_of_any_bytes_gets_its_line(repo: Path, call: Call) -> None:
    """Git takes them as they are, and so does `init`; a missing end of line is made up for."""
    (repo / ".gitignore").write_bytes(b"caf\xe9")
    assert call(repo, "init").code == 0
    assert (repo / ".gitignore").read_bytes() == b"caf\xe9\n.octopoid/tasks/\n"


def test_links_are_not_written_through(repo: Path, tmp_path: Path, call: Call) -> None:
    """They may lead out of the repository: `.octopoid` is refused, and `.gitignore` left to its owner."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (repo / ".octopoid").symlink_to(outside)
    said = call(repo, "init")
    assert (said.code, said.err) == (2, "octojobs: .octopoid is a link, not a folder; put a folder there, or remove it\n")
    (repo / ".octopoid").unlink()
    write(repo / ".octopoid", "")
    assert call(repo, "init").err == "octojobs: .octopoid is a file, not a folder; put a folder there, or remove it\n"
    (repo / ".octopoid").unlink()
    (repo / ".gitignore").symlink_to(outside / "ignored")
    said = call(repo, "init")
    assert (said.code, said.err) == (0, "")
    assert "kept  .gitignore is a link: put a file there, with this line\n      .octopoid/tasks/\n" in said.out
    assert not list(outside.iterdir())


def test_a_hooks_path_inside_the_repository_is_respected(repo: Path, call: Call) -> None:
    """`core.hooksPath`."""
    git(repo, "config", "core.hooksPath", "tools/hooks")
    assert "set  tools/hooks/pre-commit: checks the definitions that are staged\n" in call(repo, "init").out
    assert (repo / "tools/hooks/pre-commit").exists()


def test_a_hooks_path_outside_is_everybody_s(repo: Path, tmp_path: Path, call: Call) -> None:
    """A hook there would serve every repository of the user: the line to add is shown."""
    git(repo, "config", "core.hooksPath", str(tmp_path / "global"))
    said = call(repo, "init")
    assert f"kept  core.hooksPath leads out of this repository: add this line to {tmp_path}/global/pre-commit\n" in said.out
    assert not (tmp_path / "global").exists()


def test_no_hook_leaves_hooks_alone(repo: Path, call: Call) -> None:
    """`--no-hook`."""
    call(repo, "init", "--no-hook")
    assert not (repo / ".git/hooks/pre-commit").exists()


def test_lines_are_added_to_a_gitignore_that_is_there(repo: Path, call: Call) -> None:
    """Behind its last line, which may lack its newline."""
    write(repo / ".gitignore", "*.o")
    call(repo, "init")
    assert (repo / ".gitignore").read_text(encoding="utf-8") == "*.o\n.octopoid/tasks/\n"


def test_outside_git_init_says_what_to_do(tmp_path: Path, call: Call) -> None:
    """`git init` first."""
    said = call(tmp_path, "init")
    assert said.code == 2
    assert said.err == f"octojobs: {tmp_path} is not inside a git repository; run octojobs inside one, or `git init` first\n"
