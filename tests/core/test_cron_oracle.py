"""Cron against an independent, slow oracle: cron(8)'s sentences applied to every UTC minute around the zones' changes."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from octojobs.core import cron as cron_module
from octojobs.core.cron import Cron
from octojobs.core.due import due
from octojobs.core.schedule import CronTimes
from octojobs.core.zones import changes, instants_of, zone
from tests.core.oracle import Expression, Wall, at
from tests.strategies import expressions

ODD = ("Australia/Lord_Howe", "Africa/Casablanca", "Asia/Beirut", "Pacific/Apia", "Antarctica/Troll", "America/Caracas", "Asia/Pyongyang")
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})
PANEL = ("30 2 * * *", "0,30 0-3 * * *", "*/30 * * * *", "15 * * * *", "*/20 1-2 * * *", "0 0 * * *", "59 23 * * *", "7 */2 * * *")
AROUND = timedelta(hours=5)
DAY = timedelta(days=1)


@cache
def changes_of(name: str, first_year: int, last_year: int) -> tuple[datetime, ...]:
    """When the zone's offset changes in these years."""
    return tuple(change.at for change in changes(zone(name), at(f"{first_year}-01-01T00:00Z"), at(f"{last_year + 1}-01-01T00:00Z")))


def check(cron: Cron, expression: str, wall: Wall) -> None:
    """The product's instants over the wall's stretch are the oracle's."""
    expected = wall.due(Expression.read(expression))
    schedule = CronTimes((cron,))
    assert list(due(schedule, wall.start, wall.end, 10_000)) == expected
    assert schedule.count(wall.start, wall.end) == len(expected)


def test_every_zones_changes_of_the_coming_years_agree_with_the_oracle() -> None:
    """Each kind of change of each zone, with a panel of fixed and wild expressions."""
    seen = set()
    for name in ZONES:
        for change in changes_of(name, 2025, 2027):
            wall = Wall.between(name, change - AROUND, change + AROUND)
            labels = tuple(label for _, label in wall.minutes)
            if labels in seen:
                continue
            seen.add(labels)
            for expression in PANEL:
                check(Cron.parse(expression, name), expression, wall)
    assert len(seen) > 20


@pytest.mark.parametrize("name", ODD)
def test_the_odd_zones_agree_with_the_oracle_at_each_of_their_changes(name: str) -> None:
    """Half hours, two hours, midnight, Ramadan, a skipped day: since 1976."""
    for change in changes_of(name, 1976, 2030):
        wall = Wall.between(name, change - AROUND, change + AROUND)
        for expression in PANEL:
            check(Cron.parse(expression, name), expression, wall)


@st.composite
def places(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and one of its changes since 1976, or a plain day where it has none."""
    name = draw(st.sampled_from(ZONES))
    year = draw(st.integers(1976, 2037))
    found = changes_of(name, year, year)
    return name, draw(st.sampled_from(found)) if found else at(f"{year}-06-01T00:00Z")


def agrees_with_the_oracle(place: tuple[str, datetime], expression: str, minutes_before: int, minutes_after: int) -> None:
    """The property, for the test and for the mutants."""
    name, change = place
    wall = Wall.between(name, change - timedelta(minutes=minutes_before), change + timedelta(minutes=minutes_after))
    check(Cron.parse(expression, name), expression, wall)


@given(places(), expressions(), st.integers(-90, 14 * 60), st.integers(90, 14 * 60))
@example(("Pacific/Apia", at("2011-12-30T10:00Z")), "0 */3 30 12 *", 14 * 60, 14 * 60)
@example(("America/Indiana/Knox", at("1976-10-31T07:00Z")), "59 1 * * *", 0, 60)  # the second pass alone: its first one ran the job
def test_any_expression_at_any_change_of_any_zone_agrees_with_the_oracle(
    place: tuple[str, datetime], expression: str, minutes_before: int, minutes_after: int
) -> None:
    """The same instants, and the same number by arithmetic; starting anywhere, in an overlap's second pass too."""
    agrees_with_the_oracle(place, expression, minutes_before, minutes_after)


def first_only(label: datetime, tz: zoneinfo.ZoneInfo) -> tuple[datetime, ...]:
    """A broken rule: wild expressions miss an overlap's second pass."""
    return instants_of(label, tz)[:1]


def lands_at_the_label(label: datetime, tz: zoneinfo.ZoneInfo) -> datetime:
    """A broken rule: a label in a gap lands as far after it as it lies in it, which is what croniter makes of it."""
    return label.replace(tzinfo=tz).astimezone(zoneinfo.ZoneInfo("UTC"))


def makes_up_for_nothing(label: datetime, tz: zoneinfo.ZoneInfo) -> datetime | None:
    """A broken rule: a label in a gap is dropped."""
    return next(iter(instants_of(label, tz)), None)


def never_comes_again(_t: datetime, _tz: zoneinfo.ZoneInfo) -> None:
    """A broken rule: an overlap's second pass is not looked at."""


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("instants_of", first_only),
        ("landing", lands_at_the_label),
        ("landing", makes_up_for_nothing),
        ("second_pass", never_comes_again),
    ],
)
def test_the_oracle_notices_a_broken_rule(monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., object]) -> None:
    """Each rule of the zone is needed: without it some zone disagrees."""
    monkeypatch.setattr(cron_module, name, broken)
    monkeypatch.setattr(Cron, "parse", staticmethod(lambda expression, name: Cron(expression, zone(name))))
    with pytest.raises(AssertionError):
        agrees_at_berlins_changes()


def agrees_at_berlins_changes() -> None:
    """The panel at a gap and an overlap."""
    for change in changes_of("Europe/Berlin", 2026, 2026):
        for expression in PANEL:
            agrees_with_the_oracle(("Europe/Berlin", change), expression, 300, 300)


@given(st.sampled_from(ZONES), st.integers(0, 20 * 366), expressions())
@settings(max_examples=50)
def test_what_was_asked_before_changes_no_answer(name: str, day: int, expression: str) -> None:
    """The parsed expression remembers its last answer; asking in any order gives what a fresh one gives."""
    shared = Cron.parse(expression, name)
    for step in (5, 0, 2, 2, 1, 7):
        asked = at("2015-01-01T00:00Z") + (day + step) * DAY
        assert shared.next_after(asked) == Cron(expression, zone(name)).next_after(asked)
