"""The two forms of a task's file: what is written is read, edits touch nothing else, and no text becomes a header."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from octojobs.core import task as texts
from octojobs.core.task import InvalidTask, Task, TaskId, TaskPriority
from octojobs.flows import forms
from octojobs.flows.forms import Form
from tests.flows.world import T0
from tests.helpers import ROOT

SCHEMA = json.loads((ROOT / "schemas/task.schema.json").read_text(encoding="utf-8"))
FORMS = pytest.mark.parametrize("form", Form)

HOSTILE = (
    st.text(st.characters(exclude_categories=()), max_size=30)
    | st.sampled_from(
        [
            "x\n---\nrole: admin\n---",
            "x\r\nPRIORITY: P0",
            "x\u2028id: ../../etc/passwd",
            "x\x85---",
            "\0\x1b[2J",
            "# [TASK-evil] x",
            "ROLE: admin\nCLAIMED_BY: me",
            "## Acceptance Criteria\n- [x] nothing",
            " ## Context\n  # a\n ROLE: b",
            '"}: {[!&*',
            "---",
            "null",
            "../../../x",
            "\ud800",
            "a" * 400,
        ]
    )
    | st.lists(st.sampled_from(["---", "ROLE: x", "id: y", "## Context", " # z", "", "\u2029", "\x0c", "- a", "\t"]), max_size=8).map(
        "\n".join
    )
)
LINES = HOSTILE.map(texts.line)
IDS = st.from_regex(texts.TASK_ID, fullmatch=True).map(TaskId)
INSTANTS = st.integers(0, 10**12).map(lambda micros: T0 + timedelta(microseconds=micros))
TASKS = st.builds(
    Task,
    id=IDS,
    title=LINES.filter(bool),
    created_at=INSTANTS,
    role=LINES.filter(bool),
    flow=LINES.filter(bool),
    priority=st.sampled_from(TaskPriority),
    branch=LINES.filter(bool),
    created_by=LINES.filter(bool),
    run=LINES,
    dedupe=LINES,
    parent=LINES,
    depth=st.integers(0, 3),
    blocked_by=st.lists(IDS.filter(lambda one: one.lower() not in ("none", "null") and not one.startswith("TASK-")), max_size=3).map(tuple),
    expires_at=st.none() | INSTANTS,
    acceptance=st.lists(LINES.filter(bool).filter(lambda one: not one.startswith("[")), max_size=3).map(tuple),
    version=st.integers(1, 99),
    attempts=st.integers(0, 9),
    claimed_by=LINES,
    claimed_at=st.none() | INSTANTS,
    reason=LINES,
    body=HOSTILE.map(texts.body).map(lambda text: text.strip()),
)
CHANGES = st.fixed_dictionaries(
    {
        "version": st.integers(1, 99),
        "attempts": st.integers(0, 9),
        "claimed_by": LINES,
        "claimed_at": st.none() | INSTANTS,
        "expires_at": st.none() | INSTANTS,
        "reason": LINES,
    }
)


@FORMS
@given(task=TASKS)
def test_what_is_written_is_read_whatever_the_texts_are(form: Form, task: Task) -> None:
    """Titles, bodies and all other texts come back as they went in: none of them became a header, and none was lost."""
    assert forms.parse(task.id, forms.render(task, form).encode(), T0) == task


@FORMS
@given(task=TASKS, changes=CHANGES)
def test_an_edit_changes_the_named_fields_and_nothing_else(form: Form, task: Task, changes: dict[str, Any]) -> None:
    """The body stays byte for byte."""
    before = forms.render(task, form).encode()
    after = forms.edit(task, before, changes)
    assert forms.parse(task.id, after, T0) == replace(task, **changes)
    end = b"\n---\n" if form is Form.FRONT_MATTER else b"\n\n## Context\n"
    assert after.partition(end)[2] == before.partition(end)[2]


@given(task=TASKS)
def test_the_front_matter_says_the_same_to_any_reader_of_yaml(task: Task) -> None:
    """PyYAML's own reader finds the texts of the task, and the schema accepts them."""
    header = forms.render(task, Form.FRONT_MATTER).split("\n---\n")[0].removeprefix("---\n")
    told = yaml.load(header, yaml.BaseLoader)
    assert (told["id"], told["title"], told["role"], told["priority"]) == (task.id, task.title, task.role, task.priority)
    plain = yaml.load(header, yaml.SafeLoader)
    typed = {name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value for name, value in plain.items()}
    Draft7Validator(SCHEMA).validate(typed)


def test_the_schema_names_what_a_header_has() -> None:
    """Every field of a task but its body, each with what it means."""
    assert sorted(SCHEMA["properties"]) == sorted(set(Task.__slots__) - {"body"})
    assert all(field["description"] for field in SCHEMA["properties"].values())


@given(task=TASKS)
def test_octopoid_finds_its_headers_where_they_are(task: Task) -> None:
    """It looks for `^KEY: value` in the whole file, and takes the first: no line of the body is one."""
    lines = forms.render(task, Form.OCTOPOID).split("\n")
    body = lines[lines.index("## Context") + 1 :]
    headers = [one.partition(":")[0] for one in lines[: lines.index("## Context")] if ": " in one and one[0] != "#"]
    assert lines[0] == f"# [TASK-{task.id}] {task.title}"
    assert {"ROLE", "PRIORITY", "BRANCH", "CREATED", "CREATED_BY", "VERSION"} <= set(headers)
    assert [one for one in body if one.startswith("#") and one != "## Acceptance Criteria"] == []
    assert [one for one in body if one.partition(":")[0].isupper() and ":" in one and one[0] not in " -" and one[0].isascii()] == []


def test_a_file_written_by_hand_needs_a_title_alone() -> None:
    """All else has a default; what is not known is somebody else's."""
    task = forms.parse("fix-login", b"---\ntitle: Mend the login page\nowner: {team: web}\n---\n\nSee the log.\n", T0)
    assert task == Task(TaskId("fix-login"), "Mend the login page", T0, body="See the log.")


def test_a_file_of_octopoid_is_read() -> None:
    """With instants without an offset, ids with their prefix, and a heading of its own in the context."""
    text = (
        "# [TASK-7e0e8c52] Mend it\n\nROLE: review\nPRIORITY: P1\nBRANCH: main\nCREATED: 2026-11-20T10:00:00\nCREATED_BY: human\n"
        "BLOCKED_BY: TASK-a1, b2\n\n## Context\n\nWhy.\n\n## More\n\n- [ ] no criterion\n\n"
        "## Acceptance Criteria\n\n- [ ] it works\n* it is fast\n"
    )
    assert forms.parse("7e0e8c52", text.encode(), T0 + timedelta(days=1)) == Task(
        TaskId("7e0e8c52"),
        "Mend it",
        T0,
        role="review",
        priority=TaskPriority.P1,
        branch="main",
        created_by="human",
        blocked_by=(TaskId("a1"), TaskId("b2")),
        acceptance=("it works", "it is fast"),
        body="Why.\n\n## More\n\n- [ ] no criterion",
    )


def test_an_edit_keeps_what_a_person_wrote() -> None:
    """Comments, order, quotes, line ends, keys of others; a value that went on over lines goes as a whole."""
    text = b"---\r\n# mine\r\ntitle: 'x'\r\nreason: |\r\n  two\r\n  lines\r\nother: [1,\r\n  2]\r\n---\r\nbody\r\n"
    task = forms.parse("a", text, T0)
    after = forms.edit(task, text, {"version": 2, "reason": "new"})
    assert after == b"---\r\n# mine\r\ntitle: 'x'\r\nother: [1,\r\n  2]\r\nversion: 2\r\nreason: new\r\n---\r\nbody\r\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello\n", "it begins neither with --- nor with `# [TASK-ID] title`"),
        (b"---\ntitle: x\n", "its front matter has no end: a line of ---"),
        (b"---\n- x\n---\n", "its front matter holds no fields"),
        (b"---\nrole: x\n---\n", "it has no title"),
        (b"---\ntitle: {a: b}\n---\n", "title is no text"),
        (b"---\ntitle: x\nid: other\n---\n", "it says that it is task other"),
        (b"---\ntitle: x\npriority: soon\n---\n", "'soon' is not a priority: P0, P1, P2 or P3"),
        (b"---\ntitle: x\nblocked_by: [../x]\n---\n", "'../x' is not a task id: letters, digits, _ and -, 63 at most"),
        (b"---\ntitle: x\nblocked_by: a\n---\n", "blocked_by is no list of texts"),
        (b"---\ntitle: x\ncreated_at: yesterday\n---\n", "'yesterday' is not an RFC 3339 instant"),
        (b"---\ntitle: x\nattempts: -1\n---\n", "attempts is no number of times"),
        (b"---\ntitle: [x\n---\n", "its front matter can't be read: "),
        (b"---\ntitle: x\ntitle: y\n---\n", "its front matter can't be read: "),
        (b"\xff", "it is not UTF-8"),
        (b"# [TASK-other] x\n", "it says that it is task other"),
        (b"# [TASK-a]\n", "its first line is not `# [TASK-ID] title`"),
        (b"# [TASK-a] x\nATTEMPT_COUNT: many\n", "'many' is no number of times"),
    ],
)
def test_what_is_no_task_says_why(data: bytes, why: str) -> None:
    """The message follows the file's name."""
    with pytest.raises(InvalidTask) as refused:
        forms.parse("a", data, T0)
    assert str(refused.value).startswith(why)


def test_an_edit_that_would_say_something_else_is_refused() -> None:
    """A header that is laid out so that a line can't be replaced stays as it is."""
    text = b"---\n{title: x, version: 1}\n---\n"
    with pytest.raises(InvalidTask, match="its header can't be edited: write one field a line"):
        forms.edit(forms.parse("a", text, T0), text, {"version": 2})
    with pytest.raises(InvalidTask, match="its header can't be edited"):
        forms.edit(forms.parse("a", b"---\ntitle: x\n---\n", T0), b"---\ntitle: x\n---\n", {"reason": "two\nlines"})


def test_a_text_of_any_length_fits() -> None:
    """A title is cut, with a mark; of a body the middle is left out, and the mark says how much."""
    long = texts.clean(texts.Draft("x" * 1_000_000, body="a" * 500_000 + "z" * 500_000))
    assert (len(long.title), long.title[-2:]) == (texts.LONGEST_LINE, "x…")
    assert len(long.body) < texts.LONGEST_BODY
    assert long.body.startswith("aaa")
    assert long.body.endswith("zzz")
    assert re.search(r"\n\[… 93\d{4} characters are left out here …\]\n", long.body)
