"""A result is shown whole or not at all, whatever the job left."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from octojobs.runners.results import DEEPEST, MOST_SHOWN, Result, shown_result


def test_a_run_may_leave_none(tmp_path: Path) -> None:
    """Or its folder is gone."""
    assert shown_result(tmp_path) == shown_result(tmp_path / "gone") == Result()


@pytest.mark.parametrize(
    "text", ["null", "0", '"ü"', '{"a": [1, {"b": null}]}', "[" * DEEPEST + "]" * DEEPEST, f'"{"x" * (MOST_SHOWN - 2)}"']
)
def test_json_is_shown(text: str, tmp_path: Path) -> None:
    """Any value of at most 64 KiB."""
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    shown = shown_result(tmp_path)
    assert (shown.value, shown.note) == (json.loads(text), "")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON (character 1)"),
        (b"{'a': 1}", "it is not JSON (character 2)"),
        (b"\xff", "it is not JSON"),
        (b"NaN", "NaN is not JSON"),
        (b"[" * 101 + b"]" * 101, "it is nested too deeply"),
        (b"[" * 30_000, "it is nested too deeply"),
        (b"1" * (MOST_SHOWN + 1), "it has more than 65536 bytes"),
    ],
    ids=["empty", "quotes", "bytes", "NaN", "deep", "bomb", "large"],
)
def test_what_is_not_shown_is_said_to_be_there(data: bytes, why: str, tmp_path: Path) -> None:
    """With the file's name, for who wants it all the same."""
    file = tmp_path / "result.json"
    file.write_bytes(data)
    assert shown_result(tmp_path) == Result(note=f"{file} is not shown: {why}")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A folder, a link to elsewhere, a pipe that nobody writes to."""
    file = tmp_path / "result.json"
    file.mkdir()
    assert shown_result(tmp_path) == Result(note=f"{file} can't be read: Is a directory")
    file.rmdir()
    file.symlink_to("/etc/passwd")
    assert shown_result(tmp_path) == Result(note=f"{file} can't be read: Too many levels of symbolic links")
    file.unlink()
    os.mkfifo(file)
    assert shown_result(tmp_path) == Result(note=f"{file} is not shown: it is not JSON (character 1)")
