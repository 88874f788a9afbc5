"""Reading output: the last lines, following it, and showing bytes that a hostile job wrote."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from octojobs.runners.output import follow, read, tail, visible


@pytest.mark.parametrize(
    ("data", "lines", "expected"),
    [
        (b"", 3, b""),
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\n", 9, b"a\nb\n"),
        (b"a\n\n\n", 2, b"\n\n"),
        (b"1%\r2%\r3%\ndone\n", 2, b"1%\r2%\r3%\ndone\n"),
        (b"a\nb\n", 0, b""),
    ],
)
def test_the_tail_is_the_last_lines(tmp_path: Path, data: bytes, lines: int, expected: bytes) -> None:
    """Whole lines, an unfinished last one counts; a carriage return ends none."""
    path = tmp_path / "output.log"
    path.write_bytes(data)
    assert tail(path, lines) == expected


def test_the_tail_of_a_large_file_is_found_from_its_end(tmp_path: Path) -> None:
    """Lines longer than what is read at once are whole as well."""
    path = tmp_path / "output.log"
    path.write_bytes(b"".join(b"%d %s\n" % (n, b"x" * 50_000) for n in range(20)))
    assert [line.split()[0] for line in tail(path, 3).splitlines()] == [b"17", b"18", b"19"]


def test_only_files_are_read(tmp_path: Path) -> None:
    """The job may put a link, a pipe or a folder there: none is followed, none blocks."""
    (tmp_path / "secret").write_text("secret\n")
    (tmp_path / "link").symlink_to("secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", ".", "nowhere"):
        assert (tail(tmp_path / name, 5), read(tmp_path / name)) == (b"", b"")
    assert read(tmp_path / "secret", 3) == b"sec"


def test_nothing_that_a_job_writes_commands_the_terminal() -> None:
    """Escape sequences, bells, direction marks and stray bytes are shown instead."""
    assert visible(b"plain \xc3\xbc\ttab\nnext") == "plain ü\ttab\nnext"
    assert visible(b"\x1b]0;owned\x07\x1b[2J") == "^[]0;owned^G^[[2J"
    assert visible(b"10%\r20%\r\ndone") == "10%^M20%\ndone"
    assert visible("a\u202eb\u2066c\u200fd\x85e\x9bf".encode()) == "a<U+202E>b<U+2066>c<U+200F>d<U+0085>e<U+009B>f"
    assert visible(b"\0\x7f\xff") == "^@^?\ufffd"


def steps(*actions: Callable[[], object]) -> tuple[Callable[[], bool], Callable[[], None]]:
    """(ended, wait): each wait does the next thing that a job would do; after the last one the run has ended."""
    todo = iter(actions)
    left = len(actions)

    def wait() -> None:
        nonlocal left
        left -= 1
        next(todo)()

    return lambda: left == 0, wait


def append(path: Path, data: bytes) -> Callable[[], object]:
    """A job that writes."""

    def write() -> None:
        with path.open("ab") as file:
            file.write(data)

    return write


def test_following_shows_everything_to_the_last_byte(tmp_path: Path) -> None:
    """From before the file is there until the run has ended, also what was written just before that."""
    path = tmp_path / "output.log"
    ended, wait = steps(lambda: None, append(path, b"one\n"), lambda: None, append(path, b"two\n"))
    assert b"".join(follow(path, ended, wait)) == b"one\ntwo\n"
    assert list(follow(path, lambda: True, lambda: None, start=4)) == [b"two\n"]


def test_following_says_where_the_output_was_cut(tmp_path: Path) -> None:
    """`max_output` makes the file shorter under the reader: no old text again, and a line that says so."""
    path = tmp_path / "output.log"
    path.write_bytes(b"x" * 1000)
    ended, wait = steps(lambda: os.truncate(path, 100), append(path, b"new\n"))
    seen: Iterator[bytes] = follow(path, ended, wait)
    assert b"".join(seen) == b"x" * 1000 + b"\n[octojobs: the output was cut here while it was being followed]\n" + b"new\n"
