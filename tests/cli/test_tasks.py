"""`enqueue` and `task`: what they print, for people and for programs, and how they exit."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.cli.conftest import Call
from tests.helpers import ROOT, make_repository, wait_until

SCHEMA = json.loads((ROOT / "schemas/verbs.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository in which nothing was allowed: tasks start nothing."""
    return make_repository(tmp_path, {"README.md": "x\n"})


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the next call its standard input."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    return give


def check(definition: str, value: object) -> None:
    """The value has exactly the keys that the schema names, and is as it says."""
    part = SCHEMA["definitions"][definition]
    Draft7Validator({**part, "definitions": SCHEMA["definitions"]}).validate(value)
    assert isinstance(value, dict)
    assert value.keys() <= part["properties"].keys()


def test_a_task_goes_its_way(repo: Path, call: Call) -> None:
    """From enqueue to done, each step with the file that it is in."""
    said = call(repo, "enqueue", "Mend it", "--priority", "p1", "--dedupe", "k", "--acceptance", "it works")
    task = said.out.partition(" ")[0]
    folder = repo / ".octopoid/tasks"
    assert (said.code, said.out) == (0, f"{task} is incoming: {folder}/incoming/{task}.md\n")
    again = call(repo, "enqueue", "Mend it", "--dedupe", "k")
    assert (again.code, again.out) == (0, f"already there: {task} is incoming: {folder}/incoming/{task}.md\n")
    assert call(repo, "task", "list").out == f"{task}\tincoming\tP1\timplement\tMend it\t-\n"
    assert call(repo, "task", "claim", "--dry-run").out == f"{task} would be claimed: Mend it\n"
    claimed = call(repo, "task", "claim", task[:6], "--by", "ada", "--for", "2h")
    assert re.fullmatch(rf"{task} is claimed, until \S+Z: Mend it\n{folder}/claimed/{task}\.md\n", claimed.out)
    assert re.fullmatch(rf"{task} is yours until \S+Z\n", call(repo, "task", "renew", task, "--by", "ada").out)
    refused = call(repo, "task", "done", task, "--by", "bob")
    assert (refused.code, refused.err) == (
        1,
        f"octojobs: task {task} is claimed by ada, not by bob; say --by NAME, or --force to overrule\n",
    )
    assert call(repo, "task", "done", task, "--by", "ada", "--attempt", "1").out == f"{task} is done: {folder}/done/{task}.md\n"
    assert call(repo, "task", "list").err == "no tasks; `octojobs enqueue` makes one\n"
    assert call(repo, "task", "list", "--all").out == f"{task}\tdone\tP1\timplement\tMend it\t-\n"
    assert call(repo, "task", "list", "--state", "failed").err == "no tasks like that\n"


def test_every_verb_says_it_in_json(repo: Path, call: Call) -> None:
    """As schemas/verbs.schema.json has it, key for key."""
    made = call(repo, "enqueue", "Mend it", "--json").json
    check("enqueue", made)
    task = made["task"]["id"]
    listed = call(repo, "task", "list", "--json").json
    check("task_list", listed)
    assert listed["tasks"] == [made["task"]]
    claimed = call(repo, "task", "claim", "--json").json
    check("task_claim", claimed)
    assert Path(claimed["task"]["result_file"]).parent.is_dir()
    check("task_renew", call(repo, "task", "renew", task, "--json").json)
    check("task_fail", call(repo, "task", "fail", task, "--reason", "no", "--json").json)
    check("task_requeue", call(repo, "task", "requeue", task, "--json").json)
    check("task_requeue", call(repo, "task", "requeue", "--expired", "--json").json)
    check("task_show", call(repo, "task", "show", task, "--json").json)
    check("task_done", call(repo, "task", "done", task, "--json").json)
    none = call(repo, "task", "claim", "--json")
    assert (none.code, none.json) == (1, {"task": None})
    shutil.rmtree(repo / ".octopoid")
    check("task_restore", call(repo, "task", "restore", "--json").json)


def test_what_git_clean_took_is_told_and_comes_back(repo: Path, call: Call) -> None:
    """By every verb that looks; `restore` needs no name, `--forget` does."""
    task = call(repo, "enqueue", "Mend it", "--json").json["task"]["id"]
    shutil.rmtree(repo / ".octopoid")
    folder = repo / ".octopoid/tasks"
    note = f"octojobs: the file of 1 recorded task is gone from {folder}; `octojobs task restore` writes them again\n"
    listed = call(repo, "task", "list")
    assert (listed.out, listed.err) == (f"{task}\tincoming\tP2\timplement\tMend it\tits file is gone\n", note)
    assert call(repo, "task", "claim").err == note + "no task is ready\n"
    assert call(repo, "task", "restore", "--dry-run").out == f"{task} would be restored, incoming: {folder}/incoming/{task}.md\n"
    assert call(repo, "task", "restore").out == f"{task} restored, incoming: {folder}/incoming/{task}.md\n"
    assert call(repo, "task", "restore").err == "no file of a task is missing\n"
    there = call(repo, "task", "restore", task, "--forget")
    assert (there.code, there.err) == (1, f"octojobs: the file of task {task} is there: {folder}/incoming/{task}.md\n")
    (folder / "incoming" / f"{task}.md").unlink()
    assert call(repo, "task", "restore", task, "--forget").out == f"{task} forgotten\n"
    assert call(repo, "task", "restore", "--forget").code == 2


def test_every_verb_that_acts_can_be_rehearsed(repo: Path, call: Call) -> None:
    """It says what would be, refuses what would be refused, and changes nothing."""
    task = call(repo, "enqueue", "x", "--json").json["task"]["id"]
    call(repo, "task", "claim", "--by", "ada", "--for", "1s")
    before = call(repo, "task", "show", task, "--json").json
    assert re.fullmatch(rf"{task} would be yours until \S+Z\n", call(repo, "task", "renew", task, "--by", "ada", "--dry-run").out)
    assert call(repo, "task", "done", task, "--by", "ada", "--dry-run").out == f"{task} would be done\n"
    assert call(repo, "task", "fail", task, "--by", "ada", "--reason", "no", "--dry-run").out == f"{task} would be failed\n"
    assert call(repo, "task", "requeue", task, "--by", "ada", "--dry-run").out == f"{task} would be incoming\n"
    assert call(repo, "task", "done", task, "--by", "bob", "--dry-run").code == 1
    wait_until(lambda: call(repo, "task", "requeue", "--expired", "--dry-run").out, 10, "the lease to end")
    assert call(repo, "task", "requeue", "--expired", "--dry-run").out == (
        f"{task} would be incoming: the lease of ada ended, and there was no result\n"
    )
    assert call(repo, "task", "show", task, "--json").json == before


def test_doctor_knows_how_the_tasks_stand(repo: Path, call: Call) -> None:
    """Nothing where there are none; wrong when their files are gone, or the record is damaged."""

    def finding() -> dict[str, str]:
        found = [one for one in call(repo, "doctor", "--json").json["findings"] if one["subject"] == "tasks"]
        return found[0] if found else {}

    assert finding() == {}
    call(repo, "enqueue", "a")
    call(repo, "enqueue", "b", "--proposed")
    assert (finding()["level"], finding()["what"]) == ("ok", "1 proposed, 1 incoming")
    shutil.rmtree(repo / ".octopoid")
    assert finding() == {
        "level": "wrong",
        "subject": "tasks",
        "what": f"the files of 2 recorded tasks are gone from {repo}/.octopoid/tasks",
        "fix": "`octojobs task restore` writes them again",
    }
    (repo / ".git/octojobs/tasks.sqlite").write_bytes(b"no database " * 99)
    assert finding()["what"] == f"{repo}/.git/octojobs/tasks.sqlite is damaged: file is not a database"


def test_hostile_texts_reach_neither_the_terminal_nor_the_header(repo: Path, call: Call) -> None:
    """What could steer either is made harmless on its way in."""
    title = "red\n---\nrole: admin\x1b[2J\u202e\x00"
    said = call(repo, "enqueue", title, "--role", "a\nb", "--dedupe", "k\n---", "--json").json["task"]
    assert (said["title"], said["role"], said["dedupe"]) == ("red --- role: admin [2J", "a b", "k ---")
    path = Path(said["path"])
    path.write_text(path.read_text().replace("title: ", 'title: "\\e[2J" #'))
    assert call(repo, "task", "show", said["id"]).out.splitlines()[0] == f"{said['id']}  [2J"


def test_a_task_can_be_given_as_json(repo: Path, call: Call, standard_input: Any) -> None:
    """By programs, which then quote nothing."""
    standard_input(b'{"title": "x", "body": "-", "priority": "high", "acceptance": ["y"], "expires_in": "1h", "proposed": true}')
    made = call(repo, "enqueue", "--from", "-", "--json").json["task"]
    assert (made["title"], made["priority"], made["acceptance"], made["state"]) == ("x", "P1", ["y"], "proposed")
    assert call(repo, "task", "show", made["id"], "--json").json["body"] == "-"
    standard_input(b"from a pipe\n")
    task = call(repo, "enqueue", "y", "--body", "-", "--json").json["task"]["id"]
    assert call(repo, "task", "show", task, "--json").json["body"] == "from a pipe"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "standard input is not JSON: "),
        (b"[]", 'standard input is not a JSON object; write {"title": "…"}'),
        (b'{"title": "x", "state": "done"}', "a task has no state; it has acceptance, blocked_by, body, branch"),
        (b'{"title": "x", "proposed": 1}', "proposed is not true or false"),
        (b'{"title": "x", "acceptance": "y"}', "acceptance is not a list of texts"),
        (b'{"title": 1}', "title is not a text"),
        (b'{"title": "x", "priority": "soon"}', "'soon' is not a priority: P0, P1, P2 or P3"),
        (b'{"title": "x", "expires_in": "soon"}', '"soon" is not a duration'),
    ],
)
def test_what_is_no_task_is_refused_with_its_reason(repo: Path, call: Call, standard_input: Any, data: bytes, message: str) -> None:
    """Exit code 2, and no file."""
    standard_input(data)
    said = call(repo, "enqueue", "--from", "-")
    assert (said.code, said.err.startswith(f"octojobs: {message}")) == (2, True), said.err
    assert not (repo / ".octopoid").exists()


def test_a_run_is_named_by_what_it_enqueues(repo: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a run says which it is, and which task it works on."""
    parent = call(repo, "enqueue", "above", "--json").json["task"]["id"]
    for name, value in {"JOB": "sweep", "RUN_ID": "sweep@20261120T100000Z+on_failure", "TASK": parent}.items():
        monkeypatch.setenv(f"OCTOJOBS_{name}", value)
    made = call(repo, "enqueue", "below", "--json").json["task"]
    assert (made["created_by"], made["run"], made["parent"], made["depth"]) == ("octojobs/sweep", "sweep@20261120T100000Z", parent, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["enqueue"], 2, "octojobs enqueue: a task needs a title\n"),
        (["task", "show", "zz"], 2, "octojobs: there is no task zz; `octojobs task list --all` shows them\n"),
        (["task", "requeue"], 2, "octojobs task requeue: name a task, or say --expired\n"),
        (["task", "requeue", "a", "--expired"], 2, "octojobs task requeue: a or --expired, not both\n"),
        (["task", "claim", "--pid", "4194304"], 2, "octojobs: there is no process 4194304\n"),
        (["task", "delete"], 2, "octojobs task: 'delete' is none of "),
        (["task", "requeue", "--expired"], 0, "no lease has ended\n"),
    ],
)
def test_a_wrong_call_is_told_what_there_is(repo: Path, call: Call, arguments: list[str], code: int, message: str) -> None:
    """The messages, whole where they are ours alone."""
    said = call(repo, *arguments)
    assert (said.code, said.err[: len(message)]) == (code, message)


def test_looking_at_tasks_makes_nothing(repo: Path, call: Call) -> None:
    """Where there are none."""
    assert call(repo, "task", "list", "--json").json == {"tasks": [], "notes": []}
    assert not (repo / ".octopoid").exists()
    assert not (repo / ".git/octojobs/tasks.sqlite").exists()


def test_status_tells_how_the_tasks_stand(repo: Path, call: Call) -> None:
    """By state, with the claims whose leases have ended; nothing where there never was a task."""
    assert json.loads(call(repo, "status", "--json").out)["tasks"] is None
    for title in ("a", "b"):
        call(repo, "enqueue", title)
    call(repo, "task", "claim")
    states = [{"state": "incoming", "count": 1}, {"state": "claimed", "count": 1}]
    assert json.loads(call(repo, "status", "--json").out)["tasks"] == {"states": states, "quarantined": 0, "expired": 0, "missing": 0}
    assert "tasks       1 incoming, 1 claimed\n" in call(repo, "status").out
