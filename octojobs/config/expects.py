"""`expect`: what must be true when an agent's program has ended."""

from __future__ import annotations

from typing import Any

from octojobs.config.entries import Entry
from octojobs.config.parsers import texts
from octojobs.core.codec import encode
from octojobs.core.expect import EVERYTHING, Expect

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DRAFT = "http://json-schema.org/draft-07/schema#"


def expect(entry: Entry, *, has_worktree: bool) -> dict[str, Any]:
    """The expectations as the codec writes them. `has_worktree`: whether a run has one to itself, where alone a change can be told."""
    value = entry.value
    if not value:
        raise entry.invalid("is empty", "name one of files_changed, commits, pr, json_schema or command, or remove the field")
    for name in ("files_changed", "commits", "pr"):
        if value.get(name) is False:
            raise entry.at(name).invalid("false expects nothing", "remove it")
    made = Expect(
        files_changed=_patterns(entry.at("files_changed")) if "files_changed" in value else (),
        commits=int(value.get("commits", 0)),
        pr=value.get("pr", False),
        json_schema=_schema(entry.at("json_schema")) if "json_schema" in value else None,
        command=texts(entry.at("command")) if "command" in value else (),
    )
    if not has_worktree and made.of_change:
        what = "needs a worktree of the run's own: in a shared one nobody can tell who has changed what"
        raise entry.at(made.of_change[0]).invalid(what, "remove it, or `sandbox: {backend: none}`")
    encoded: dict[str, Any] = encode(made)
    return encoded


def _patterns(entry: Entry) -> tuple[str, ...]:
    return EVERYTHING if entry.value is True else texts(entry)


def _schema(entry: Entry) -> dict[str, Any]:
    from jsonschema import Draft7Validator, SchemaError, validators  # 100 ms that only a job with a schema pays

    schema: dict[str, Any] = entry.value
    kind = validators.validator_for(schema, default=Draft7Validator)
    if kind is Draft7Validator and "draft-07" not in str(schema.get("$schema", _DRAFT)):
        raise entry.at("$schema").invalid("is no draft of JSON Schema that is known", f"write {_DRAFT}, or remove it")
    try:
        kind.check_schema(schema)
        _resolve(entry, schema)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        where = f"{place}: " if place else ""
        raise _at(entry, list(error.absolute_path)).invalid(
            f"is no JSON Schema: {where}{error.message}", "see https://json-schema.org/understanding-json-schema"
        ) from None
    return schema


def _resolve(entry: Entry, schema: dict[str, Any]) -> None:
    """Every reference points into the schema itself: nothing is fetched."""
    waiting: list[Any] = [schema]
    while waiting:
        found = waiting.pop()
        for name in _REFERENCES if isinstance(found, dict) else ():
            reference = found.get(name)
            if isinstance(reference, str) and not _is_within(schema, reference):
                what = f'its {name} "{reference}" is not in it'
                raise entry.invalid(what, "write one such as #/definitions/NAME; nothing is fetched")
        if isinstance(found, dict | list):
            waiting.extend(found.values() if isinstance(found, dict) else found)


def _is_within(schema: Any, reference: str) -> bool:
    """Whether the reference is a JSON pointer (RFC 6901) to a place in the schema."""
    base, _, pointer = reference.partition("#")
    if base or (pointer and not pointer.startswith("/")):
        return False
    place = schema
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and key in place:
            place = place[key]
        elif isinstance(place, list) and key.isdecimal() and int(key) < len(place):
            place = place[int(key)]
        else:
            return False
    return True


def _at(entry: Entry, path: list[str | int]) -> Entry:
    """The deepest entry on the path whose place is known."""
    for key in path:
        entry = entry.at(key)
    return entry
