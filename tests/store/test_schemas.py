"""The schemas of the state, the journal and the history say what is really written, so that anyone's reader can rely on them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import types
import typing
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, ValidationError
from referencing import Registry, Resource

from octojobs.core import codec
from octojobs.core.events import Event, Paused
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import JobState, Pause
from octojobs.core.run import Run
from octojobs.store.journal import line_of, scan
from tests.store.world import NIGHTLY, SWEEP, T0, batches, live, load_json, open_store, opened, seen

SCHEMAS = Path(__file__).parents[2] / "schemas"
NAMES = ("state", "journal", "history")
TEXTS = {name: load_json(SCHEMAS / f"{name}.schema.json") for name in NAMES}
REGISTRY: Registry[Any] = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in TEXTS.values())

IDS = st.from_regex(re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}"), fullmatch=True).map(JobId)
INSTANTS = st.integers(0, 10**12).map(lambda micros: T0 + timedelta(microseconds=micros))
TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
JSON_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.lists(TEXT, max_size=2))
st.register_type_strategy(JobId, IDS)
st.register_type_strategy(RunId, st.builds(RunId.of, IDS, INSTANTS, st.sampled_from(["", "3f2c"])))
st.register_type_strategy(datetime, INSTANTS)
st.register_type_strategy(str, TEXT)
st.register_type_strategy(float, st.floats(0, 1e6))
st.register_type_strategy(Mapping, lambda kind: st.dictionaries(TEXT, JSON_VALUES if typing.get_args(kind)[1] is Any else TEXT, max_size=2))


def check(name: str, value: object) -> None:
    """The value is as the schema says."""
    Draft7Validator(TEXTS[name], registry=REGISTRY).validate(value)


def dataclasses_in(hint: Any) -> Iterator[type]:
    """The dataclasses that a type is made of."""
    found: dict[type, None] = {}

    def walk(part: Any) -> None:
        if typing.get_origin(part) is not None or isinstance(part, types.UnionType):
            for argument in typing.get_args(part):
                walk(argument)
        elif dataclasses.is_dataclass(part) and isinstance(part, type) and part not in found:
            found[part] = None
            for inner in typing.get_type_hints(part).values():
                walk(inner)

    walk(hint)
    yield from found


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_describes_each_property(name: str) -> None:
    """Draft 7, with a sentence for everything that has a name."""
    Draft7Validator.check_schema(TEXTS[name])

    def undescribed(schema: Any, where: str) -> Iterator[str]:
        for key, value in schema.items() if isinstance(schema, dict) else ():
            if key in ("properties", "definitions"):
                yield from (f"{where}.{inner}" for inner, one in value.items() if not one.get("description"))
                for inner, one in value.items():
                    yield from undescribed(one, f"{where}.{inner}")
            else:
                yield from undescribed(value, where)

    assert list(undescribed(TEXTS[name], name)) == []


@pytest.mark.parametrize("kind", [*dataclasses_in(JobState | Pause | Run | Event)], ids=lambda kind: kind.__name__)
def test_the_schema_names_exactly_the_fields_that_are_written(kind: type) -> None:
    """A field that is added to a value is added to the schema, with its default and its description."""
    where = TEXTS["journal"] if kind in typing.get_args(Event) else TEXTS["state"]
    schema = where["definitions"][kind.__name__]
    tag = {"kind"} if kind in codec.KINDS else set()
    fields = {field.name: codec.default_of(field) for field in dataclasses.fields(kind)}
    assert set(schema["properties"]) == fields.keys() | tag
    assert set(schema.get("required", [])) == {name for name, default in fields.items() if default is dataclasses.MISSING} | tag
    said = {name: schema["properties"][name].get("default") for name in fields}
    assert said == {name: None if default is dataclasses.MISSING else codec.encode(default) for name, default in fields.items()}


@settings(max_examples=60)
@given(st.lists(st.from_type(Event), max_size=4))  # type: ignore[arg-type]  # a union is a type to hypothesis, not to mypy
def test_whatever_is_recorded_is_as_the_schema_says_and_comes_back(events: list[Event]) -> None:
    """Any event, with any text in it, lone surrogates included."""
    line = line_of(7, T0, events)
    (record,) = scan(line).records
    check("journal", json.loads(line))
    assert [codec.decode(Event, event) for event in record.events] == events


@settings(max_examples=60)
@given(st.lists(st.from_type(Run), max_size=2), st.dictionaries(IDS, st.from_type(JobState), max_size=2), st.from_type(Pause))
def test_whatever_is_remembered_is_as_the_schema_says(runs: list[Run], jobs: dict[JobId, JobState], pause: Pause) -> None:
    """Any open run, any job, any pause."""
    state = {"v": 1, "seq": 3, "jobs": codec.encode(jobs), "runs": codec.encode(runs), "pause": codec.encode(pause)}
    check("state", {"v": 1, "seq": 3, "sha256": "0" * 64, "state": state})


def test_a_reader_of_anyone_s_can_follow_the_files(tmp_path: Path) -> None:
    """With nothing but JSON and the words of the schemas: validate, check the sums, take the records with a higher seq."""
    root = tmp_path / "state"
    with opened(root) as store:
        store.commit(seen())
        store.commit(batches(0)[0])
    store = open_store(root)
    store.commit([Paused(None, T0)])
    live(store, [1])
    document = load_json(root / "state.json")
    check("state", document)
    text = json.dumps(document["state"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest() == document["sha256"]
    assert set(document["state"]["jobs"]) == {NIGHTLY, SWEEP}
    seqs = []
    for path, name in ((root / "journal.jsonl", "journal"), *((day, "history") for day in (root / "history").iterdir())):
        for line in path.read_bytes().splitlines():
            record = json.loads(line)
            check(name, record)
            rest = {key: value for key, value in record.items() if key != "crc32"}
            text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            assert zlib.crc32(text.encode("utf-8", "backslashreplace")) == record["crc32"]
            seqs += [record["seq"]] * (name == "journal")
    assert seqs == [document["seq"], *range(document["seq"] + 1, store.seq + 1)]
    store.close()


@pytest.mark.parametrize("spoil", ["seq", "state", "sha256"])
def test_a_state_that_lacks_something_is_not_as_the_schema_says(tmp_path: Path, spoil: str) -> None:
    """The schema is no rubber stamp."""
    with opened(tmp_path / "state") as store:
        store.commit(seen())
    document = load_json(tmp_path / "state" / "state.json")
    del document[spoil]
    with pytest.raises(ValidationError):
        check("state", document)
