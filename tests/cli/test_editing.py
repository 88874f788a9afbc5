"""`create`, `delete`, `enable`, `disable`: the file is edited in place, and its author's text stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import commit_files, git, make_repository, write

JOBS = """\
# ours
jobs:
  # every night
  nightly:
    schedule: "0 2 * * *"   # at two
    command: make nightly

  sweep: {interval: 1h, command: "true"}
"""
FILE = ".octopoid/jobs.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with two jobs and some comments."""
    return make_repository(tmp_path, {FILE: JOBS})


def _text(repo: Path) -> str:
    return (repo / FILE).read_text(encoding="utf-8")


def test_create_adds_a_job_behind_the_others(repo: Path, call: Call) -> None:
    """Comments, order and quotes of what is there stay; it is live after the commit."""
    said = call(repo, "create", "check", "--interval", "10m", "--command", "make check", "--retries", "2", "--condition", "worktree_clean")
    assert said.out == "add job check: written to .octopoid/jobs.yaml, live after the commit\n"
    added = "\n  check:\n    interval: 10m\n    conditions: [worktree_clean]\n    command: make check\n    retries: {max: 2}\n"
    assert _text(repo) == JOBS + added


def test_create_speaks_as_kjob_does(repo: Path, call: Call) -> None:
    """The options of the scheduler text work; the job is declared and listed, and why it can't run yet is said."""
    said = call(repo, "create", "--slug", "audit", "--prompt", "/k-housekeep", "--schedule", "0 9 * * MON", "--agent", "kode")
    assert said.code == 0
    assert said.err == (
        'audit is declared and listed; it can\'t run yet: there is no agent "kode"; '
        "write .octopoid/agents/kode/agent.yaml, or name one of aider, claude, codex, copilot, gemini, generic, gptme, opencode\n"
    )
    assert "audit" in call(repo, "list", "--source", "worktree").out


def test_create_makes_the_file_where_there_is_none(tmp_path: Path, call: Call) -> None:
    """Before any `init`, too."""
    repo = make_repository(tmp_path, {"README": "x"})
    assert call(repo, "create", "a", "--manual", "--command", "true").code == 0
    assert _text(repo) == 'jobs:\n  a:\n    manual: true\n    command: "true"\n'


def test_a_commit_takes_just_that(repo: Path, call: Call) -> None:
    """`--commit`: other files that are staged stay staged."""
    write(repo / "other", "x")
    git(repo, "add", "other")
    said = call(repo, "disable", "sweep", "--commit")
    head = git(repo, "rev-parse", "HEAD")
    assert said.out == f"disable job sweep: committed as {head[:12]}\n"
    assert git(repo, "show", "--name-only", "--format=%s") == f"jobs: disable job sweep\n\n{FILE}"
    assert git(repo, "diff", "--cached", "--name-only") == "other"


def test_a_commit_that_would_take_more_along_is_refused(repo: Path, call: Call) -> None:
    """The file has another change already: nothing is written."""
    before = JOBS.replace("make nightly", "make all")
    write(repo / FILE, before)
    said = call(repo, "disable", "sweep", "--commit")
    assert (said.code, said.err) == (
        2,
        (
            f"octojobs: {FILE} has changes that are not committed, and --commit would take them along; "
            "commit them first, or leave --commit away\n"
        ),
    )
    assert _text(repo) == before


def test_disable_and_enable_are_each_other_s_opposite(repo: Path, call: Call) -> None:
    """They say when it is live, and what acts now."""
    said = call(repo, "disable", "nightly")
    assert said.out == "disable job nightly: written to .octopoid/jobs.yaml, live after the commit; `octojobs pause nightly` acts now\n"
    assert "    enabled: false\n" in _text(repo)
    assert call(repo, "disable", "nightly").out == "nightly is disabled already\n"
    assert call(repo, "enable", "nightly").code == 0
    assert "    enabled: true\n" in _text(repo)


def test_a_daemon_that_follows_the_working_tree_needs_no_commit(repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved is live then, and that is what is said."""
    monkeypatch.setattr("octojobs.cli.editing.is_live_on_save", lambda _: True)
    assert call(repo, "delete", "sweep").out == "remove job sweep: written to .octopoid/jobs.yaml, live now\n"


def test_delete_takes_the_job_and_its_comment(repo: Path, call: Call) -> None:
    """And nothing else."""
    assert call(repo, "delete", "nightly").code == 0
    assert _text(repo) == '# ours\njobs:\n  sweep: {interval: 1h, command: "true"}\n'


def test_delete_removes_the_file_that_was_that_one_job(repo: Path, call: Call) -> None:
    """One job a file."""
    commit_files(repo, {".octopoid/jobs/alone.yaml": "{interval: 5m, command: 'true'}\n"})
    assert call(repo, "delete", "alone").out.startswith("remove job alone: written to .octopoid/jobs/alone.yaml, live after the commit")
    assert not (repo / ".octopoid/jobs/alone.yaml").exists()


def test_a_dry_run_shows_the_difference(repo: Path, call: Call) -> None:
    """And writes nothing."""
    said = call(repo, "disable", "sweep", "--dry-run")
    assert '-  sweep: {interval: 1h, command: "true"}\n+  sweep: {enabled: false, interval: 1h, command: "true"}\n' in said.out
    assert _text(repo) == JOBS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["delete", "nihgtly"], 'octojobs: there is no job "nihgtly" in the working tree; did you mean "nightly"?\n'),
        (
            ["create", "Nightly", "--manual", "--command", "x"],
            'octojobs: job "nightly" is there already, in .octopoid/jobs.yaml:4; choose another name\n',
        ),
        (
            ["create", "1st", "--manual", "--command", "x"],
            "octojobs: '1st' is not a job name: a letter or _ first, then letters, digits, _ . -, 63 at most\n",
        ),
        (
            ["create", "a", "--schedule", "61 * * * *", "--command", "x"],
            'octojobs: job "a": schedule: minute 61 is outside 0-59; use 0-59, */n or a list; nothing was written\n',
        ),
        (
            ["create", "a", "--command", "x"],
            (
                "octojobs create: say when it is due with one of --schedule, --interval, --after, --manual\n"
                "`octojobs create --help` shows how\n"
            ),
        ),
        (
            ["create", "a", "--manual", "--interval", "5m", "--command", "x"],
            (
                "octojobs create: say when it is due with one of --schedule, --interval, --after, --manual, "
                "not with --interval and --manual\n"
                "`octojobs create --help` shows how\n"
            ),
        ),
        (
            ["create", "a", "--manual", "--command", "x", "--agent", "kode"],
            "octojobs create: --agent needs a --prompt\n`octojobs create --help` shows how\n",
        ),
        (
            ["create", "--manual", "--command", "x"],
            "octojobs create: name the job: `octojobs create NAME …`\n`octojobs create --help` shows how\n",
        ),
        (
            ["create", "a", "--slug", "b", "--manual", "--command", "x"],
            "octojobs create: the job has two names, a and b\n`octojobs create --help` shows how\n",
        ),
    ],
)
def test_what_can_t_be_done_is_said_and_nothing_is_written(arguments: list[str], message: str, repo: Path, call: Call) -> None:
    """What is wrong, and how to go on."""
    said = call(repo, *arguments)
    assert (said.code, said.err) == (2, message)
    assert _text(repo) == JOBS


def test_a_broken_file_is_mended_first(repo: Path, call: Call) -> None:
    """Its own problems are named, with their places."""
    write(repo / FILE, "jobs:\n  a: {interval: x, command: y}\n")
    said = call(repo, "disable", "a")
    assert said.code == 2
    assert said.err.startswith(f'{FILE}:2:17: job "a": interval: "x" is not a duration')


def test_a_commit_that_git_refuses_is_said_to_be_missing(repo: Path, call: Call) -> None:
    """The file is written; only the commit is not."""
    (repo / ".git/index.lock").write_text("", encoding="utf-8")
    said = call(repo, "disable", "nightly", "--commit")
    assert said.code == 1
    assert said.err.startswith("octojobs: .octopoid/jobs.yaml is written and not committed: ")
    assert said.err.endswith("; mend that, then `git commit`\n")
    assert "enabled: false" in _text(repo)


def test_a_file_in_the_place_of_the_folder_is_named_with_the_remedy(tmp_path: Path, call: Call) -> None:
    """Once, whatever would have been below it."""
    repo = make_repository(tmp_path, {".octopoid": "x"})
    said = call(repo, "create", "a", "--manual", "--command", "true")
    assert (said.code, said.err) == (2, "octojobs: .octopoid: this is a file, not a folder; remove it, and put a folder there\n")
