"""Texts of tasks, templates and flows: values stay values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.flow import OCTOPOID, Flow, TaskPhase
from octojobs.core.placeholders import PLACEHOLDERS, fill
from octojobs.core.task import LONGEST_LINE, TASK_ID, Draft, InvalidTaskId, TaskId, body, clean, line

ANY = st.text(st.characters(exclude_categories=()), max_size=300)


@given(text=ANY)
def test_a_line_is_one_line_and_stays_as_it_is(text: str) -> None:
    """Whatever breaks, hides or steers is gone, and a second look changes nothing."""
    said = line(text)
    assert len(said.splitlines()) <= 1
    assert said.isprintable() or all(character.isprintable() or character == " " or ord(character) > 127 for character in said)
    assert len(said) <= LONGEST_LINE
    assert line(said) == said
    assert said.encode() is not None


@given(text=ANY)
def test_a_body_keeps_its_lines_and_stays_as_it_is(text: str) -> None:
    """Line feeds and tabs are the only controls."""
    said = body(text)
    assert all(character in "\n\t" or ord(character) >= 32 for character in said)
    assert body(said) == said
    assert said.encode() is not None


@given(values=st.dictionaries(st.sampled_from(PLACEHOLDERS), st.sampled_from(["${job}", "{result}", "$", "}", "${", "x"])), text=ANY)
def test_a_value_is_never_read_as_a_template(values: dict[str, str], text: str) -> None:
    """Placeholders in values stay; text without placeholders stays."""
    assert fill("<${job}|{result}|${reason}>", values) == f"<{values.get('job', '')}|{values.get('result', '')}|{values.get('reason', '')}>"
    if "{" not in text:
        assert fill(text, values) == text


@pytest.mark.parametrize("text", ["awk '{print $1}'", "@{u}", "${HOME}", "{}", "${}", "$job", "{Job}", "{job }", "{{job"])
def test_what_is_no_placeholder_is_text(text: str) -> None:
    """The list is closed."""
    assert fill(text, {"job": "x"}) == text


@pytest.mark.parametrize("text", ["", ".", "..", "../x", "a/b", "a b", "a\n", "-a", "_a", "a.md", "ä", "a" * 64, "\0"])
def test_an_id_is_safe_as_a_file_name(text: str) -> None:
    """What could lead elsewhere, or be taken for an option, is none."""
    with pytest.raises(InvalidTaskId, match=r"is not a task id: letters, digits, _ and -, 63 at most"):
        TaskId(text)
    assert not TASK_ID.fullmatch(text)


def test_a_prerequisite_that_is_named_twice_counts_once() -> None:
    """And criteria that say nothing are left out."""
    draft = clean(Draft("x", blocked_by=("a", "b", "a"), acceptance=(" ", "it works")))
    assert (draft.blocked_by, draft.acceptance) == (("a", "b"), ("it works",))


def test_the_states_of_octopoid_have_their_phases() -> None:
    """Folders that a guard, an agent or a person knows."""
    assert {state: str(phase) for state, phase in OCTOPOID.states.items()} == {
        "proposed": "proposed",
        "incoming": "ready",
        "claimed": "running",
        "provisional": "waiting",
        "done": "done",
        "failed": "failed",
        "quarantined": "failed",
    }


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ({"../x": TaskPhase.READY}, "'../x' is not the name of a state: a small letter first, then those, digits, _ and -, 32 at most"),
        ({"incoming": TaskPhase.READY}, "mine: proposed: 'proposed' is not a state in phase proposed"),
    ],
)
def test_a_flow_that_does_not_fit_is_refused(states: dict[str, TaskPhase], message: str) -> None:
    """Names that lead elsewhere, and states that are not there."""
    with pytest.raises(ValueError, match=message.split(":", maxsplit=1)[0]) as refused:
        Flow("mine", states)
    assert str(refused.value) == message
