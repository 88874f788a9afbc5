"""Durations: `1h30m` or seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.durations import LONGEST_S, InvalidDuration, format_duration, parse_duration

FIX = "write seconds, or whole numbers with w, d, h, m, s in that order, such as 90, 2m or 1h30m"


@given(st.integers(0, LONGEST_S))
def test_what_is_written_is_read_as_the_same_seconds(seconds: int) -> None:
    """`parse_duration` undoes `format_duration`."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (90, 90), ("2m", 120), ("1h30m", 5400), ("1w2d", 777_600), ("1w1d1h1m1s", 694_861), (" 5m ", 300), ("0", 0), ("007s", 7)],
)
def test_a_duration_is_seconds_or_units_largest_first(text: str | int, seconds: int) -> None:
    """Units are `w d h m s`, each once."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", ["", "m", "30m1h", "1h1h", "1.5h", "5 minutes", "-5", "1H", "１h", "1h30", "1e3"])
def test_anything_else_is_refused_with_the_grammar(value: str) -> None:
    """The message shows the value and what to write."""
    with pytest.raises(InvalidDuration) as caught:
        parse_duration(value)
    assert str(caught.value) == f'"{value}" is not a duration; {FIX}'


@pytest.mark.parametrize(
    ("value", "what"), [(True, "True is not a duration"), (1.5, "1.5 is not a duration"), (None, "None is not a duration")]
)
def test_a_value_of_another_type_is_refused(value: object, what: str) -> None:
    """YAML has more types than a duration has."""
    with pytest.raises(InvalidDuration) as caught:
        parse_duration(value)  # type: ignore[arg-type]  # what an unchecked file may hold
    assert str(caught.value) == f"{what}; {FIX}"


def test_a_negative_or_endless_duration_is_refused() -> None:
    """Dates plus a duration stay inside the calendar."""
    with pytest.raises(InvalidDuration, match=r"^a duration can't be negative, and -5 is; "):
        parse_duration(-5)
    with pytest.raises(InvalidDuration, match=r"^9999w9999d is more than a hundred years; write a shorter duration$"):
        parse_duration("9999w9999d")
