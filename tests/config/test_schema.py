"""The published schemas: usable by editors, described throughout, and of one mind with the loader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

import octojobs
from octojobs.config import schema
from octojobs.config.entries import Entry
from octojobs.config.reader import read
from octojobs.core.definitions import Settings
from tests.config.loading import SETTINGS, load, schema_file
from tests.helpers import ROOT, write

NAMES = ("jobs", "octojobs")


def _loaded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(schema_file(name).read_text(encoding="utf-8"))
    return loaded


def _parts(part: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(part, dict):
        yield path, part
        for key, value in part.items():
            yield from _parts(value, f"{path}/{key}")
    elif isinstance(part, list):
        for index, value in enumerate(part):
            yield from _parts(value, f"{path}/{index}")


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_draft_07(name: str) -> None:
    """The draft that yaml-language-server knows best; with an id of its own."""
    loaded = _loaded(name)
    Draft7Validator.check_schema(loaded)
    assert loaded["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert loaded["$id"].endswith(f"/{name}.schema.json")


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_described(name: str) -> None:
    """What an editor shows beside it; the conditions of `if` are none that a person writes."""
    silent = [
        f"{path}/properties/{key}"
        for path, part in _parts(_loaded(name))
        if isinstance(part.get("properties"), dict) and not path.endswith("/if")
        for key, value in part["properties"].items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_chooses_between_forms(name: str) -> None:
    """With oneOf and anyOf a message can't say which form was meant; `if type then` can."""
    assert [path for path, part in _parts(_loaded(name)) if {"oneOf", "anyOf"} & part.keys()] == []


def test_no_cron_pattern_stands_in_the_schema() -> None:
    """The code checks expressions, and says where they are wrong."""
    schedule = _loaded("jobs")["definitions"]["job"]["properties"]["schedule"]
    assert "pattern" not in json.dumps(schedule)


def test_this_repositorys_own_jobs_name_the_schema_for_editors() -> None:
    """And fit it."""
    text = (ROOT / ".octopoid/jobs.yaml").read_text(encoding="utf-8")
    assert re.match(r"# yaml-language-server: \$schema=(?P<path>\S+)", text)
    assert list(Draft7Validator(_loaded("jobs")).iter_errors(yaml.safe_load(text))) == []


def test_every_setting_has_a_field_and_every_field_a_setting() -> None:
    """What `octojobs.yaml` may say is what `Settings` holds."""
    assert set(_loaded("octojobs")["properties"]) - {"version"} == set(Settings.__slots__)


_SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-1, 3), st.floats(0, 2), st.sampled_from(["", "main", "sh", "high", "x"]))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["max", "on", "command", "run", "any", "not", "on_branch", "branch", "backend", "x-y", "A"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*_loaded("jobs")["definitions"]["job"]["properties"], "x-mine", "unknown"]), _VALUES, max_size=6))
def test_the_quick_answer_is_that_of_jsonschema(job: dict[str, Any]) -> None:
    """The quick one decides, jsonschema explains: they must not differ, or a refusal would have no reason."""
    part = schema._part("jobs", "job")
    assert schema._accepts("jobs", "job")(job) == Draft7Validator(part).is_valid(job)


@given(st.dictionaries(st.sampled_from(list(_loaded("jobs")["definitions"]["job"]["properties"])), _VALUES, max_size=5))
def test_whatever_a_job_says_the_loader_answers_with_a_job_or_with_problems(job: dict[str, Any]) -> None:
    """Never with an exception, and never with neither."""
    loaded = load(yaml.safe_dump({"jobs": {"it": job}}))
    assert (loaded.definitions is None) == bool(loaded.problems)


@given(st.dictionaries(st.sampled_from([*_loaded("octojobs")["properties"], "unknown"]), _VALUES, max_size=4))
def test_whatever_the_settings_say_the_loader_answers(settings: dict[str, Any]) -> None:
    """With definitions, or with problems in that file."""
    loaded = load("jobs: {}", yaml.safe_dump(settings))
    assert (loaded.definitions is None) == bool(
        [problem for problem in loaded.problems if problem.path in (SETTINGS, settings.get("jobs_file"))]
    )


def test_a_refusal_names_the_keys_that_are_no_good() -> None:
    """So that the rest of the job can be checked as well; a misspelt field is not missing, too."""
    document = read("jobs.yaml", b"{comand: x, enabled: no, retries: {max: x}, interval: 5}")
    refusal = schema.check(Entry(document, document.top, 0, 'job "a"', ""), "jobs", "job")
    assert refusal.keys == {"comand", "enabled", "retries"}
    assert "command" in refusal.meant


@pytest.mark.parametrize("place", ["octojobs/schemas", "schemas"], ids=["in a wheel", "in a checkout"])
def test_a_schema_is_found_where_it_was_installed(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel carries it in the package; a checkout, which an editable install leads to, beside it."""
    write(tmp_path / place / "mine.schema.json", '{"properties": {"a": {}}}')
    monkeypatch.setattr(octojobs, "__file__", str(tmp_path / "octojobs/__init__.py"))
    schema.schema.cache_clear()
    assert list(schema.properties("mine")) == ["a"]
