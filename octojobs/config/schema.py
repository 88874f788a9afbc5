"""The schemas as shipped: found, compiled to a quick yes or no, and explained only when the answer is no.

What fastjsonschema makes of a schema answers in 25 µs a job; jsonschema, which says what is wrong, takes 100 ms to import, and
so is only imported when something is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import octojobs
from octojobs.config.entries import Entry
from octojobs.errors import Problem

FRAME = "frame"
MOST_FIELDS = 1_000
"""Of one mapping, so that a file of unknown ones is refused without a look at each; no schema has a tenth of that."""
_DRAFT = "http://json-schema.org/draft-07/schema#"


@cache
def schema(name: str) -> Mapping[str, Any]:
    """The schema `jobs`, `octojobs` …: from the wheel, or from beside the package in a checkout."""
    package = Path(octojobs.__file__).parent
    for folder in (package / "schemas", package.parent / "schemas"):
        file = folder / f"{name}.schema.json"
        if file.is_file():
            loaded: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return loaded
    raise FileNotFoundError(f"{name}.schema.json is neither in {package / 'schemas'} nor in {package.parent / 'schemas'}")


class Refusal(NamedTuple):
    """What a schema finds wrong with a mapping, in no order; the keys that are no good for that, and what unknown ones may mean."""

    problems: tuple[Problem, ...] = ()
    keys: frozenset[str] = frozenset()
    meant: frozenset[str] = frozenset()


_FINE = Refusal()


def check(entry: Entry, name: str, part: str = "") -> Refusal:
    """All that the schema `name` (or its definition `part`) finds wrong with the entry's value."""
    if isinstance(entry.value, dict) and len(entry.value) > MOST_FIELDS:
        what = f"has {len(entry.value):,} fields, and {MOST_FIELDS:,} are allowed"
        return Refusal((entry.problem(what, "remove those that the reference does not name"),), frozenset(entry.value))
    if _accepts(name, part)(entry.value):
        return _FINE
    from octojobs.config.explain import explain  # jsonschema: 100 ms that only a mistake pays

    return Refusal(*explain(entry, _part(name, part)))


def properties(name: str, part: str = "") -> Mapping[str, Any]:
    """The properties of a schema or of one of its definitions, by name."""
    whole = schema(name)
    found: Mapping[str, Any] = (whole["definitions"][part] if part else whole)["properties"]
    return found


def _part(name: str, part: str) -> Mapping[str, Any]:
    """A schema for one definition alone, the others within reach; without `$id`, so that no resolver looks for it.

    The part FRAME is a file of jobs without what is checked job by job.
    """
    whole = schema(name)
    if part == FRAME:
        frame = whole["definitions"]["file"]
        return {**frame, "$schema": _DRAFT, "properties": {**frame["properties"], "jobs": {}, "job": {}, "defaults": {}}}
    if part:
        return {"$schema": _DRAFT, "$ref": f"#/definitions/{part}", "definitions": whole["definitions"]}
    return {key: value for key, value in whole.items() if key != "$id"}


@cache
def _accepts(name: str, part: str) -> Callable[[Any], bool]:
    """A function that says whether a value fits."""
    from octojobs.config.compiled import accepts  # here: other users of this room read the schema only

    return accepts(_part(name, part), f"{name}-{part}" if part else name)
