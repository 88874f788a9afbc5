"""What jsonschema found wrong, in words: the place, what is allowed there, and what was probably meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from octojobs.config.entries import Entry
from octojobs.config.schema import properties
from octojobs.config.suggest import closest, did_you_mean, listed
from octojobs.errors import Problem

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# YAML 1.1 read these as true and false, and many people still write them.
_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
# What other schedulers call our fields.
_ELSEWHERE = {
    "cron": "schedule", "every": "interval", "cmd": "command", "script": "run", "function": "run", "exec": "command", "when": "conditions",
    "if": "conditions", "guards": "conditions", "retry": "retries", "working_directory": "cwd", "workdir": "cwd", "environment": "env",
    "max_attempts": "max_retries", "tz": "timezone", "needs": "after", "concurrency": "overlap", "disabled": "enabled",
}  # fmt: skip


def explain(entry: Entry, schema: Mapping[str, Any]) -> tuple[tuple[Problem, ...], frozenset[str]]:
    """One problem for each thing that is wrong with the entry's value, at the deepest place that says it; and the keys at fault."""
    problems: list[Problem] = []
    keys: set[str] = set()
    for error in Draft7Validator(schema).iter_errors(entry.value):
        if "then" in error.absolute_schema_path:
            continue  # what a job's type demands is for editors: actions.py says it better
        at = _entry_at(entry, error)
        for key, problem in _told(at, error):
            problems.append(problem)
            keys.update([str(error.absolute_path[0])] if error.absolute_path else [key, _meant_field(entry, key)])
    return tuple(dict.fromkeys(problems)), frozenset(keys)


def _entry_at(entry: Entry, error: ValidationError) -> Entry:
    for step in error.absolute_path:
        # Indexes are left out of the path: line and column say which item it is.
        below = Entry(entry.document, entry.value, step, entry.label, entry.path)
        entry = below if isinstance(step, int) else below._replace(path=f"{entry.path}.{step}" if entry.path else step)
    return entry


def _told(entry: Entry, error: ValidationError) -> Iterator[tuple[str, Problem]]:
    """Problems, each with the key of the entry's value that is at fault, "" when it is the whole value."""
    keyword = str(error.validator)
    if "propertyNames" in error.absolute_schema_path:
        yield str(error.instance), _wrong_name(entry, error)
    elif keyword == "additionalProperties":
        known = list(error.schema.get("properties", ()))  # type: ignore[union-attr]  # only an object schema has this keyword
        for key in error.instance:
            if key not in known and not key.startswith("x-"):
                yield key, _unknown(entry, key, known)
    elif keyword == "type":
        yield "", _wrong_type(entry, error)
    else:
        what, fix = _WORDS.get(keyword, _other)(error)
        yield "", entry.problem(what, fix)


def _unknown(entry: Entry, key: str, known: list[str]) -> Problem:
    child = entry.at(key)
    where = f"{entry.path}: " if entry.path else ""
    elsewhere = _ELSEWHERE.get(key, "")
    otherwise = f"use one of {', '.join(known)}" if len(known) < 10 else "remove it; names that begin with x- are left alone"
    fix = f'write "{elsewhere}"' if elsewhere in known else did_you_mean(key, known, otherwise)
    return child.problem_at_key(f'{where}unknown field "{key}"', fix)


def _meant_field(entry: Entry, key: str) -> str:
    """The field that a misspelt key stands for, where that is not given too: then it is not missing."""
    known = properties("jobs", "job")
    near = _ELSEWHERE.get(key) or closest(key, known)
    return "" if key in known or near in entry.value else near


def _wrong_name(entry: Entry, error: ValidationError) -> Problem:
    key = str(error.instance)
    where = f"{entry.path}: " if entry.path else ""
    if error.validator == "not":
        return entry.at(key).problem_at_key(f'{where}"{key}" can\'t be a default', "write it in each job")
    return entry.at(key).problem_at_key(f'{where}"{key}" is not {_meant(error)}')


def _wrong_type(entry: Entry, error: ValidationError) -> Problem:
    types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    value = entry.value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, dict) else {}
    expected = schema.get("$comment") or listed(_TYPES[name] for name in types if name != "null")
    if "examples" in schema:
        expected += f" such as {_flow(schema['examples'][0])}"
    if value is None:
        return entry.problem("has no value", f"write {expected}")
    if isinstance(value, (dict, list)):
        return entry.problem(f"is {'a mapping' if isinstance(value, dict) else 'a list'}", f"write {expected}")
    if isinstance(value, str):
        return entry.problem(f"{_quoted(value)} is text", _for_text(value, types, expected))
    shown = entry.text
    kind = "true or false" if isinstance(value, bool) else "a number"
    return entry.problem(f"{shown} is {kind}", f'write "{shown}" in quotes' if types == ["string"] else f"write {expected}")


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _for_text(value: str, types: list[str], expected: str) -> str:
    """The remedy for text where something else belongs."""
    if "boolean" in types and value.lower() in _TRUTH:
        return f"write {_TRUTH[value.lower()]}"
    digits = value.replace("_", "").lstrip("+-").lstrip("0")
    if "integer" in types and digits.isdecimal() and value.isascii():
        return f"write {digits}"
    if "array" in types:
        return f"write [{value}]" if len(value) < 40 and value.isprintable() else f"write {expected}"
    return f"write {expected}"


def _quoted(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f'"{text if len(text) <= 60 else text[:57] + "…"}"'


def _meant(error: ValidationError) -> str:
    """The schema's own words for what its pattern allows."""
    schema = error.schema
    return str(schema.get("$comment", f"of the form {error.validator_value}")) if isinstance(schema, dict) else str(error.validator_value)


def _enum(error: ValidationError) -> tuple[str, str]:
    allowed = error.validator_value
    if not all(isinstance(item, str) for item in allowed):
        return f"can't be {json.dumps(error.instance)}", f"write {listed(json.dumps(item) for item in allowed)}"
    near = closest(error.instance, allowed) if isinstance(error.instance, str) else ""
    return f"{_quoted(error.instance)} is not one of {', '.join(allowed)}", f'did you mean "{near}"?' if near else ""


def _required(error: ValidationError) -> tuple[str, str]:
    missing = [name for name in error.validator_value if name not in error.instance]
    return f"{listed(missing, 'and')} missing", f"add `{missing[0]}:`"


def _bounds(error: ValidationError) -> tuple[str, str]:
    least = error.validator == "minimum"
    return f"{error.instance} is too {'small' if least else 'large'}", f"write {error.validator_value} or {'more' if least else 'less'}"


def _empty(_error: ValidationError) -> tuple[str, str]:
    return "is empty", "write a value or remove the field"


def _one_key(error: ValidationError) -> tuple[str, str]:
    if not error.validator_value:
        return "takes no arguments", "write the name alone"
    return "names more than one thing", "write one here, and a list item for each other"


def _unique(_error: ValidationError) -> tuple[str, str]:
    return "names something twice", "keep one of them"


def _pattern(error: ValidationError) -> tuple[str, str]:
    return f"{_quoted(error.instance)} is not {_meant(error)}", ""


def _other(error: ValidationError) -> tuple[str, str]:
    return error.message, ""


_WORDS: Mapping[str, Callable[[ValidationError], tuple[str, str]]] = {
    "enum": _enum,
    "required": _required,
    "minimum": _bounds,
    "maximum": _bounds,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "maxProperties": _one_key,
    "uniqueItems": _unique,
    "pattern": _pattern,
}
