"""JSON as it is stored: one canonical form, and lines that carry their own checksum."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_SEAL = re.compile(rb'\{"crc32":(0|[1-9]\d{0,9}),')


class Unreadable(ValueError):
    """The bytes are not the JSON that octojobs writes; the message says why."""


def canonical(value: Any) -> bytes:
    """The one form of a JSON value that checksums are taken over: sorted keys, no blanks, UTF-8.

    A lone surrogate (a byte of a path that is not UTF-8) is written as its JSON escape. Raises ValueError for NaN.

    >>> canonical({"b": 1, "a": "ü"}).decode()
    '{"a":"ü","b":1}'
    """
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def parse(data: bytes) -> Any:
    """The JSON value; raises Unreadable for anything else: duplicate keys, NaN, and nesting that is too deep included."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is not JSON (character {error.pos + 1})") from None
    except ValueError:  # not UTF-8, or an integer of thousands of digits
        raise Unreadable("it is not JSON") from None


def seal(rest: Mapping[str, Any]) -> bytes:
    r"""One line, its newline included, that carries the CRC-32 of the canonical form of everything else in it.

    >>> seal({"seq": 1})
    b'{"crc32":2777267309,"seq":1}\n'
    """
    body = canonical(rest)
    return b'{"crc32":%d,%b\n' % (zlib.crc32(body), body[1:])


def unseal(line: bytes) -> dict[str, Any] | None:
    """What was sealed, or None when the line (without its newline) is not as it was written.

    >>> unseal(seal({"seq": 1})[:-1])
    {'seq': 1}
    """
    if not is_sealed(line):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    del value["crc32"]
    return value  # type: ignore[no-any-return]  # a line that begins with a brace is an object


def is_sealed(line: bytes) -> bool:
    """Whether the line (without its newline) is as it was written, by its checksum alone."""
    match = _SEAL.match(line)
    # The rest of the line is the canonical form but for its opening brace: the bytes themselves are checked.
    return match is not None and zlib.crc32(line[match.end() :], zlib.crc32(b"{")) == int(match[1])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"the key {twice!r} stands twice")
    return value


def _no_constant(name: str) -> None:
    raise Unreadable(f"{name} is not JSON")
