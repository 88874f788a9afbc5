"""Zones: labels, instants, and the changes that are found by probing against those that the zone's file lists."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import _common  # the standard library's own reader of zone files: an independent list of changes

import pytest

from octojobs.core.zones import changes, gap_end, instants_of, landing, second_pass, zone
from tests.core.oracle import at

ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "posixrules", "Factory"})


def listed(name: str, since: datetime, until: datetime) -> list[datetime]:
    """The instants in the zone's file at which its offset really changes."""
    paths = [Path(folder, name) for folder in zoneinfo.TZPATH]
    file = next((path for path in paths if path.is_file()), None)
    with file.open("rb") if file else _common.load_tzdata(name) as opened:
        kinds, times, offsets, *_ = _common.load_data(opened)
    found = []
    for position, (kind, seconds) in enumerate(zip(kinds, times, strict=True)):
        before = offsets[kinds[position - 1]] if position else None
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        if before is not None and before != offsets[kind] and since < instant <= until:
            found.append(instant)
    return found


def test_the_changes_are_those_that_the_zones_files_list() -> None:
    """Probing day by day finds each change of each zone to the second."""
    since, until = at("2008-01-01T00:00Z"), at("2024-01-01T00:00Z")
    compared = 0
    for name in ZONES:
        expected = listed(name, since, until)
        found = [change.at for change in changes(zone(name), since, until)]
        # a slim file lists no change that its rule for the future makes
        last = expected[-1] if expected else since
        assert [instant for instant in found if instant <= last] == expected, name
        compared += len(expected)
    assert compared > 100


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("2026-03-29 02:30", ()),
        ("2026-06-01 12:00", ("2026-06-01T10:00Z",)),
        ("2026-10-25 02:30", ("2026-10-25T00:30Z", "2026-10-25T01:30Z")),
    ],
)
def test_a_label_has_no_instant_in_a_gap_and_two_in_an_overlap(label: str, expected: tuple[str, ...]) -> None:
    """Oldest first."""
    assert instants_of(datetime.fromisoformat(label), zone("Europe/Berlin")) == tuple(at(text) for text in expected)


def test_a_gap_of_more_than_three_hours_is_no_daylight_saving() -> None:
    """Apia's 30 December 2011: nothing lands, though the gap has an end."""
    label = datetime.fromisoformat("2011-12-30 09:00")
    assert landing(label, zone("Pacific/Apia")) is None
    assert gap_end(label, zone("Pacific/Apia")) == at("2011-12-30T10:00Z")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("2026-10-25T00:00Z", "2026-10-25T01:00Z"),
        ("2026-10-25T00:59:59Z", "2026-10-25T01:00Z"),
        ("2026-10-25T01:00Z", None),
        ("2026-10-24T23:59Z", None),
    ],
)
def test_the_second_pass_is_asked_for_in_the_first_alone(asked: str, expected: str | None) -> None:
    """Where the wall goes back."""
    assert second_pass(at(asked), zone("Europe/Berlin")) == (at(expected) if expected else None)
