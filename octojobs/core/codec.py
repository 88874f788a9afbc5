"""Frozen dataclasses to JSON values and back: one rule for the journal, the state, history and requests.

Instants are RFC 3339 in UTC, tuples are lists, a field at its default is left out, and a member of a union carries its `kind`.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any

from octojobs.core import events, guards, job, when


class NotDecodable(ValueError):
    """The JSON value does not have the shape of the type; the message names the field."""


_UNIONS: tuple[Any, ...] = (events.Event, guards.Guard, job.Action, when.When)
KINDS: dict[type, str] = {member: member.__name__ for union in _UNIONS for member in typing.get_args(union)}


_EXACT = 1 << 53
"""The integers below are floats, too, each its own."""

_UTC_OFFSET = len("+00:00")
_SHAPES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}


def format_instant(at: datetime) -> str:
    """RFC 3339 in UTC; microseconds only where there are some.

    >>> format_instant(datetime(2026, 11, 20, 10, tzinfo=UTC))
    '2026-11-20T10:00:00Z'
    """
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat()[:-_UTC_OFFSET] + "Z"


def parse_instant(text: str) -> datetime:
    """An aware UTC datetime; NotDecodable when the text is no instant or names no offset."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise NotDecodable(f"{text!r} names no offset from UTC")
        return at.astimezone(UTC)
    except NotDecodable:
        raise
    except (ValueError, TypeError, OverflowError):
        raise NotDecodable(f"{text!r} is not an RFC 3339 instant") from None


def encode(value: Any) -> Any:
    """The JSON value of a dataclass, an instant, an enum member, a sequence or a mapping of those."""
    kind: Any = type(value)
    return _encoder(kind)(value)


@cache
def _encoder(kind: Any) -> Callable[[Any], Any]:
    """How values of exactly this type are encoded: decided once, for the journal has some hundred values a run."""
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, bool | int | float | types.NoneType):
        return lambda value: value
    if issubclass(kind, str):
        return str
    if issubclass(kind, datetime):
        return format_instant
    if issubclass(kind, tuple | list):
        return lambda value: [encode(item) for item in value]
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(item) for key, item in value.items()}
    return _dataclass_encoder(kind)


def _dataclass_encoder(kind: Any) -> Callable[[Any], dict[str, Any]]:
    plan = [(name, default) for name, default, _, _ in _plan(kind)]
    tag = {"kind": KINDS[kind]} if kind in KINDS else {}

    def encode_dataclass(value: Any) -> dict[str, Any]:
        result: dict[str, Any] = tag.copy()
        for name, default in plan:
            item = getattr(value, name)
            # Most fields are at their default, and then mostly the very same object.
            if item is not default and (default is MISSING or item != default):
                result[name] = encode(item)
        return result

    return encode_dataclass


def decode(kind: Any, data: Any) -> Any:
    """The value of type `kind` that `encode` made `data` from; NotDecodable when the shape is another.

    Fields that this version does not know are left aside: a newer version of the same format may add some.
    """
    return _decoder(kind)(data)


def default_of(field: Field[Any]) -> Any:
    """The field's default value, MISSING when it has none."""
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


@cache
def _plan(kind: type) -> tuple[tuple[str, Any, Any, bool], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((f.name, default_of(f), hints[f.name], f.init) for f in fields(kind))


@cache
def _dataclass_decoder(kind: type) -> Callable[[Any], Any]:
    """Walks what is there and not what could be: of a job's forty fields mostly five are not at their default."""
    hints = {name: hint for name, _, hint, _ in _plan(kind)}
    needed = [name for name, default, _, _ in _plan(kind) if default is MISSING]
    decoders: dict[str, Callable[[Any], Any]] = {}  # filled as fields are met: a type may contain itself

    def decode_dataclass(data: Any) -> Any:
        if not isinstance(data, dict):
            raise NotDecodable(f"a {kind.__name__} is an object, not {type(data).__name__}")
        values: dict[str, Any] = {}
        for name, item in data.items():
            if name not in hints:
                continue
            try:
                if name not in decoders:
                    decoders[name] = _decoder(hints[name])
                values[name] = decoders[name](item)
            except (ValueError, TypeError, KeyError) as error:
                raise NotDecodable(f"{kind.__name__}.{name}: {error}") from None
        for name in needed:
            if name not in values:
                raise NotDecodable(f"{kind.__name__}.{name} is missing")
        return kind(**values)

    return decode_dataclass


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    if hint is Any:
        return lambda data: data
    if hint is datetime:
        return parse_instant
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(arguments)
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda data: tuple(item(one) for one in _shaped(list, data))
    if origin is not None and issubclass(origin, Mapping):
        key, value = _decoder(arguments[0]), _decoder(arguments[1])
        return lambda data: {key(k): value(v) for k, v in _shaped(dict, data).items()}
    if is_dataclass(hint):
        return _dataclass_decoder(typing.cast(type, hint))
    if hint in (str, int, float, bool):
        return lambda data: _plain(hint, data)
    # names of jobs and runs, and enumerations: all of them texts
    return lambda data: hint(_plain(str, data))


def _shaped(kind: type, data: Any) -> Any:
    if isinstance(data, kind):
        return data
    raise NotDecodable(f"{data!r} is not {_SHAPES[kind]}")


def _plain(kind: type, data: Any) -> Any:
    if type(data) is kind:
        return data
    if isinstance(data, kind) and not isinstance(data, bool):
        return data
    if kind is float and type(data) is int and abs(data) < _EXACT:
        return float(data)
    raise NotDecodable(f"{data!r} is not {_SHAPES[kind]}")


def _union_decoder(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    tagged = {KINDS[a]: _dataclass_decoder(a) for a in arguments if a in KINDS}
    nullable = type(None) in arguments
    others = [_decoder(a) for a in arguments if a not in KINDS and a is not type(None)]
    if nullable and not tagged and len(others) == 1:
        only = others[0]
        return lambda data: None if data is None else only(data)

    def decode_union(data: Any) -> Any:
        if data is None and nullable:
            return None
        kind = data.get("kind") if isinstance(data, dict) else None
        if isinstance(kind, str) and kind in tagged:
            return tagged[kind](data)
        for decoder in others:
            try:
                return decoder(data)
            except (ValueError, TypeError):
                continue
        raise NotDecodable(f"{data!r} is none of {', '.join(map(_named, arguments))}")

    return decode_union


def _named(hint: Any) -> str:
    """How a message calls a member of a union."""
    return KINDS.get(hint) or _SHAPES.get(typing.get_origin(hint) or hint) or "a list"
