"""Whatever goes wrong becomes a message and an exit code; no traceback reaches the screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from octojobs.cli.commands import list as list_verb
from octojobs.errors import OctojobsError
from tests.cli.conftest import Call
from tests.helpers import environment, home_of, make_repository, octojobs, script

MANUAL = {".octopoid/jobs.yaml": "jobs: {by_hand: {manual: true, command: 'echo hi'}}\n"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one job."""
    return make_repository(tmp_path, MANUAL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "octojobs: there is no verb 'lst'; did you mean list?\n`octojobs --help` shows how\n"),
        (["frobnicate"], "octojobs: there is no verb 'frobnicate'\n`octojobs --help` shows how\n"),
        (["export", "cron"], "octojobs export: 'cron' is none of systemd, launchd, crontab\n`octojobs export --help` shows how\n"),
        (
            ["hook"],
            (
                "octojobs hook: missing argument '{pre-commit|post-merge|post-checkout}'. "
                "Choose from: pre-commit, post-merge, post-checkout\n`octojobs hook --help` shows how\n"
            ),
        ),
        (
            ["next", "--count", "many"],
            (
                "octojobs next: invalid value for '--count': 'many' is not a whole number; "
                "write one from 1 to 10000\n`octojobs next --help` shows how\n"
            ),
        ),
        (
            ["logs", "by_hand", "--attempt", "0"],
            (
                "octojobs logs: invalid value for '--attempt': 0 is out of range; "
                "write a whole number from 1 on\n`octojobs logs --help` shows how\n"
            ),
        ),
        (["list", "x"], "octojobs list: got unexpected extra argument (x)\n`octojobs list --help` shows how\n"),
        (
            ["next", "--from", "tomorrow"],
            (
                "octojobs next: invalid value for '--from': 'tomorrow' is not an RFC 3339 instant; "
                "write it with its offset, such as 2026-11-20T10:00Z\n`octojobs next --help` shows how\n"
            ),
        ),
        (
            ["next", "--from", "2026-11-20T10:00"],
            (
                "octojobs next: invalid value for '--from': '2026-11-20T10:00' names no offset from UTC; "
                "write it with its offset, such as 2026-11-20T10:00Z\n`octojobs next --help` shows how\n"
            ),
        ),
        (
            ["runs", "--since", "soon"],
            (
                "octojobs runs: invalid value for '--since': 'soon' is neither an instant nor a duration; "
                "write 2026-11-20T10:00Z or 2h\n`octojobs runs --help` shows how\n"
            ),
        ),
        (["inspect", "by_hnad"], 'octojobs: there is no job "by_hnad"; did you mean "by_hand"?\n'),
        (["why", "xyz"], 'octojobs: there is no job "xyz"; `octojobs list` shows the jobs\n'),
        (["runs", "xyz"], 'octojobs: there is no job "xyz"; `octojobs list` shows the jobs\n'),
        (["logs", "xyz"], 'octojobs: there is no run "xyz"; `octojobs runs` lists them\n'),
        (["logs", "by_hand"], "octojobs: by_hand has not run yet; `octojobs runs by_hand` lists what there is\n"),
        (
            ["list", "--source", "main"],
            "octojobs: 'main' is not a full ref name; write HEAD or a full name such as refs/remotes/origin/main\n",
        ),
        (["list", "--repo", "/nowhere"], "octojobs: /nowhere is not a folder; name a folder inside a git repository\n"),
        (["--repo", "/", "list"], "octojobs: / is not inside a git repository; run octojobs inside one, or `git init` first\n"),
    ],
)
def test_wrong_usage_is_one_line_with_the_remedy_and_exit_2(arguments: list[str], message: str, repo: Path, call: Call) -> None:
    """What is wrong, what is allowed, how to go on."""
    said = call(repo, *arguments)
    assert (said.code, said.out, said.err) == (2, "", message)


def test_a_mistake_of_ours_is_a_report_and_no_traceback(repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 70; the report has versions, the command line and the traceback, and nobody else may read it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(list_verb, "list_jobs", lambda workspace: vars(workspace)["gone"])
    said = call(repo, "list")
    (report,) = (tmp_path / "state/octojobs/crashes").iterdir()
    assert said.code == 70
    assert said.err == f"octojobs: a mistake of ours, not of yours (KeyError); the report is {report}\n"
    assert "KeyError: 'gone'" in report.read_text(encoding="utf-8")
    assert "octojobs list" in report.read_text(encoding="utf-8")
    assert report.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "octojobs: interrupted\n"),
        (OctojobsError("it broke", "mend it"), 1, "octojobs: it broke; mend it\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "octojobs: /x: permission denied\n"),
        (OSError(28, "No space left on device"), 1, "octojobs: no space left on device\n"),
        (
            ModuleNotFoundError("No module named 'jmespath'"),
            1,
            (
                "octojobs: a part of it can't be loaded: No module named 'jmespath'\n"
                "see to a full disk and to too many open files; else install octojobs again\n"
            ),
        ),
    ],
    ids=["interrupt", "expected", "permission", "disk full", "torn installation"],
)
def test_what_a_user_or_a_machine_can_cause_is_a_message(
    error: BaseException, code: int, message: str, repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C is 130; what the system refuses is 1; neither leaves a report."""

    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(list_verb, "list_jobs", refuse)
    said = call(repo, "list")
    assert (said.code, said.err) == (code, message)


def test_a_reader_that_has_seen_enough_is_no_error(repo: Path) -> None:
    """`octojobs next | head -1`: quiet, and exit 0."""
    shell = f"{script()} next by_hand --json --count 9999 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=repo, env=environment(home_of(repo)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_that_knows_ascii_alone_gets_escapes(tmp_path: Path) -> None:
    """A title that the encoding can't show is no crash."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {a: {manual: true, command: 'true', title: 'Müll → weg'}}\n"})
    done = octojobs(repo, "inspect", "a", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "a  M\\xfcll \\u2192 weg\n" in done.stdout


def test_ctrl_c_ends_a_verb_that_waits_with_130(repo: Path) -> None:
    """As a shell's user expects; what runs stays open for the next daemon."""
    assert octojobs(repo, "allow", "--yes").returncode == 0
    (repo / ".octopoid/jobs.yaml").write_text("jobs: {slow: {manual: true, command: 'echo begun; exec sleep 30'}}\n", encoding="utf-8")
    process = subprocess.Popen(
        [script(), "run-now", "slow", "--source", "worktree"],
        cwd=repo,
        env=environment(home_of(repo)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.endswith("octojobs: interrupted; the run stays open, and the next daemon or tick goes on with it\n")
    (open_run,) = json.loads(octojobs(repo, "runs", "--status", "running", "--json").stdout)["runs"]
    assert octojobs(repo, "cancel", "slow").stdout == f"{open_run['id']} was told to end; it is killed after 10s\n"


@pytest.mark.parametrize("program", ["octojobs", "octojobs-validate"])
def test_a_current_folder_that_is_gone_is_said(program: str, tmp_path: Path) -> None:
    """A terminal that stands where somebody has removed the folder."""
    shell = ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$0" $1', script(program), "list" if program == "octojobs" else ""]
    done = subprocess.run(shell, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    said = f"{program}: the current folder is gone; go to one that is there, or name a repository with --repo\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_nobody_who_listens(closed: str, tmp_path: Path) -> None:
    """A supervisor may start us without one; what is opened later must not get its number."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1h, command: 'echo ran'}}\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    for verb in ("list", "tick"):
        done = subprocess.run(["sh", "-c", f'exec "$0" {verb} {closed}', script()], cwd=repo, env=environment(home_of(repo)), check=False)
        assert done.returncode == 0
    assert octojobs(repo, "logs", "a").stdout == "ran\n"
