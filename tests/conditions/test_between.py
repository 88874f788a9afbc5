"""between compares the wall clock of the job's zone with two times of day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.core.guards import Status
from tests.facts.world import context_of, expect, verdict_of

BERLIN, LORD_HOWE = "Europe/Berlin", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("at", "zone", "start", "end", "holds"),
    [
        ("2026-11-20T09:00", "UTC", "09:00", "17:00", True),  # from is inside
        ("2026-11-20T17:00", "UTC", "09:00", "17:00", False),  # to is not
        ("2026-11-20T16:59", "UTC", "9:00", "17:00", True),
        ("2026-11-20T23:59", "UTC", "22:00", "24:00", True),
        ("2026-11-20T00:00", "UTC", "22:00", "24:00", False),
        ("2026-11-20T21:30", BERLIN, "22:00", "06:00", True),  # 22:30 there
        ("2026-11-20T20:59", BERLIN, "22:00", "06:00", False),  # 21:59
        ("2026-11-21T04:59", BERLIN, "22:00", "06:00", True),  # 05:59, after midnight
        ("2026-11-21T05:00", BERLIN, "22:00", "06:00", False),
        ("2026-03-29T00:59", BERLIN, "01:30", "02:30", True),  # 01:59, the last minute before the gap
        ("2026-03-29T01:00", BERLIN, "01:30", "02:30", False),  # 03:00: the span's end fell into the gap
        ("2026-10-25T00:30", BERLIN, "02:00", "03:00", True),  # 02:30 for the first time
        ("2026-10-25T01:30", BERLIN, "02:00", "03:00", True),  # 02:30 for the second
        ("2026-10-25T02:00", BERLIN, "02:00", "03:00", False),
        ("2026-10-03T15:29", LORD_HOWE, "23:00", "02:00", True),  # 01:59 at +10:30
        ("2026-10-03T15:30", LORD_HOWE, "23:00", "02:00", False),  # 02:30 at +11:00: half an hour was skipped
    ],
)
def test_the_span_is_half_open_and_may_cross_midnight(repo: Path, at: str, zone: str, start: str, end: str, holds: bool) -> None:
    """`from` is inside, `to` is not; the wall clock alone counts."""
    context = context_of(repo, datetime.fromisoformat(at).replace(tzinfo=UTC))
    verdict = verdict_of(context, "between", zone, **{"from": start, "to": end})
    assert verdict.status is (Status.PASSED if holds else Status.FAILED)


def test_the_evidence_names_the_wall_clock_and_the_zone(repo: Path) -> None:
    """`why` shows both."""
    context = context_of(repo, datetime(2026, 11, 20, 12, 40, tzinfo=UTC))
    night, day = {"from": "22:00", "to": "06:00"}, {"from": "09:00", "to": "17:00"}
    expect(context, "between", Status.FAILED, "13:40 in Europe/Berlin is outside 22:00-06:00", BERLIN, **night)
    expect(context, "between", Status.PASSED, "13:40 in Europe/Berlin is within 09:00-17:00", BERLIN, **day)
