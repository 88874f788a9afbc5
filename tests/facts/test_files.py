"""Folders are found by patterns as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from octojobs.facts.fact import one_line
from octojobs.facts.files import folders


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a/*", ["a/x", "a/y"]),
        ("a/.*", ["a/.h"]),
        ("a/x", ["a/x"]),
        ("*/[x]", ["a/x"]),
        ("**/z", ["a/x/z"]),
        ("a/x/../y", ["a/x/../y"]),
        ("missing/*", []),
        ("a/file/*", []),
    ],
)
def test_patterns_find_folders(tmp_path: Path, pattern: str, found: list[str]) -> None:
    """A star does not match a leading dot, two stars are any depth, files are not folders."""
    for name in ("a/x/z", "a/y", "a/.h"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/file").write_text("")
    assert [str(path.relative_to(tmp_path)) for path in folders(tmp_path, pattern)] == found
    assert [str(path.relative_to(tmp_path)) for path in folders(Path("/nowhere"), f"{tmp_path}/{pattern}")] == found


def test_evidence_is_one_printable_line_of_bounded_length() -> None:
    """Whatever a file or a command says."""
    assert one_line("a\r\n\tb\u202e" + "c" * 300) == "a b\\u202e" + "c" * 190 + "…"
