"""What is no definition file is refused with its place and its remedy, and before it costs anything."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from octojobs.config.limits import MAX_ALIASES, MAX_ANCHORS, MAX_BYTES, MAX_DEPTH, MAX_NODES
from octojobs.config.reader import read

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n" for below, name in zip("abcdef", "bcdefg", strict=True)
)


def _refusal(text: str | bytes) -> str:
    document = read("jobs.yaml", text if isinstance(text, bytes) else text.encode())
    (problem,) = document.problems
    assert document.refused
    return str(problem)


TRAPS = {
    "a tab that indents": ("jobs:\n\ta: 1\n", "jobs.yaml:2:1: a tab stands where spaces must; indent with spaces"),
    "a tab below spaces": ("jobs:\n  a: x\n  \tb: y\n", "jobs.yaml:3:3: a tab stands where spaces must; indent with spaces"),
    "a conflict": (
        "jobs:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> other\n",
        "jobs.yaml:2:1: a merge conflict stands here; resolve it: keep one side and remove the markers",
    ),
    "bytes that are not UTF-8": (b"a: 1\nb: caf\xe9\n", "jobs.yaml:2:7: byte 0xe9 is not UTF-8; save the file as UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "jobs.yaml:1:1: byte 0xff is not UTF-8; save the file as UTF-8"),
    "a control character": ("a: b\x1b[2J\n", 'jobs.yaml:1:5: control character U+001B; remove it, or write it as an escape in "quotes"'),
    "a right-to-left override": (
        "a: make \u202etset\n",
        'jobs.yaml:1:9: control character U+202E; remove it, or write it as an escape in "quotes"',
    ),
    "several documents": (
        "a: 1\n---\nb: 2\n",
        "jobs.yaml:2:1: a second document begins here; keep one document a file; more files go to .octopoid/jobs/",
    ),
    "a merge key": (
        "a: &a {x: 1}\nb:\n  <<: *a\n",
        "jobs.yaml:3:3: merge keys are not read; write the fields out, or put them under `defaults:`",
    ),
    "a tag": ("a: !!str 5\n", 'jobs.yaml:1:4: !!str is a YAML tag; remove it: tags are not read, and text is written in "quotes"'),
    "a tag that makes objects": (
        "a: !!python/object/apply:os.system [id]\n",
        'jobs.yaml:1:4: !!python/object/apply:os.system is a YAML tag; remove it: tags are not read, and text is written in "quotes"',
    ),
    "a directive": ("%YAML 1.1\n---\na: 1\n", "jobs.yaml:1:1: '%YAML 1.1' is a YAML directive; remove the line: directives are not read"),
    "an alias of nothing": ("a: *b\n", 'jobs.yaml:1:4: *b names no anchor above it; give it with &, or write the text in "quotes"'),
    "an alias in itself": ("a: &a [*a]\n", 'jobs.yaml:1:8: *a names no anchor above it; give it with &, or write the text in "quotes"'),
    "an anchor at a key": ("&a b: 1\n", "jobs.yaml:1:1: the anchor &a stands at a key; put it at a value"),
    "a key that is a list": ("? [a]\n: 1\n", "jobs.yaml:1:3: a key must be text; write `name: value`"),
    "an unquoted @once": (
        "schedule: @once 2026-05-15T10:00Z\n",
        'jobs.yaml:1:11: text can\'t begin with @; write the whole text in "quotes"',
    ),
    "an unquoted star": (
        "schedule: */5 * * * *\n",
        'jobs.yaml:1:12: text that begins with * or & is a YAML alias or anchor; write the whole text in "quotes"',
    ),
    "a colon in a command": (
        "command: echo a: b\n",
        'jobs.yaml:1:16: a second `: ` in one value; write the whole text in "quotes", or indent the line below its key',
    ),
    "a quote that stays open": ('a: "b\nc: d\n', "jobs.yaml:3:1: a quote is opened and never closed; close it"),
    "a bracket that stays open": (
        "a: [1, 2\nb: 3\n",
        (
            "jobs.yaml:2:2: this does not fit what stands above it (in what began in line 1); "
            "check the indentation, the quotes and the brackets"
        ),
    ),
    "a line without a colon": ("jobs:\n  a: 1\n  nightly\n", "jobs.yaml:4:1: this line has no `: ` after its key; write `name: value`"),
    "a NUL by escape": (
        r'a: "\0"',
        "jobs.yaml:1:4: this text holds a NUL or half a surrogate pair; remove the escape: no program can be given it",
    ),
}


@pytest.mark.parametrize(("text", "message"), TRAPS.values(), ids=list(TRAPS))
def test_what_is_no_definition_file_is_refused(text: str | bytes, message: str) -> None:
    """One problem, at the place that has to be changed."""
    assert _refusal(text) == message


def test_tabs_that_do_not_indent_are_text() -> None:
    """A shell script in a block may be indented with tabs, and a value may be separated by one."""
    document = read("jobs.yaml", b"command: |\n  if true; then\n  \techo yes\n  fi\nkey:\tvalue\n")
    assert document.top[0] == {"command": "if true; then\n\techo yes\nfi\n", "key": "value"}


def test_all_duplicate_keys_are_told() -> None:
    """Each with the line of the first."""
    document = read("jobs.yaml", b"jobs:\n  a: 1\n  b: 2\n  a: 3\njobs: {}\n")
    assert list(map(str, document.problems)) == [
        'jobs.yaml:4:3: "a" is given twice, first in line 2; keep one of them',
        'jobs.yaml:5:1: "jobs" is given twice, first in line 1; keep one of them',
    ]


BOUNDS = {
    "nesting in brackets": ("[" * (MAX_DEPTH + 1), f"jobs.yaml:1:{MAX_DEPTH + 1}: this is nested more than 40 deep; write it flatter"),
    "nesting by indentation": (
        "".join(f"{' ' * level}a:\n" for level in range(MAX_DEPTH + 1)) + " " * 50 + "a: b\n",
        "jobs.yaml:41:41: this is nested more than 40 deep; write it flatter",
    ),
    "aliases": (
        "a: &a x\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]\n",
        "jobs.yaml:2:205: more than 50 aliases; use `defaults:` for what jobs share",
    ),
    "anchors": (
        "".join(f"- &a{number} x\n" for number in range(MAX_ANCHORS + 1)),
        "jobs.yaml:1001:3: more than 1000 anchors; use `defaults:` for what jobs share",
    ),
    "aliases of aliases": (
        BOMB,
        "jobs.yaml:6:8: more than 100,000 values, aliases counted each time; split the file into .octopoid/jobs/*.yaml",
    ),
    "values": (
        "- a\n" * MAX_NODES,
        "jobs.yaml:100000:3: more than 100,000 values, aliases counted each time; split the file into .octopoid/jobs/*.yaml",
    ),
    "bytes": ("#" * (MAX_BYTES + 1), "jobs.yaml: the file has 4,194,305 bytes, more than 4,194,304; split it into .octopoid/jobs/*.yaml"),
}


@pytest.mark.parametrize(("text", "message"), BOUNDS.values(), ids=list(BOUNDS))
def test_bounds_hold_at_the_first_thing_too_many(text: str, message: str) -> None:
    """The walk stops there: nothing beyond the bound is ever built."""
    assert _refusal(text) == message


def test_what_stays_within_the_bounds_is_read() -> None:
    """The bounds themselves are allowed."""
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read("jobs.yaml", deep.encode()).problems == []
    assert read("jobs.yaml", ("- a\n" * (MAX_NODES - 1)).encode()).problems == []


def test_a_refused_file_leaves_nothing_behind() -> None:
    """Nodes are counted while the file is read, so a bomb holds no more of them than the bound."""
    document = read("jobs.yaml", BOMB.encode())
    assert sum(map(len, document.marks.values())) <= MAX_NODES


@pytest.mark.parametrize(("flood", "place"), [("[", "1:(41|1001)"), ("{a: ", "1:161"), ("- ", "1:81")])
def test_a_flood_of_brackets_does_not_end_the_process(flood: str, place: str) -> None:
    """The C parser's own composer overflows the stack on these; read in a process of its own, so that it would be seen.

    Newer ones end at 1,000 brackets by themselves, before they tell of the first.
    """
    program = f"from octojobs.config.reader import read; print(*read('jobs.yaml', ({flood!r} * 100_000).encode()).problems)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"jobs\.yaml:{place}: this is nested more than 40 deep; write it flatter\n", done.stdout), done.stdout
