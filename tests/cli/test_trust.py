"""`allow` shows what would run and asks; `deny` takes it back; `hook post-merge` says what waits."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import commit_files, environment, home_of, make_repository, script

JOBS = "jobs:\n  a: {interval: 1h, command: 'make a'}\n"
MORE = JOBS + "  b: {schedule: '@daily', command: [make, b]}\n"
FILE = ".octopoid/jobs.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository that nobody has allowed."""
    return make_repository(tmp_path, {FILE: JOBS})


def test_allow_without_a_terminal_asks_for_a_word(repo: Path, call: Call) -> None:
    """It shows what would run, and exits 2 with the remedy."""
    said = call(repo, "allow")
    assert said.code == 2
    assert said.out.endswith(":\n  a: every 1h: make a\n")
    assert said.err == "octojobs: nobody is here to answer; read the above, then `octojobs allow --yes`\n"
    assert call(repo, "status", "--json").json["trust"] == {"allowed": False, "level": None}


@pytest.mark.parametrize(("answer", "code", "end"), [("n", 1, "octojobs: nothing was allowed\n"), ("y", 0, ", at level repository\n")])
def test_at_a_terminal_the_answer_counts(answer: str, code: int, end: str, repo: Path) -> None:
    """A no is an answer, not an interruption."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [script(), "allow"], cwd=repo, env=environment(home_of(repo)), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        with suppress(OSError):  # how Linux says that the other end is closed
            while part := os.read(ours, 4096):
                said += part
        assert process.wait() == code
    os.close(ours)
    assert said.decode().replace("\r\n", "\n").endswith(end)


def test_a_dry_run_allows_nothing(repo: Path, call: Call) -> None:
    """Only reads."""
    assert call(repo, "allow", "--dry-run").code == 0
    assert call(repo, "status", "--json").json["trust"]["allowed"] is False


def test_yes_is_a_word(repo: Path, call: Call) -> None:
    """For scripts; asking again changes nothing."""
    assert call(repo, "allow", "--yes").out.endswith(f"allowed: {repo}, at level repository\n")
    assert call(repo, "allow").out.endswith(f"{repo} is allowed already, at level repository\n")


def test_at_level_plan_a_change_waits_and_is_shown(repo: Path, call: Call) -> None:
    """`hook post-merge` and `status` say that it waits; `allow` shows the difference, and ends the waiting."""
    call(repo, "allow", "--yes", "--level", "plan")
    commit_files(repo, {FILE: MORE})
    assert (
        call(repo, "hook", "post-merge", "0").err == "octojobs: the plan of octojobs changed and waits: `octojobs allow` shows the change\n"
    )
    waits = {"what": "a changed plan waits for approval", "fix": "`octojobs allow` shows the change, and asks"}
    assert call(repo, "status", "--json").json["problems"] == [waits]
    said = call(repo, "allow", "--yes")
    assert "+  b: {schedule: '@daily', command: [make, b]}\n" in said.out
    assert " jobs:\n" in said.out
    assert call(repo, "hook", "post-checkout", "1", "2", "1").err == ""
    assert call(repo, "status", "--json").json["problems"] == []


def test_what_can_t_be_read_can_t_be_allowed(repo: Path, call: Call) -> None:
    """Nobody could say what it would run."""
    commit_files(repo, {FILE: "jobs: [\n"})
    said = call(repo, "allow", "--yes")
    assert said.code == 2
    assert said.err.startswith(f"{FILE}:")


def test_deny_takes_it_back(repo: Path, call: Call) -> None:
    """Twice is said to be nothing."""
    call(repo, "allow", "--yes")
    assert call(repo, "deny", "--dry-run").out == f"would be denied: {repo}\n"
    assert call(repo, "deny").out == f"denied: {repo}\n"
    assert call(repo, "deny").out == f"{repo} was not allowed\n"
    assert call(repo, "tick").code == 4


def test_at_level_plan_scripts_are_shown_pinned_and_compared(repo: Path, call: Call) -> None:
    """`allow` lists what is pinned and what is not; a script that changed waits, is shown, and its job does not start meanwhile."""
    script_job = "  s: {command: 'sh run.sh build.sh', manual: true}\n"
    (repo / "build.sh").write_text("")
    commit_files(repo, {FILE: JOBS + script_job, "run.sh": "echo old\n", "empty.sh": ""})
    said = call(repo, "allow", "--yes", "--level", "plan").out
    assert "\npins: run.sh " in said
    assert "\nnot pinned: build.sh: not in the commit (s)\n" in said
    commit_files(repo, {"run.sh": "echo new\n"})
    assert "-echo old\n+echo new\n" in call(repo, "allow", "--dry-run").out
    reason = call(repo, "status", "--json").json["problems"][1]["what"]
    assert reason.startswith("s does not start: run.sh is not the approved one (")
    assert call(repo, "run-now", "s").code == 1
    assert call(repo, "why", "s").out.splitlines()[1].startswith("It was skipped: run.sh is not the approved one (")
    call(repo, "allow", "--yes")
    assert call(repo, "run-now", "s").code == 0
    assert call(repo, "status", "--json").json["problems"] == []


def test_at_level_repository_nothing_is_pinned(repo: Path, call: Call) -> None:
    """Whatever is there runs, and `allow` doesn't speak of it."""
    commit_files(repo, {FILE: "jobs:\n  s: {command: sh run.sh, manual: true}\n", "run.sh": "true\n"})
    assert "pins:" not in call(repo, "allow", "--yes").out
    (repo / "run.sh").write_text("echo new\n")
    assert call(repo, "run-now", "s").code == 0


def test_a_new_script_of_no_length_waits_too(repo: Path, call: Call) -> None:
    """No line of it can be shown, and it is a change all the same."""
    commit_files(repo, {FILE: "jobs:\n  s: {command: sh run.sh, manual: true}\n"})
    call(repo, "allow", "--yes", "--level", "plan")
    commit_files(repo, {"run.sh": ""})
    assert call(repo, "allow", "--yes").out.endswith(f"allowed: {repo}, at level plan\n")
    assert call(repo, "allow").out.endswith("is allowed already, at level plan\n")


def test_at_level_plan_the_script_of_a_channel_has_to_be_the_approved_one(repo: Path, call: Call) -> None:
    """It is run by whoever delivers: a commit that changes it waits, and until then nobody is told by another one."""
    told = "channels: {ops: {command: [sh, bin/tell.sh]}}\n"
    jobs = "jobs: {fails: {manual: true, command: exit 1, notify: {on: [failed], channels: [ops]}}}\n"
    commit_files(repo, {".octopoid/octojobs.yaml": told, ".octopoid/jobs.yaml": jobs, "bin/tell.sh": "echo >> approved\n"})
    shown = call(repo, "allow", "--level", "plan", "--yes").out
    assert [line.partition("(")[2] for line in shown.splitlines() if line.startswith("pins: bin/tell.sh ")] == ["channel ops)"]
    assert call(repo, "run-now", "fails").code == 1
    assert (repo / "approved").exists()
    commit_files(repo, {"bin/tell.sh": "echo > canary\n"})
    assert "-echo >> approved\n+echo > canary\n" in call(repo, "allow", "--dry-run").out
    daemon_says = call(repo, "run-now", "fails").err
    assert "waits for `octojobs allow`" in daemon_says
    assert not (repo / "canary").exists()
