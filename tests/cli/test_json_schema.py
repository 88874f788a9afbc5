"""What each reading verb prints with `--json` is as schemas/verbs.schema.json says, key for key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from octojobs.cli.group import Verbs
from octojobs.cli.main import octojobs as group
from octojobs.core.job import JobType, Priority
from octojobs.core.run import Cause, Outcome, Phase
from tests.cli.conftest import Call
from tests.helpers import ROOT, commit_files, make_repository, octojobs

SCHEMA = json.loads((ROOT / "schemas/verbs.schema.json").read_text(encoding="utf-8"))
JOBS = """\
jobs:
  good: {interval: 1h, command: "echo hello", conditions: [worktree_clean, {on_branch: {branch: [main, "x/*"]}}], tags: [t]}
  bad: {interval: 1h, command: "echo no; exit 3", retries: {max: 1, delay: 1h}}
  worse: {interval: 1h, command: "false"}
  skipped: {interval: 1h, command: "true", conditions: [{file_exists: no/such/file}], when_blocked: skip}
  waits: {interval: 1h, command: "true", conditions: [{file_exists: no/such/file}]}
  past: {schedule: "@once 2020-01-01T00:00:00Z", command: "true"}
  audit: {interval: 1h, agent: kode, prompt: look}
  off: {enabled: false, manual: true, run: "a.b:c", args: {x: 1}}
"""
CALLS = [
    ["list"],
    ["inspect", "good"],
    ["inspect", "off"],
    ["next"],
    ["next", "good"],
    ["plan"],
    ["simulate"],
    ["simulate", "good", "--as-recorded", "--from", "2020-01-01T00:00Z", "--to", "2020-01-02T00:00Z"],
    ["why", "good"],
    ["why", "skipped"],
    ["why", "waits"],
    ["runs"],
    ["logs", "good"],
    ["status"],
    ["validate"],
    ["doctor"],
    ["enqueue", "x"],
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which a pass has run jobs that end in all sorts of ways, with one of them paused."""
    repo = make_repository(tmp_path_factory.mktemp("schema"), {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 1
    assert octojobs(repo, "pause", "good", "--reason", "later").returncode == 0
    return repo


@pytest.fixture
def world(ran: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process."""
    return at_home(ran)


def _strict(part: Any) -> Any:
    """The schema with no other keys allowed than it names: a new one must be written down."""
    if isinstance(part, list):
        return [_strict(item) for item in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _strict(value) for key, value in part.items()}
    return {**closed, "additionalProperties": False} if "properties" in part and "allOf" not in part else closed


def wrong(verb: str, value: object) -> list[str]:
    """What the schema finds wrong with the output of a verb."""
    definitions = _strict(SCHEMA["definitions"])
    # A failure is a run with two keys more: a closed run would refuse them, so they are one here.
    failure = definitions["status"]["properties"]["failures"]["items"]
    run = definitions["run"]
    definitions["status"]["properties"]["failures"]["items"] = {
        **run,
        "properties": {**run["properties"], **failure["properties"]},
        "required": [*run["required"], *failure["required"]],
    }
    validator = Draft7Validator({"$ref": f"#/definitions/{verb}", "definitions": definitions})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _objects(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    for item in part if isinstance(part, list) else ():
        yield from _objects(item)


def test_the_schema_is_valid_and_every_property_is_described() -> None:
    """It has an id of its own, and says what each key means."""
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].endswith("/verbs.schema.json")
    named = [(name, value) for part in _objects(SCHEMA) for name, value in part.get("properties", {}).items()]
    assert [name for name, value in named if not value.get("description")] == []


def test_each_verb_with_json_has_a_definition() -> None:
    """And the tests below call each of them."""
    assert isinstance(group, Verbs)
    commands = {name: group.get_command(None, name) for name in group.list_commands(None)}  # type: ignore[arg-type]  # no context is read
    reading = {name for name, command in commands.items() if command and any(param.name == "as_json" for param in command.params)}
    assert reading == {arguments[0] for arguments in CALLS}
    assert reading <= SCHEMA["definitions"].keys()


def test_words_are_those_of_the_core() -> None:
    """Each outcome, phase, cause, type and priority."""
    run, job = SCHEMA["definitions"]["run"]["properties"], SCHEMA["definitions"]["job"]["properties"]
    assert run["outcome"]["enum"] == [*(outcome.value for outcome in Outcome), None]
    assert set(run["phase"]["enum"]) == {phase.value for phase in Phase}
    assert run["cause"]["enum"] == [*(cause.value for cause in Cause), None]
    assert job["type"]["enum"] == [kind.value for kind in JobType]
    assert job["priority"]["enum"] == [priority.value for priority in Priority]


@pytest.mark.parametrize("arguments", CALLS, ids=" ".join)
def test_the_output_is_as_the_schema_says(arguments: list[str], world: Path, call: Call) -> None:
    """With runs of all kinds recorded."""
    assert wrong(arguments[0], call(world, *arguments, "--json").json) == []


def test_followed_output_is_an_object_a_line(world: Path, call: Call) -> None:
    """Each is as the schema says; the last one has the outcome."""
    lines = [json.loads(line) for line in call(world, "logs", "bad", "-f", "--json").out.splitlines()]
    assert [problem for line in lines for problem in wrong("logs", line)] == []
    assert "".join(line["output"] for line in lines) == "no\n"
    assert (lines[-1]["outcome"], lines[-1]["bytes"], lines[-1]["truncated"]) == ("failed", 3, False)


def test_a_repository_without_anything_is_as_the_schema_says(tmp_path: Path, call: Call) -> None:
    """Nothing allowed, nothing ran, and definitions that can't be used."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    for verb in ("list", "plan", "runs", "status", "next"):
        assert wrong(verb, call(repo, verb, "--json").json) == []
    commit_files(repo, {".octopoid/jobs.yaml": "jobs: {a: 1}\n"})
    for verb in ("status", "validate", "doctor"):
        assert wrong(verb, call(repo, verb, "--json").json) == []
