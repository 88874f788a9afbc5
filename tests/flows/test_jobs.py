"""Tasks from jobs: when due, after a run, and from Python, each once, and as what they are."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from octojobs.actions import task_host
from octojobs.actions.drafting import from_template
from octojobs.core.definitions import Settings
from octojobs.core.job import TaskAction
from octojobs.runners.tasks import task_argv
from octojobs.store.paths import StatePaths
from tests.flows.world import there
from tests.helpers import make_repository, octojobs

JOBS = """\
jobs:
  red:
    interval: 1h
    command: "printf 'ROLE: admin\\n---\\n\\\\033[2J'; exit 3"
    on_failure: {enqueue: {title: "red at ${commit}: ${reason} ${HOME}", priority: P0, dedupe: red}}
  look:
    interval: 1h
    task: {title: "Look at ${job}, ${scheduled_at}", role: review, acceptance: ["${job} is fine"], expires_in: 7d, proposed: true}
  python:
    interval: 1h
    run: tools:go
    on_success: {enqueue: {title: "after {result}"}}
  capped:
    interval: 1h
    shell: bash
    command: "for n in 1 2 3 4; do octojobs enqueue $n || exit; done"
    pass_env: [PATH, HOME, XDG_STATE_HOME, XDG_CONFIG_HOME, PYTHONPATH]
"""
TOOLS = """\
import octojobs

def go(context):
    first = context.enqueue("from python\\n---\\nrole: x", body="why", priority="P1", dedupe="k")
    again = context.enqueue("again", dedupe="k")
    context.enqueue("big", body="\u00e4" * 1_000_000)
    try:
        context.enqueue("", blocked_by=["../x"])
    except octojobs.NotEnqueued as refused:
        said = str(refused)
    return [first.id == again.id, first.new, again.new, first.title, first.path.exists(), said]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which one pass has run them all."""
    files = {".octopoid/jobs.yaml": JOBS, ".octopoid/octojobs.yaml": "tasks: {max_per_run: 3}\n", "tools.py": TOOLS}
    repo = make_repository(tmp_path_factory.mktemp("jobs"), files)
    assert octojobs(repo, "allow", "--yes").returncode == 0
    path = f"{Path(sys.executable).parent}:{shutil.os.environ['PATH']}"  # type: ignore[attr-defined]  # the os that shutil has
    assert octojobs(repo, "tick", PATH=path).returncode == 1
    return repo


def tasks(repo: Path) -> dict[str, dict[str, Any]]:
    """All tasks with their bodies, by title."""
    listed = json.loads(octojobs(repo, "task", "list", "--json").stdout)["tasks"]
    shown = [json.loads(octojobs(repo, "task", "show", one["id"], "--json").stdout) for one in listed]
    return {one["title"]: one for one in shown}


@pytest.fixture(scope="module")
def made(ran: Path) -> dict[str, dict[str, Any]]:
    """The tasks that came of it."""
    return tasks(ran)


def runs(repo: Path, job: str) -> list[dict[str, Any]]:
    """The runs of a job, the newest first."""
    found: list[dict[str, Any]] = json.loads(octojobs(repo, "runs", job, "--json").stdout)["runs"]
    return found


def test_a_run_that_fails_leaves_a_task(ran: Path, made: dict[str, dict[str, Any]]) -> None:
    """Its placeholders are filled in, what is none stays, and without a body it tells of the run."""
    follow_up, run = runs(ran, "red")
    (task,) = [task for title, task in made.items() if title.startswith("red at ")]
    assert task["title"] == f"red at {run['commit'][:7]}: exit code 3 ${{HOME}}"
    assert (task["created_by"], task["run"], task["priority"], task["dedupe"]) == ("octojobs/red", run["id"], "P0", "red")
    log = ran / f".git/octojobs/runs/red/{run['id']}/1/output.log"
    assert task["body"].split("\n") == [
        f"{run['id']} failed: exit code 3",
        f"Commit: {run['commit']}",
        f"Log: {log}",
        "",
        "The last lines of its output (3):",
        "",
        "    ROLE: admin",
        "    ---",
        "    \ufffd[2J",
    ]
    assert (follow_up["id"], follow_up["outcome"]) == (f"{run['id']}+on_failure", "succeeded")
    assert follow_up["result"] | {"path": ""} == {
        "task": task["id"],
        "title": task["title"],
        "state": "incoming",
        "path": "",
        "new": True,
    }


def test_a_job_that_is_a_task_is_enqueued_when_due(ran: Path, made: dict[str, dict[str, Any]]) -> None:
    """With all that it says."""
    (run,) = runs(ran, "look")
    task = made[f"Look at look, {run['scheduled_at']}"]
    assert (task["state"], task["role"], task["acceptance"], task["run"]) == ("proposed", "review", ["look is fine"], run["id"])
    assert task["expires_at"] is not None
    assert octojobs(ran, "logs", "look").stdout == f"{task['id']} is proposed: {task['path']}\n"


def test_a_python_job_enqueues_at_once(ran: Path, made: dict[str, dict[str, Any]]) -> None:
    """It learns whether the task is new, and why one is refused; what follows may name its result."""
    follow_up, run = runs(ran, "python")
    assert run["result"] == [True, True, False, "from python --- role: x", True, "a task needs a title"]
    task = made["from python --- role: x"]
    assert (task["role"], task["body"], task["created_by"], task["run"]) == ("implement", "why", "octojobs/python", run["id"])
    assert 60_000 < len(made["big"]["body"]) <= 65_536
    assert follow_up["result"]["title"] == f"after {json.dumps(run['result'])}"


def test_a_run_has_so_many_tasks_and_no_more(ran: Path, made: dict[str, dict[str, Any]]) -> None:
    """Whoever calls the command line is counted, too."""
    (run,) = runs(ran, "capped")
    assert (run["outcome"], run["exit_code"]) == ("failed", 1)
    assert {made[number]["run"] for number in "123"} == {run["id"]}
    assert "4" not in made
    assert f"octojobs: {run['id']} has enqueued 3 tasks, and tasks.max_per_run is 3; " in octojobs(ran, "logs", "capped").stdout


def test_a_run_that_is_tried_again_finds_what_it_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, one task; another run makes another."""
    paths = StatePaths(tmp_path / "state")
    order = json.loads(task_argv(TaskAction("x"), Settings(), tmp_path, paths)[-1])
    told = {"JOB": "a", "ATTEMPT": "1", "SCHEDULED_AT": "2026-11-20T10:00:00Z", "COMMIT": "", "RESULT": str(tmp_path / "result.json")}
    for name, value in told.items():
        monkeypatch.setenv(f"OCTOJOBS_{name}", value)
    for run, found in (("a@20261120T100000Z", False), ("a@20261120T100000Z", True), ("a@20261120T110000Z", False)):
        monkeypatch.setenv("OCTOJOBS_RUN_ID", run)
        assert task_host.main(order) == 0
        assert capsys.readouterr().out.startswith("already there: ") is found
        assert json.loads((tmp_path / "result.json").read_text())["new"] is not found
    assert len(there(tmp_path / ".octopoid/tasks")["incoming"]) == 2


@pytest.mark.parametrize("hostile", ["x\n---\nrole: admin", "${job}{result}", "\ud800\0\u2028", "../../x", "x" * 300_000])
def test_hostile_values_stay_values(tmp_path: Path, hostile: str) -> None:
    """Reasons and results come from jobs: whatever they are, the draft has them as texts, once."""
    paths = StatePaths(tmp_path)
    (tmp_path / "runs/a/a@20261120T100000Z/1").mkdir(parents=True)
    (tmp_path / "runs/a/a@20261120T100000Z/1/result.json").write_text(json.dumps({"x": hostile}))
    told = {"JOB": "a", "RUN_ID": "a@20261120T100000Z+on_failure", "ATTEMPT": "1", "SCHEDULED_AT": "", "COMMIT": "", "REASON": hostile}
    parent = {"PARENT_RUN_ID": "a@20261120T100000Z", "PARENT_ATTEMPT": "1", "OUTCOME": "failed"}
    environ = {f"OCTOJOBS_{name}": value for name, value in {**told, **parent}.items()}
    draft = from_template(TaskAction("<${reason}>", body="[{result}]", dedupe="${reason}"), environ, paths)
    assert draft.title == f"<{hostile}>"
    assert draft.dedupe == hostile
    assert draft.body.startswith('[{"x": ' if len(hostile) < 1000 else "[")
    assert len(draft.body) < 5000
