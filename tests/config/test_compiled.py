"""What a schema was compiled to is kept beside the byte code, and is right or is made anew."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

import fastjsonschema
import pytest

from octojobs.config import compiled
from octojobs.config.compiled import accepts

SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["a"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Python keeps byte code in this test."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def kept(folder: Path) -> list[Path]:
    """The files that are there."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def answers(schema: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether it takes what has an `a`, and what has none."""
    fits = accepts(schema, "word")
    return fits({"a": 1}), fits({})


def test_what_was_compiled_is_found_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process needs no fastjsonschema: it would be a quarter of a hook's time."""
    assert answers(SCHEMA) == (True, False)
    (entry,) = kept(folder)
    assert entry.name.startswith("word.")
    monkeypatch.setattr(fastjsonschema, "compile_to_code", None)
    assert answers(SCHEMA) == (True, False)


def test_another_schema_of_that_name_takes_its_place(folder: Path) -> None:
    """Whoever edits a schema gets the new one at once, and the old file goes."""
    assert answers(SCHEMA) == (True, False)
    assert answers({**SCHEMA, "required": ["b"]}) == (False, False)
    assert len(kept(folder)) == 1


@pytest.mark.parametrize("damage", [b"", b"\xff", b"i\x01\x00\x00\x00"])
def test_a_damaged_file_is_made_anew(folder: Path, damage: bytes) -> None:
    """Cut, not byte code, or another value."""
    accepts(SCHEMA, "word")
    (entry,) = kept(folder)
    entry.write_bytes(damage)
    assert answers(SCHEMA) == (True, False)
    assert isinstance(marshal.loads(entry.read_bytes()), CodeType)


def test_without_a_place_for_it_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file where the folder should be, and then PYTHONDONTWRITEBYTECODE: the answers are the same."""
    monkeypatch.setattr(sys, "pycache_prefix", str(folder / "file"))
    (folder / "file").touch()
    assert answers(SCHEMA) == (True, False)
    monkeypatch.setattr(sys, "pycache_prefix", str(folder / "more"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert answers(SCHEMA) == (True, False)
    assert kept(folder) == [folder / "file"]


def test_a_generator_that_writes_something_else_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exceptions are replaced by name: silence would take every value for a good one, or none."""
    monkeypatch.setattr(compiled, "_IMPORT", "from elsewhere import Refused\n")
    with pytest.raises(ImportError, match="generates what octojobs does not know"):
        accepts(SCHEMA, "word")
    assert kept(folder) == []
