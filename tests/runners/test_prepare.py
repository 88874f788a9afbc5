"""From a run to a launch: the argument vector, the folder, and an environment that is an allow-list."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.core.definitions import Settings
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import Action, AgentAction, CommandAction, Job, Limits, ScriptAction
from octojobs.core.run import Cause, Run
from octojobs.core.when import ManualWhen
from octojobs.runners.base import Launch, NotPreparable
from octojobs.runners.environment import redacted_environment
from octojobs.runners.prepare import prepare
from octojobs.runners.script import HOST
from octojobs.runners.tasks import HOST as TASK_HOST
from octojobs.store.paths import StatePaths

DUE = datetime(2026, 11, 20, 2, tzinfo=UTC)
NIGHTLY = Job(JobId("nightly"), ManualWhen(), CommandAction("make nightly"))
ROOT = Path("/repo")
PATHS = StatePaths(Path("/repo/.git/octojobs"))
RUN_DIR = Path("/repo/.git/octojobs/runs/nightly/nightly@20261120T020000Z/2")
ABOUT = {
    "OCTOJOBS_JOB": "nightly",
    "OCTOJOBS_RUN_ID": "nightly@20261120T020000Z",
    "OCTOJOBS_SCHEDULED_AT": "2026-11-20T02:00:00Z",
    "OCTOJOBS_ATTEMPT": "2",
    "OCTOJOBS_REPO": "/repo",
    "OCTOJOBS_COMMIT": "c0ffee",
    "OCTOJOBS_RUN_DIR": str(RUN_DIR),
    "OCTOJOBS_RESULT": f"{RUN_DIR}/result.json",
    "OCTOJOBS_LAST_SUCCESS_AT": "",
    "OCTOJOBS_TRIGGER": "catch_up",
}


def prepared(
    job: Job = NIGHTLY, environ: Mapping[str, str] | None = None, settings: Settings | None = None, extra: Mapping[str, str] | None = None
) -> Launch:
    """The launch of the second attempt of a run of the job."""
    run = Run(RunId.of(job.id, DUE), job, DUE, Cause.CATCH_UP, DUE, attempt=2, commit="c0ffee")
    environ = {"PATH": "/bin", "HOME": "/nowhere"} if environ is None else environ
    return prepare(run, repository_root=ROOT, paths=PATHS, settings=settings or Settings(), environ=environ, extra_env=extra)


def acting(action: Action, python: str = "") -> Job:
    """A job with another action."""
    return replace(NIGHTLY, action=action, python=python)


def test_a_job_is_told_about_itself_and_sees_the_allow_list_only() -> None:
    """Everything else that the daemon was started with stays with the daemon."""
    daemon = {
        "PATH": "/bin", "HOME": "/home/ada", "LANG": "C", "LC_TIME": "de_DE", "TZ": "UTC", "TERM": "dumb", "USER": "ada", "LOGNAME": "ada",
        "SHELL": "/bin/zsh", "TMPDIR": "/tmp", "XDG_RUNTIME_DIR": "/run/user/1", "TOKEN": "x", "GIT_DIR": "/x", "SSH_AUTH_SOCK": "/s",
        "PYTHONPATH": "/p", "LD_PRELOAD": "/l", "OCTOJOBS_JOB": "another", "VIRTUAL_ENV": "/v",
    }  # fmt: skip
    allowed = {key: value for key, value in daemon.items() if list(daemon).index(key) < 11}
    assert prepared(environ=daemon).env == {**allowed, **ABOUT}


def test_what_the_job_asks_for_is_added_and_what_is_told_wins() -> None:
    """`pass_env` takes what is set, `env` overrides it, and nobody can pretend to be another job."""
    job = replace(NIGHTLY, pass_env=("SSH_AUTH_SOCK", "UNSET"), env={"LANG": "C", "MODE": "full", "OCTOJOBS_JOB": "liar"})
    seen = prepared(job, {"PATH": "/bin", "LANG": "de_DE", "SSH_AUTH_SOCK": "/s"}).env
    assert seen == {"PATH": "/bin", "LANG": "C", "SSH_AUTH_SOCK": "/s", "MODE": "full", **ABOUT}


def test_a_daemon_without_a_path_gives_jobs_the_usual_one() -> None:
    """As cron does."""
    assert prepared(environ={}).env["PATH"] == "/usr/local/bin:/usr/bin:/bin"


def test_a_follow_up_is_told_about_its_parent() -> None:
    """What the engine adds comes last."""
    more = {"OCTOJOBS_OUTCOME": "failed", "OCTOJOBS_LAST_SUCCESS_AT": "2026-11-19T02:00:00Z"}
    assert prepared(extra=more).env == {"PATH": "/bin", "HOME": "/nowhere", **ABOUT, **more}


def test_a_string_goes_to_a_shell_as_it_stands_and_a_list_runs_without_one() -> None:
    """Nothing is expanded on the way."""
    assert prepared(acting(CommandAction("echo ${HOME} @{u}"))).argv == ("sh", "-c", "echo ${HOME} @{u}")
    assert prepared(acting(CommandAction("a | b", shell="bash"))).argv == ("bash", "-eo", "pipefail", "-c", "a | b")
    assert prepared(acting(CommandAction(("make", "$X")))).argv == ("make", "$X")


def test_limits_and_folder_are_those_of_the_job() -> None:
    """`cwd` is relative to the repository's root; an absolute one stands."""
    limits = Limits(timeout_s=5, max_output=7)
    launch = prepared(replace(NIGHTLY, limits=limits, cwd="tools/../web"))
    assert (launch.run_dir, launch.cwd, launch.limits) == (RUN_DIR, ROOT / "web", limits)
    assert prepared(replace(NIGHTLY, cwd="/srv")).cwd == Path("/srv")


def test_a_script_runs_in_the_python_that_was_chosen() -> None:
    """The job's, else the repository's, else ours; a path is the repository's, a bare name is looked up."""
    action = ScriptAction("tools.sweep:main", {"days": 3})
    python, host, order = prepared(acting(action), settings=Settings(modules=("tools.jobs",))).argv
    assert (python, host) == (sys.executable, str(HOST))
    told = json.loads(order)
    assert told.pop("enqueue")[:4] == [sys.executable, "-E", "-P", str(TASK_HOST)]
    assert told == {
        "run": "tools.sweep:main",
        "args": {"days": 3},
        "modules": ["tools.jobs"],
        "state": "/repo/.git/octojobs/jobs/nightly.json",
    }
    theirs = Settings(python=".venv/bin/python")
    assert prepared(acting(action), settings=theirs).argv[0] == "/repo/.venv/bin/python"
    assert prepared(acting(action, python="python3.12"), settings=theirs).argv[0] == "python3.12"
    assert prepared(acting(action, python="/opt/python"), settings=theirs).argv[0] == "/opt/python"


def test_octojobs_own_functions_run_where_octojobs_is_installed() -> None:
    """The repository's Python lacks what they import; the job's own `python` is taken at its word."""
    action = ScriptAction("octojobs.housekeeping:prune_history")
    theirs = Settings(python=".venv/bin/python")
    assert prepared(acting(action), settings=theirs).argv[0] == sys.executable
    assert prepared(acting(action, python="python3"), settings=theirs).argv[0] == "python3"


def test_an_agent_job_without_its_agent_can_not_be_prepared() -> None:
    """It says why."""
    with pytest.raises(NotPreparable, match=r'^there is no agent "claude" in the definitions; write '):
        prepared(acting(AgentAction("Review")))


def secret_job(*names: str) -> Job:
    """A job that wants secrets."""
    return replace(NIGHTLY, secrets=names)


def secrets_in(config: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """The daemon's environment, with such a file of secrets in the user's configuration."""
    file = config / "octojobs" / "secrets.env"
    file.parent.mkdir()
    file.write_text(text)
    file.chmod(mode)
    return {"PATH": "/bin", "XDG_CONFIG_HOME": str(config)}


def test_a_secret_comes_from_the_daemons_environment_before_the_users_file(tmp_path: Path) -> None:
    """Only those that the job names; the file may quote and comment."""
    environ = secrets_in(tmp_path, "# mine\nTOKEN=from-file\nKEY='two words'\nOTHER=no\nnonsense\n") | {"TOKEN": "from-environment"}
    launch = prepared(secret_job("TOKEN", "KEY"), environ)
    assert launch.env == {"PATH": "/bin", "TOKEN": "from-environment", "KEY": "two words", **ABOUT}
    assert launch.secrets == ("TOKEN", "KEY")


def test_a_launch_shows_its_environment_without_the_secrets(tmp_path: Path) -> None:
    """What `--dry-run` prints; and nothing of the environment is in the repr, which logs are full of."""
    launch = prepared(secret_job("TOKEN"), {"PATH": "/bin", "TOKEN": "hunter22"})
    shown = redacted_environment(launch)
    assert shown == {**ABOUT, "PATH": "/bin", "TOKEN": "***"}
    assert list(shown) == sorted(shown)
    assert "hunter22" not in repr(launch)


def test_missing_secrets_are_all_named_with_the_remedy(tmp_path: Path) -> None:
    """The run fails to start rather than running without them."""
    environ = secrets_in(tmp_path, "TOKEN=x\n")
    with pytest.raises(NotPreparable) as caught:
        prepared(secret_job("KEY", "TOKEN", "PIN"), environ)
    file = tmp_path / "octojobs" / "secrets.env"
    assert str(caught.value) == (
        f"secret KEY, PIN is neither in the daemon's environment nor in {file}; "
        "add the line KEY=… there (mode 0600), or export it and restart the daemon"
    )


def test_a_file_of_secrets_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Loudly: silence would be taken for "no such secret"."""
    environ = secrets_in(tmp_path, "TOKEN=x\n", mode=0o640)
    with pytest.raises(NotPreparable) as caught:
        prepared(secret_job("TOKEN"), environ)
    file = tmp_path / "octojobs" / "secrets.env"
    assert str(caught.value) == f"{file} is not used: others may read it, or it is not your own file; run: chmod 600 {file}"


def test_a_file_of_secrets_that_can_not_be_read_is_no_empty_one(tmp_path: Path) -> None:
    """A folder, or a loop of links in its place."""
    file = tmp_path / "octojobs" / "secrets.env"
    file.parent.mkdir()
    file.symlink_to(file)
    with pytest.raises(NotPreparable, match=f"^{file} can't be read: Too many levels of symbolic links$"):
        prepared(secret_job("TOKEN"), {"XDG_CONFIG_HOME": str(tmp_path)})
