"""What the fields of an expression say about dates: as croniter says, which reads and walks them independently, and as cron(8) says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from croniter import CroniterBadDateError, croniter
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.cronfields import SEARCH_YEARS, CronFields
from octojobs.core.cronsyntax import CronError, check, members

_NAMES = {3: ("jan", "feb", "jun", "dec"), 4: ("sun", "mon", "fri", "sat")}
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
START = datetime(1995, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def fields_of(expression: str) -> CronFields:
    """The expression as sets."""
    fields = check(expression)
    return CronFields.of(fields, members(fields))


@st.composite
def _items(draw: st.DrawFn, field: int) -> str:
    values = st.integers(*_BOUNDS[field]).map(str)
    if field in _NAMES:
        values |= st.sampled_from(_NAMES[field])
    steps = st.integers(1, 12)
    shape = draw(st.sampled_from(["{0}", "{0}-{1}", "{0}-{1}/{2}", "*/{2}", "{0}/{2}"]))
    return shape.format(draw(values), draw(values), draw(steps))


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Five fields of values, names, ranges that may wrap, steps and lists, as octojobs takes them."""
    words = []
    for field in range(5):
        special = {2: ["*", "*", "L"], 4: ["*", "*", "mon#2", "L5", "fri#5,sun#1"]}.get(field, ["*"])
        plain = st.lists(_items(field), min_size=1, max_size=3).map(",".join)
        words.append(draw(st.sampled_from(special) | plain))
    return " ".join(words)


def _is_taken(expression: str) -> bool:
    try:
        check(expression)
    except CronError:
        return False
    return True


def _covers_all_without_a_star(fields: CronFields, words: list[str]) -> bool:
    """Where croniter, which forgets how a set was written, and cron(8) part: see the test below."""
    return any(members is None and word != "*" for members, word in ((fields.days, words[2]), (fields.weekdays, words[4])))


@given(expressions().filter(_is_taken), st.integers(0, 33_000_000))
def test_the_next_labels_are_those_that_croniter_finds(expression: str, minutes: int) -> None:
    """Whatever stands in the fields, from whatever minute on."""
    fields = fields_of(expression)
    if _covers_all_without_a_star(fields, check(expression).split()):
        return
    walker = croniter(check(expression), ret_type=datetime, implement_cron_bug=True, max_years_between_matches=SEARCH_YEARS)
    label: datetime | None = START + timedelta(minutes=minutes, seconds=minutes % 2)
    for _ in range(3):
        try:
            expected = walker.get_next(datetime, start_time=label)
        except CroniterBadDateError:
            expected = None
        assert label is not None
        label = fields.label_after(label)
        assert label == expected
        if label is None:
            return
        assert fields.label_at_or_before(label, 1) == label
        assert fields.label_at_or_before(label + timedelta(seconds=59), 1) == label


@pytest.mark.parametrize(
    ("expression", "fires"),
    [
        ("0 2 1-31 * FRI", True),  # no star: either field is enough, and every day of the month is one
        ("0 2 21 * 0-7", True),
        ("0 2 * * FRI", False),
        ("0 2 */1 * FRI", False),  # begins with a star: both have to match
        ("0 2 13 * FRI", True),
        ("0 2 21 * FRI", False),
    ],
)
def test_only_a_leading_star_leaves_a_day_field_unrestricted(expression: str, fires: bool) -> None:
    """As in cron(8): it is the way a field is written that counts, on Tuesday the 13th here."""
    assert fields_of(expression).matches(date(2026, 10, 13)) is fires


@pytest.mark.parametrize(
    ("expression", "unclear"),
    [("0 0 30 2 *", True), ("0 0 29 2 *", False), ("0 0 L 2 *", False), ("0 0 31 4,7 *", False), ("0 0 29 */2 1", False)],
)
def test_a_date_that_is_sure_to_come_need_not_be_looked_for(expression: str, unclear: bool) -> None:
    """The 29th of February comes; the 30th has to be looked for, in vain."""
    assert fields_of(expression).may_never_match is unclear
