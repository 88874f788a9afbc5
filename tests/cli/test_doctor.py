"""`doctor`: each part of a repository that is wrong or weak is named with its remedy."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from octojobs import platform
from octojobs.actions.asking import who
from octojobs.actions.checkup import machine
from octojobs.actions.service_unit import install_service
from octojobs.actions.workspace import Workspace
from tests.cli.conftest import Call
from tests.helpers import make_repository, octojobs, write

FILE = ".octopoid/jobs.yaml"
STORY = (
    *("disk", "restart", "nothing lost", "one outcome", "at most once", "adopted"),
    *("one daemon", "commit is deploy", "nothing left", "clock"),
)
GOOD = "jobs:\n  a: {interval: 1h, command: 'true'}\n"


@pytest.fixture
def repo(tmp_path: Path, call: Call) -> Path:
    """A repository that is allowed and has run a job."""
    repo = make_repository(tmp_path, {FILE: GOOD})
    assert call(repo, "allow", "--yes").code == 0
    assert call(repo, "pause", "a").code == 0
    return repo


def _findings(call: Call, repo: Path) -> dict[str, dict[str, Any]]:
    return {one["subject"]: one for one in call(repo, "doctor", "--json").json["findings"]}


def test_a_healthy_repository_is_looked_at_in_all_parts(repo: Path, call: Call) -> None:
    """The hook alone is missing here, which is weak: exit 0."""
    said = call(repo, "doctor")
    assert said.code == 0
    found = _findings(call, repo)
    parts = "python git clock file-system locks processes time-zones trust hooks agents separation daemon state space history definitions"
    assert {part.replace("-", " ") for part in parts.split()} == set(found)
    assert {one["level"] for one in found.values()} <= {"ok", "weak"}
    assert "weak   hooks: no pre-commit hook checks the definitions; `octojobs init` installs it\n" in said.out


@pytest.mark.parametrize(
    ("jobs", "files", "finding"),
    [
        (
            "jobs: {s: {interval: 1h, run: 'tools.sweep:main'}}\n",
            {},
            {
                "level": "weak",
                "subject": "job s",
                "what": "tools.sweep is no file of this repository",
                "fix": "its Python must have it installed; `octojobs run-now` tells",
            },
        ),
        (
            "jobs: {s: {interval: 1h, run: registered}}\n",
            {},
            {
                "level": "wrong",
                "subject": "job s",
                "what": "nothing registers a job called registered",
                "fix": "name the module that registers it under `modules:` in .octopoid/octojobs.yaml",
            },
        ),
        (
            "jobs: {s: {interval: 1h, command: [no-such-program-here]}}\n",
            {},
            {
                "level": "wrong",
                "subject": "job s",
                "what": "there is no program no-such-program-here",
                "fix": "install it, or correct the job",
            },
        ),
        (
            "jobs: {s: {interval: 1h, command: 'true', cwd: gone}}\n",
            {},
            {"level": "wrong", "subject": "job s", "what": "its folder gone is not there", "fix": "make it, or correct `cwd`"},
        ),
        (
            "jobs: {s: {interval: 1h, agent: kode, prompt: x}}\n",
            {},
            {
                "level": "wrong",
                "subject": "job s",
                "what": 'there is no agent "kode"',
                "fix": "write .octopoid/agents/kode/agent.yaml, or name one of "
                "aider, claude, codex, copilot, gemini, generic, gptme, opencode",
            },
        ),
        (
            "jobs: {s: {interval: 1h, agent: kode, prompt: x}}\n",
            {".octopoid/agents/kode/agent.yaml": "command: [no-such-agent-here]\n"},
            {
                "level": "wrong",
                "subject": "job s",
                "what": "there is no program no-such-agent-here",
                "fix": "install it, or correct the job",
            },
        ),
        (
            GOOD,
            {".octopoid/agents.yaml": "agents: []\n"},
            {
                "level": "weak",
                "subject": "octopoid",
                "what": (
                    "octopoid (.octopoid/agents.yaml) reads .octopoid/jobs.yaml, too: it would run the same jobs, and can't read a mapping"
                ),
                "fix": "say `jobs_file: .octopoid/octojobs-jobs.yaml` in .octopoid/octojobs.yaml, and move ours there",
            },
        ),
    ],
    ids=["module", "name", "program", "folder", "agent", "agent's program", "octopoid"],
)
def test_what_a_job_names_is_looked_for(jobs: str, files: dict[str, str], finding: dict[str, str], tmp_path: Path, call: Call) -> None:
    """`validate` imports and runs nobody's code; `doctor` looks whether it is there."""
    repo = make_repository(tmp_path, {FILE: jobs, **files})
    said = call(repo, "doctor", "--json")
    assert finding in said.json["findings"]
    assert said.code == (1 if finding["level"] == "wrong" else 0)


def test_a_guard_that_cannot_be_told_is_named(tmp_path: Path, call: Call) -> None:
    """Its job does not start: a program that is missing, a name that no module registers. Nothing is asked before it is allowed."""
    guards = "[worktree_clean, {command: [no-such-program-here]}, fresh]"
    jobs = f"jobs: {{s: {{interval: 1h, command: 'true', conditions: {guards}}}}}\n"
    repo = make_repository(tmp_path, {FILE: jobs, ".octopoid/octojobs.yaml": "modules: [checks]\n", "checks.py": ""})
    assert not [one for one in call(repo, "doctor", "--json").json["findings"] if one["subject"] == "job s"]
    assert call(repo, "allow", "--yes").code == 0
    said = call(repo, "doctor")
    unless = "such a guard does not pass, unless the job says `on_unknown: run`"
    missing = "command(command: no-such-program-here) is unknown: no-such-program-here can't be started: no such file or directory"
    assert f"weak   job s: {missing}; {unless}\n" in said.out
    nobody = "fresh is unknown: none of checks registers a condition of that name; registered: none"
    assert f"weak   job s: {nobody}; {unless}\n" in said.out
    assert said.code == 0


def test_a_module_of_the_repository_is_found(tmp_path: Path, call: Call) -> None:
    """As a file or as a package; octojobs' own functions are, too."""
    ours = "octojobs.housekeeping.history:prune_history"
    jobs = f"jobs:\n  s: {{interval: 1h, run: 'tools.sweep:main'}}\n  p: {{interval: 1d, run: '{ours}'}}\n"
    repo = make_repository(tmp_path, {FILE: jobs, "tools/sweep.py": "def main(): ...\n"})
    assert not [subject for subject in _findings(call, repo) if subject.startswith("job ")]


def test_a_secret_that_is_missing_is_named(tmp_path: Path, call: Call) -> None:
    """With the file in which to write it; its value never shows."""
    repo = make_repository(tmp_path, {FILE: "jobs: {s: {interval: 1h, command: 'true', secrets: [NO_SUCH_TOKEN]}}\n"})
    assert "NO_SUCH_TOKEN" in _findings(call, repo)["job s"]["what"]


def test_invalid_definitions_are_wrong(tmp_path: Path, call: Call) -> None:
    """The first problem is shown, and the verb that shows all."""
    repo = make_repository(tmp_path, {FILE: "jobs: {s: {intervall: 1h, command: 'true'}}\n"})
    finding = _findings(call, repo)["definitions"]
    assert finding["level"] == "wrong"
    assert finding["what"].startswith("2 problems, the first: .octopoid/jobs.yaml:1:") or "1 problem" in finding["what"]
    assert finding["fix"] == "`octojobs validate` shows them all"


def test_a_damaged_state_is_exit_5(repo: Path, call: Call) -> None:
    """And `status` says so, too."""
    state = repo / ".git/octojobs"
    write(state / "state.json", "{}")
    for name in ("state.json.bak", "journal.jsonl", "journal.jsonl.bak"):
        (state / name).unlink(missing_ok=True)
    said = call(repo, "doctor")
    assert said.code == 5
    assert "wrong  state: " in said.out
    assert call(repo, "status").code == 1


def test_a_state_folder_that_others_may_read_is_weak(repo: Path, call: Call) -> None:
    """It holds what jobs print."""
    state = repo / ".git/octojobs"
    state.chmod(0o755)
    finding = _findings(call, repo)["state"]
    assert (finding["level"], finding["fix"]) == ("weak", f"`chmod 700 {state}`")


def test_a_service_that_ends_with_the_session_is_weak(repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Until its user lingers; the name is that of the instance."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(machine, "LINGERING", tmp_path / "linger")
    assert "service" not in _findings(call, repo)
    installed = install_service(Workspace.open(repo))
    unit = next(path for path in installed.written if path.name == "octojobs.conf").parent.name.removesuffix(".d")
    weak = {
        "level": "weak",
        "subject": "service",
        "what": f"{unit} runs only while somebody is logged in",
        "fix": "`loginctl enable-linger`",
    }
    assert _findings(call, repo)["service"] == weak
    write(tmp_path / "linger" / who(), "")
    assert _findings(call, repo)["service"]["level"] == "ok"


@pytest.mark.parametrize(
    ("kept", "level", "what"),
    [
        (True, "ok", ", synchronised"),
        (False, "weak", ", and nothing keeps it right"),
        (None, "ok", "; whether it is synchronised is not known here"),
    ],
)
def test_a_clock_that_nothing_keeps_right_is_weak(
    repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch, kept: bool | None, level: str, what: str
) -> None:
    """The kernel knows; where it can't be asked, that is said."""
    monkeypatch.setattr("octojobs.platform.clock_is_synchronized", lambda: kept)
    found = _findings(call, repo)["clock"]
    assert (found["level"], found["what"][20:]) == (level, what)
    assert bool(found["fix"]) is (level == "weak")


def test_the_kernel_is_asked_about_the_clock() -> None:
    """A plain answer, whatever it is on this machine."""
    assert platform.clock_is_synchronized() in (True, False, None)


def test_the_selftest_tells_what_this_machine_keeps_of_the_promises(repo: Path) -> None:
    """Real daemons, really killed; its own repository goes with it."""
    before = sorted(path.name for path in (repo / ".git").iterdir())
    done = octojobs(repo, "doctor", "--selftest", "3", "--json")
    told = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"][-len(STORY) :]}
    assert tuple(told) == STORY
    assert [finding["what"] for finding in told.values() if finding["level"] == "wrong"] == []
    assert done.stderr.startswith("selftest: a first daemon, a second one, and a commit\n")
    assert sorted(path.name for path in (repo / ".git").iterdir()) == before


def test_the_selftest_tells_of_a_broken_promise_and_keeps_the_evidence(repo: Path, tmp_path: Path) -> None:
    """On a machine whose shell does everything twice."""
    shell = tmp_path / "bin" / "sh"
    write(shell, '#!/bin/sh\n/bin/sh "$@"\nexec /bin/sh "$@"\n')
    shell.chmod(0o755)
    done = octojobs(repo, "doctor", "--selftest", "2", PATH=f"{shell.parent}:{os.environ['PATH']}")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert re.match(r"wrong  at most once: '(beat\d|slow)@\d{8}T\d{6}Z 1' took effect 2 times; ", line)
    (kept,) = (repo / ".git").glob("octojobs-selftest-*")
    assert f"report this with {kept}, which is kept for that" in line
    assert (kept / "repo/effects").exists()


def test_a_selftest_that_can_not_begin_says_why(repo: Path) -> None:
    """An account of its own that may not start git."""
    git = repo.parent / "bin" / "git"
    refuse = """case "$*" in *" init "*) echo 'no init today' >&2; exit 1;; esac"""
    write(git, f'#!/bin/sh\n{refuse}\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    done = octojobs(repo, "doctor", "--selftest", "1", PATH=f"{git.parent}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "wrong  selftest: git init fails: no init today; mend that, then try again"
