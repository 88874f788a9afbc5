"""Values and positions: what a plain scalar is read as, and where each entry is said to stand."""

from __future__ import annotations

import pytest
import yaml

from octojobs.config import reader
from octojobs.config.reader import Document, Mark, read


def _read(text: str) -> Document:
    document = read("jobs.yaml", text.encode())
    assert document.problems == []
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("1:30:00", "1:30:00"),
        ("017", "017"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("2026-05-15", "2026-05-15"),
        ("2026-02-30", "2026-02-30"),
        ("2026-05-15T10:00:00Z", "2026-05-15T10:00:00Z"),
        ("=", "="),
        (".inf", ".inf"),
        ("123e4567", "123e4567"),
        ("1234567890123456789", "1234567890123456789"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_a_scalar_is_what_people_meant(text: str, value: object) -> None:
    """YAML 1.2: true, false, null and decimal numbers; dates, times, octal, hexadecimal, `on` and `no` are text."""
    read_value = _read(f"key: {text}\n").top[0]["key"]
    assert read_value == value
    assert type(read_value) is type(value)


def test_keys_are_text_as_they_stand() -> None:
    """`on`, `no`, `1` and `null` are names like any other."""
    assert _read("{on: 1, no: 2, 1: 3, null: 4, 2026-01-01: 5}\n").top[0] == {"on": 1, "no": 2, "1": 3, "null": 4, "2026-01-01": 5}


def test_each_entry_knows_where_its_key_and_value_stand() -> None:
    """Lines and columns count from 1; an item of a list stands where its value begins."""
    document = _read("jobs:\n  a:\n    tags: [x, 'y']\n")
    job = document.top[0]["jobs"]["a"]
    assert document.mark(job, "tags") == Mark(3, 5, 3, 11)
    assert document.mark(job["tags"], 1) == Mark(3, 15, 3, 15)


def test_a_number_keeps_the_text_it_was_written_as() -> None:
    """So that `VERSION: 1.10` in an environment stays 1.10."""
    document = _read("version: 1.10\n")
    assert document.mark(document.top[0], "version").raw == "1.10"


def test_an_alias_is_the_value_that_its_anchor_names() -> None:
    """Anchors may be given again; the last one above counts."""
    assert _read("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n").top[0] == {"a": [1], "b": [1], "c": 2, "d": 2}


def test_a_byte_order_mark_is_read_over() -> None:
    """Editors of some systems write one."""
    document = read("jobs.yaml", b"\xef\xbb\xbfjobs: {}\n")
    assert (document.top[0], document.problems) == ({"jobs": {}}, [])


def test_the_parser_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML may be built without the C library."""
    text = "a: &x [1, 'two', \"three\"]\nb: *x\nc: |\n  four\nd: {no: on, at: 12:30}\n"
    fast = _read(text)
    monkeypatch.setattr(reader, "_Loader", yaml.BaseLoader)
    slow = _read(text)
    assert slow.top == fast.top
    assert list(slow.marks.values()) == list(fast.marks.values())
