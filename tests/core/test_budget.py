"""When a budget counts, and which of several is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.budget import PER, SpentBudget, span, spent
from octojobs.core.guards import AnyOf, Condition, Guard, Not
from octojobs.core.zones import zone

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Condition("budget_left", {"usd": 1})
MONTH = Condition("budget_left", {"usd": 9, "per": "month"})
GO = Condition("file_exists", {"path": "go"})
TOMORROW, NEXT_MONTH = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@given(
    st.integers(0, 4_000_000_000).map(partial(datetime.fromtimestamp, tz=UTC)),
    st.sampled_from(PER),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland", "America/New_York"]),
)
def test_a_budget_counts_between_two_midnights_and_the_next_begins_where_it_ends(at: datetime, per: str, name: str) -> None:
    """Of the day, or of the month, on the wall clock of the zone; whatever the clocks do in between."""
    begin, end = span(per, at, name)
    assert begin <= at < end
    assert span(per, end, name)[0] == end
    assert span(per, end - timedelta(microseconds=1), name) == (begin, end)
    first, last = begin.astimezone(zone(name)), end.astimezone(zone(name))
    assert (first.hour, first.minute, last.hour, last.minute) == (0, 0, 0, 0)
    assert per == "day" or (first.day, last.day) == (1, 1)


@pytest.mark.parametrize(
    ("guards", "failed", "until"),
    [
        ((GO, DAY), (DAY,), TOMORROW),
        ((DAY, MONTH), (DAY, MONTH), NEXT_MONTH),
        ((DAY, MONTH), (DAY,), TOMORROW),
        ((AnyOf((DAY, MONTH, GO)),), (AnyOf((DAY, MONTH, GO)),), TOMORROW),
        ((AnyOf((Not(MONTH), AnyOf((MONTH, GO)))),), (AnyOf((Not(MONTH), AnyOf((MONTH, GO)))),), NEXT_MONTH),
        ((GO, DAY), (GO,), None),
        ((Not(DAY), AnyOf((GO,))), (Not(DAY), AnyOf((GO,))), None),
        ((GO,), (DAY,), None),
    ],
)
def test_all_that_is_spent_must_come_back(guards: tuple[Guard, ...], failed: tuple[Guard, ...], until: datetime | None) -> None:
    """Of `any` the first is enough; that a budget is left, which `not` fails for, is no news."""
    found = spent(guards, {str(guard): f"no {number}" for number, guard in enumerate(failed)}, NOON, "UTC")
    assert (found.until if found else None) == until


def test_the_words_are_those_of_the_budgets_alone() -> None:
    """With what else does not hold nobody has to do who raises one."""
    failed = {str(GO): "go is not there", str(DAY): "1.00 of 1.00", str(MONTH): "9.50 of 9.00"}
    assert spent((GO, DAY, MONTH), failed, NOON, "UTC") == SpentBudget("1.00 of 1.00; 9.50 of 9.00", NEXT_MONTH)
