"""A job is created, deleted, enabled and disabled in the file's own text: nothing else in it moves."""

from __future__ import annotations

import difflib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from octojobs.config.edit import create_job, delete_job, set_enabled
from octojobs.errors import UsageError

MAPPING = """\
# top
version: 1
jobs:
  # about one
  one:   # beside one
    command: |
      foo
      # no comment
    # the end of one

  # about two
  two: {command: x, retries: {max: 2}}

  three:
    run: "x:y"   # why
    interval:    5m

# bottom
"""

LIST = """\
jobs:
- name: one
  command: x   # z
- name: two   # beside two
  command: [y]

  # about three
- id: three
  name: the third
  command: 'z'
"""

FIELDS: dict[str, Any] = {
    "schedule": "@hourly",
    "command": 'make "x"\n',
    "retries": {"max": 2},
    "conditions": ["a", {"command": ["x", "y"]}],
    "priority": "high",
}


def changes(before: str, after: str | None) -> list[str]:
    """The lines that went and came."""
    lines = difflib.ndiff(before.splitlines(), (after or "").splitlines())
    return [line for line in lines if line[0] in "+-"]


def data(text: str) -> Any:
    """What a YAML reader sees."""
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (MAPPING, "one", ["+     enabled: false"]),
        (MAPPING, "two", ["-   two: {command: x, retries: {max: 2}}", "+   two: {enabled: false, command: x, retries: {max: 2}}"]),
        (MAPPING, "three", ["+     enabled: false"]),
        (LIST, "one", ["+   enabled: false"]),
        (LIST, "two", ["+   enabled: false"]),
        (LIST, "three", ["+   enabled: false"]),
    ],
)
def test_disabling_adds_one_line_to_the_job(text: str, name: str, expected: list[str]) -> None:
    """And enabling again changes that line alone; what is enabled already is left as it is."""
    disabled = set_enabled(text, name, False)
    assert changes(text, disabled) == expected
    enabled = set_enabled(disabled, name, True)
    assert len(changes(disabled, enabled)) == 2
    assert set_enabled(enabled, name, True) == enabled
    assert set_enabled(text, name, True) == text


def test_a_word_that_is_there_is_replaced_in_its_place() -> None:
    """With the comment that stands beside it."""
    text = "jobs:\n  a:\n    enabled:   no-such # why\n    command: x\n"
    assert set_enabled(text, "a", True) == "jobs:\n  a:\n    enabled:   true # why\n    command: x\n"


@pytest.mark.parametrize(
    ("text", "name", "gone"),
    [
        (MAPPING, "one", MAPPING[MAPPING.index("  # about one") : MAPPING.index("  # about two")]),
        (MAPPING, "two", MAPPING[MAPPING.index("  # about two") : MAPPING.index("  three")]),
        (MAPPING, "three", MAPPING[MAPPING.index("  three") : MAPPING.index("# bottom")]),
        (LIST, "one", "- name: one\n  command: x   # z\n"),
        (LIST, "two", "- name: two   # beside two\n  command: [y]\n"),
        (LIST, "three", "- id: three\n  name: the third\n  command: 'z'\n"),
    ],
)
def test_deleting_takes_the_job_and_its_own_comments(text: str, name: str, gone: str) -> None:
    """The comment above it and those within; its neighbours keep theirs."""
    assert delete_job(text, name) == text.replace(gone, "")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("jobs:   # all\n  a:\n    command: x\nversion: 1\n", "jobs: {}   # all\nversion: 1\n"),
        ("jobs:\n  - name: a\n    command: x\n", "jobs: []\n"),
        ("jobs:\n  b: {command: x}\n\n  # about a\n  a:\n    command: x\n", "jobs:\n  b: {command: x}\n"),
        ("jobs:\n\n  a:\n    command: x\n", "jobs: {}\n"),
        ("jobs: {a: {command: x}}\n", "jobs: {}\n"),
        ("jobs: [{name: a}, {name: b}]", "jobs: [{name: b}]"),
        ("jobs: {b: {}, a: {}}", "jobs: {b: {}}"),
    ],
)
def test_deleting_the_last_job_says_that_there_are_none(text: str, after: str) -> None:
    """`jobs:` with nothing behind it would be an unfinished file."""
    assert delete_job(text, "a") == after


def test_a_file_that_is_one_job_goes_with_it() -> None:
    """It is known by its name, its id, or the name of the file."""
    text = "command: x\ninterval: 5m\n"
    assert set_enabled(text, "sweep", False, "sweep") == "command: x\nenabled: false\ninterval: 5m\n"
    assert delete_job(text, "sweep", "sweep") is None
    assert delete_job("id: other\ncommand: x\n", "other", "sweep") is None
    assert delete_job("job:\n  name: third\n  command: x\n", "third", "sweep") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            MAPPING,
            [
                *(
                    "+   new:",
                    '+     schedule: "@hourly"',
                    "+     command: |",
                    '+       make "x"',
                    "+     retries: {max: 2}",
                    '+     conditions: [a, {command: [x, "y"]}]',
                ),
                *("+     priority: high", "+ "),
            ],
        ),
        (
            LIST,
            [
                *("+ ", "+ - name: new", '+   schedule: "@hourly"', "+   command: |", '+     make "x"', "+   retries: {max: 2}"),
                *('+   conditions: [a, {command: [x, "y"]}]', "+   priority: high"),
            ],
        ),
    ],
)
def test_a_new_job_comes_last_in_the_form_of_the_others(text: str, expected: list[str]) -> None:
    """With an empty line before it where the others have one; what follows the jobs stays behind them."""
    assert sorted(changes(text, create_job(text, "new", FIELDS))) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "jobs:\n  new:\n    command: make\n"),
        ("# hi\n", "# hi\njobs:\n  new:\n    command: make\n"),
        ("version: 1", "version: 1\njobs:\n  new:\n    command: make\n"),
        ("jobs:\n", "jobs:\n  new:\n    command: make\n"),
        ("jobs:   # none yet\n# more\nversion: 1\n", "jobs:   # none yet\n  new:\n    command: make\n# more\nversion: 1\n"),
        ("jobs: {}  # none\nversion: 1\n", "jobs:  # none\n  new:\n    command: make\nversion: 1\n"),
        ("jobs: []\n", "jobs:\n  - name: new\n    command: make\n"),
        ("jobs: ~", "jobs:\n  new:\n    command: make\n"),
        ("jobs: {a: {command: x}}\n", "jobs: {a: {command: x}, new: {command: make}}\n"),
        ("jobs: [{name: a}]", "jobs: [{name: a}, {name: new, command: make}]"),
        ("jobs:\n    a:\n        command: x", "jobs:\n    a:\n        command: x\n    new:\n      command: make\n"),
        ("jobs:\r\n  a:\r\n    command: x\r\n", "jobs:\r\n  a:\r\n    command: x\r\n  new:\r\n    command: make\r\n"),
    ],
)
def test_the_first_job_finds_its_place_in_every_kind_of_file(text: str, after: str) -> None:
    """An empty one, one without jobs, flow style, four spaces, and the line ends of another system."""
    assert create_job(text, "new", {"command": "make"}) == after


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: set_enabled(MAPPING, "four", False), 'there is no job "four" in the file'),
        (lambda: delete_job("", "a"), 'there is no job "a" in the file'),
        (lambda: create_job(MAPPING, "one", {}), 'job "one" is there already; choose another name, or edit it'),
        (lambda: create_job("command: x\n", "b", {}, "a"), 'the file is one job, "a"; create the new one in another file'),
        (lambda: delete_job("- a\n", "a"), "the file is no mapping; write the jobs under `jobs:`"),
        (lambda: create_job("a: [", "a", {}), "the file is not valid YAML; mend it first; `octojobs validate` says where"),
        (
            lambda: delete_job("jobs:\n  a: &x\n    command: y\n  b: *x\n", "a"),
            "the file is written in a way that can't be edited safely; edit it by hand",
        ),
        (
            lambda: set_enabled("jobs:\n  a: &x\n    command: y\n  b: *x\n", "b", False),
            "the file is written in a way that can't be edited safely; edit it by hand",
        ),
        (
            lambda: delete_job("jobs:\n-\n  name: a\n-\n  name: b\n", "a"),
            "the file is written in a way that can't be edited safely; edit it by hand",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(change: Any, message: str) -> None:
    """Never half done: the text is read again before anybody sees it."""
    with pytest.raises(UsageError) as raised:
        change()
    assert str(raised.value) == message


def _block_style(shape: Any) -> str:
    stream = io.StringIO()
    YAML(pure=True).dump(shape, stream)
    return stream.getvalue()


names = st.sampled_from(["a", "b-1", "On", "no", "x.y"])
scalars = st.one_of(st.text("ab:#'\"{}[]@ %&*!|>0123-\n", max_size=12), st.integers(0, 99), st.booleans())
jobs = st.dictionaries(names, st.dictionaries(st.sampled_from(["command", "interval", "title"]), scalars, min_size=1), min_size=1)


@given(jobs, st.sampled_from(["block", "flow", "list"]), scalars)
def test_every_edit_says_what_was_asked_and_nothing_else(declared: dict[str, Any], form: str, value: Any) -> None:
    """Whatever the texts in the jobs: created, disabled and deleted again, the file is the one it was."""
    shape = {"jobs": [{"name": name, **fields} for name, fields in declared.items()] if form == "list" else declared}
    text = json.dumps(shape) if form == "flow" else _block_style(shape)
    created = create_job(text, "new", {"command": value})
    disabled = set_enabled(created, "new", False)
    assert data(disabled)["jobs"] != data(text)["jobs"]
    deleted = delete_job(disabled, "new")
    assert deleted is not None
    assert data(deleted) == shape
    assert deleted.split() == text.split()
