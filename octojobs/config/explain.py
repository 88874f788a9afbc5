"""What jsonschema found wrong, in words: the place, what is allowed there, and what was probably meant."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from octojobs.config.entries import Entry
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
MOST_UNKNOWN = 100
"""Unknown fields of one mapping that are named one by one, each with the field that may be meant, which takes 20 µs to find."""
# YAML 1.1 read these as true and false, and many people still write them.
_TRUTH = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_LARGE = re.compile(r"[-+]?\d{19,}", re.ASCII)
"""A whole number that is read as text, because it does not fit in 64 bits."""
# What other schedulers call our fields.
_ELSEWHERE = {
    "cron": "schedule", "every": "interval", "cmd": "command", "script": "run", "function": "run", "exec": "command", "when": "conditions",
    "if": "conditions", "guards": "conditions", "retry": "retries", "working_directory": "cwd", "workdir": "cwd", "environment": "env",
    "max_attempts": "max_retries", "tz": "timezone", "needs": "after", "concurrency": "overlap", "disabled": "enabled",
}  # fmt: skip


class Fault(NamedTuple):
    """An error of jsonschema: the keyword that is violated and what it demands, the value, its place in the document."""

    keyword: str
    rule: Any
    value: Any
    schema: Mapping[str, Any]
    path: tuple[str | int, ...]
    schema_path: tuple[str | int, ...]
    message: str


def explain(entry: Entry, schema: Mapping[str, Any]) -> tuple[tuple[Problem, ...], frozenset[str], frozenset[str]]:
    """One problem for each thing that is wrong with the entry's value, at the deepest place that says it.

    And the keys at fault; and the fields that unknown keys probably stand for.
    """
    problems: list[Problem] = []
    keys: set[str] = set()
    meant: set[str] = set()
    for fault in map(_fault, Draft7Validator(schema).iter_errors(entry.value)):
        if "then" in fault.schema_path:
            continue  # what a job's type demands is for editors: actions.py says it better
        at = _entry_at(entry, fault)
        known = fault.schema.get("properties", ())
        for key, problem in _told(at, fault):
            keys.add(str(fault.path[0]) if fault.path else key)
            if problems and problems[-1] is problem:
                continue
            problems.append(problem)
            if known and not fault.path:
                meant.add(_ELSEWHERE.get(key) or closest(key, known))
    return tuple(dict.fromkeys(problems)), frozenset(keys), frozenset(meant)


def _fault(error: ValidationError) -> Fault:
    schema = error.schema if isinstance(error.schema, dict) else {}
    place, rule = tuple(error.absolute_path), tuple(error.absolute_schema_path)
    return Fault(str(error.validator), error.validator_value, error.instance, schema, place, rule, error.message)


def _entry_at(entry: Entry, fault: Fault) -> Entry:
    for step in fault.path:
        # Indexes are left out of the path: line and column say which item it is.
        below = Entry(entry.document, entry.value, step, entry.label, entry.path)
        entry = below if isinstance(step, int) else below._replace(path=f"{entry.path}.{step}" if entry.path else step)
    return entry


def _told(entry: Entry, fault: Fault) -> Iterator[tuple[str, Problem]]:
    """Problems, each with the key of the entry's value that is at fault, "" when it is the whole value."""
    keyword = fault.keyword
    if "propertyNames" in fault.schema_path:
        yield str(fault.value), _wrong_name(entry, fault)
    elif keyword == "additionalProperties":
        known = list(fault.schema.get("properties", ()))
        unknown = [key for key in fault.value if key not in known and not key.startswith("x-")]
        for key in unknown[:MOST_UNKNOWN]:
            yield key, _unknown(entry, key, known)
        if more := unknown[MOST_UNKNOWN:]:
            rest = entry.at(more[0]).problem_at_key(f"{len(more):,} more unknown fields begin here", "is this a file of jobs?")
            yield from ((key, rest) for key in more)
    elif keyword == "type":
        yield "", _wrong_type(entry, fault)
    else:
        what, fix = _WORDS.get(keyword, _other)(fault)
        yield "", entry.problem(what, fix)


def _unknown(entry: Entry, key: str, known: list[str]) -> Problem:
    child = entry.at(key)
    where = f"{entry.path}: " if entry.path else ""
    elsewhere = _ELSEWHERE.get(key, "")
    otherwise = "remove it; names that begin with x- are left alone" if len(known) > 9 else f"use {listed(known)}"
    fix = f'write "{elsewhere}"' if elsewhere in known else did_you_mean(key, known, otherwise)
    return child.problem_at_key(f'{where}unknown field "{key}"', fix)


def _wrong_name(entry: Entry, fault: Fault) -> Problem:
    key = str(fault.value)
    where = f"{entry.path}: " if entry.path else ""
    if fault.keyword == "not":
        return entry.at(key).problem_at_key(f'{where}"{key}" can\'t be a default', "write it in each job")
    return entry.at(key).problem_at_key(f'{where}"{key}" is not {_meant(fault)}')


def _wrong_type(entry: Entry, fault: Fault) -> Problem:
    types = [fault.rule] if isinstance(fault.rule, str) else fault.rule
    value = entry.value
    schema = fault.schema
    expected = schema.get("$comment") or listed(_TYPES[name] for name in types if name != "null")
    if "examples" in schema:
        expected += f" such as {_flow(schema['examples'][0])}"
    if value is None:
        return entry.problem("has no value", f"write {expected}")
    if isinstance(value, (dict, list)):
        return entry.problem(f"is {'a mapping' if isinstance(value, dict) else 'a list'}", f"write {expected}")
    if isinstance(value, str):
        if _LARGE.fullmatch(value) and {"integer", "number"} & set(types):
            return entry.problem(f"{value} is too large a number", "write a smaller one")
        return entry.problem(f"{_quoted(value)} is text", _for_text(value, types, expected))
    shown = entry.text
    kind = "true or false" if isinstance(value, bool) else "a number"
    return entry.problem(f"{shown} is {kind}", f'write it in quotes, "{shown}"' if types == ["string"] else f"write {expected}")


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return value if isinstance(value, str) and "*" not in value else json.dumps(value)


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


def _meant(fault: Fault) -> str:
    """The schema's own words for what its pattern allows."""
    return str(fault.schema.get("$comment", f"of the form {fault.rule}"))


def _enum(fault: Fault) -> tuple[str, str]:
    allowed = fault.rule
    if not all(isinstance(item, str) for item in allowed):
        return f"can't be {json.dumps(fault.value)}", f"write {listed(json.dumps(item) for item in allowed)}"
    near = closest(fault.value, allowed) if isinstance(fault.value, str) else ""
    return f"{_quoted(fault.value)} is not one of {', '.join(allowed)}", f'did you mean "{near}"?' if near else ""


def _required(fault: Fault) -> tuple[str, str]:
    missing = [name for name in fault.rule if name not in fault.value]
    return f'"{missing[0]}" is missing', f"add `{missing[0]}:`"


def _bounds(fault: Fault) -> tuple[str, str]:
    least = fault.keyword == "minimum"
    return f"{fault.value} is too {'small' if least else 'large'}", f"write {fault.rule} or {'more' if least else 'less'}"


def _empty(_fault: Fault) -> tuple[str, str]:
    return "is empty", "write a value or remove the field"


def _one_key(fault: Fault) -> tuple[str, str]:
    if not fault.rule:
        return "takes no arguments", "write the name alone"
    fix = "write each as an item of its own" if isinstance(fault.path[-1], int) else "keep one of them"
    return f"{listed(fault.value, 'and')} are given together", fix


def _unique(_fault: Fault) -> tuple[str, str]:
    return "says one thing twice", "keep one of them"


def _pattern(fault: Fault) -> tuple[str, str]:
    return f"{_quoted(fault.value)} is not {_meant(fault)}", ""


def _other(fault: Fault) -> tuple[str, str]:
    return fault.message, ""


_WORDS: Mapping[str, Callable[[Fault], tuple[str, str]]] = {
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
