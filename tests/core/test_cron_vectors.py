"""Cron in a time zone: every vector of the design, the table of rules, and cron(8)'s sentences about days."""

from __future__ import annotations

from datetime import timedelta

import pytest

from octojobs.core.cron import Cron
from octojobs.core.due import due
from octojobs.core.schedule import CronTimes, parse_entry
from tests.core.oracle import at

BERLIN = "Europe/Berlin"

VECTORS = [
    # expression, zone, after, the due instants that follow
    ("30 2 * * *", BERLIN, "2026-03-27T12:00Z", "2026-03-28T01:30Z 2026-03-29T01:00Z 2026-03-30T00:30Z"),
    ("0,30 2 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-30T00:00Z"),
    ("30 2,3 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-29T01:30Z 2026-03-30T00:30Z"),
    ("*/30 * * * *", BERLIN, "2026-03-29T00:00Z", "2026-03-29T00:30Z 2026-03-29T01:00Z 2026-03-29T01:30Z"),
    ("30 2 * * *", BERLIN, "2026-10-24T12:00Z", "2026-10-25T00:30Z 2026-10-26T01:30Z"),
    ("15 * * * *", BERLIN, "2026-10-25T00:00Z", "2026-10-25T00:15Z 2026-10-25T01:15Z 2026-10-25T02:15Z"),
    ("0 0 * * *", "Asia/Beirut", "2026-03-28T12:00Z", "2026-03-28T22:00Z 2026-03-29T21:00Z"),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", "2026-10-03T15:30Z 2026-10-04T15:15Z"),
]
"""time.md, "Vectors"; gap 2026-03-29T01:00Z, overlap until 2026-10-25T01:00Z in Berlin."""

TABLE = [
    # a gap has no make-up for wild expressions, and the end of a gap is due once when its own label is due too
    ("*/20 2 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-30T00:00Z 2026-03-30T00:20Z"),
    ("30 * * * *", BERLIN, "2026-03-29T00:00Z", "2026-03-29T00:30Z 2026-03-29T01:30Z"),
    ("30 2-3 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-29T01:30Z"),
    ("0 3 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-30T01:00Z"),
    ("0,30 2,3 * * *", BERLIN, "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-29T01:30Z 2026-03-30T00:00Z"),
    # both folds for wild expressions, in the order in which they happen
    (
        "*/30 2 * * *",
        BERLIN,
        "2026-10-24T12:00Z",
        "2026-10-25T00:00Z 2026-10-25T00:30Z 2026-10-25T01:00Z 2026-10-25T01:30Z 2026-10-26T01:00Z",
    ),
    ("@hourly", BERLIN, "2026-10-24T23:00Z", "2026-10-25T00:00Z 2026-10-25T01:00Z 2026-10-25T02:00Z"),
    ("59 2 * * *", BERLIN, "2026-10-25T00:59Z", "2026-10-26T01:59Z"),
    # asked for in the middle of an overlap's second pass, a fixed label of the first is over
    ("30 2 * * *", BERLIN, "2026-10-25T01:10Z", "2026-10-26T01:30Z"),
    # Lord Howe moves by half an hour
    ("*/15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", "2026-10-03T15:30Z 2026-10-03T15:45Z 2026-10-04T15:00Z"),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", "2026-04-04T14:45Z 2026-04-05T15:15Z"),
    ("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00Z", "2026-04-04T14:45Z 2026-04-04T15:15Z 2026-04-04T16:15Z"),
    # Casablanca goes back for Ramadan and forth again after it
    ("30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00Z", "2026-02-15T01:30Z 2026-02-16T02:30Z"),
    ("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00Z", "2026-03-22T02:00Z 2026-03-23T01:30Z"),
    # Beirut's gap begins at midnight, its overlap ends there
    ("30 0 * * *", "Asia/Beirut", "2026-03-28T12:00Z", "2026-03-28T22:00Z 2026-03-29T21:30Z"),
    ("30 23 * * *", "Asia/Beirut", "2026-10-24T12:00Z", "2026-10-24T20:30Z 2026-10-25T21:30Z"),
    # Apia had no 30 December 2011
    ("0 9 * * *", "Pacific/Apia", "2011-12-28T20:00Z", "2011-12-29T19:00Z 2011-12-30T19:00Z 2011-12-31T19:00Z"),
    ("0 9 30 12 *", "Pacific/Apia", "2011-01-01T00:00Z", "2012-12-29T19:00Z"),
    ("30 */12 * * *", "Pacific/Apia", "2011-12-30T00:00Z", "2011-12-30T10:30Z 2011-12-30T22:30Z"),
    # Troll moves by two hours
    ("30 1 * * *", "Antarctica/Troll", "2026-03-28T12:00Z", "2026-03-29T01:00Z 2026-03-29T23:30Z"),
    ("30 2 * * *", "Antarctica/Troll", "2026-10-24T12:00Z", "2026-10-25T00:30Z 2026-10-26T02:30Z"),
    ("30 * * * *", "Antarctica/Troll", "2026-10-25T00:00Z", "2026-10-25T00:30Z 2026-10-25T01:30Z 2026-10-25T02:30Z 2026-10-25T03:30Z"),
    # Kwajalein lost a day, Caracas moved by half an hour at 02:30
    ("0 12 * * *", "Pacific/Kwajalein", "1993-08-20T00:00Z", "1993-08-21T00:00Z 1993-08-22T00:00Z"),
    ("45 2 * * *", "America/Caracas", "2016-04-30T12:00Z", "2016-05-01T07:00Z 2016-05-02T06:45Z"),
]

DAYS = [
    # "either, when both are restricted"
    ("0 0 13 * FRI", "UTC", "2026-03-01T00:00Z", "2026-03-06T00:00Z 2026-03-13T00:00Z 2026-03-20T00:00Z"),
    ("0 0 1,15 * 3", "UTC", "2026-07-01T00:00Z", "2026-07-08T00:00Z 2026-07-15T00:00Z 2026-07-22T00:00Z"),
    ("0 0 1-31 * MON", "UTC", "2026-07-01T00:00Z", "2026-07-02T00:00Z 2026-07-03T00:00Z"),
    ("0 0 31 * 0-6", "UTC", "2026-07-01T00:00Z", "2026-07-02T00:00Z 2026-07-03T00:00Z"),
    # "else both": a field that begins with * joins by and, its step notwithstanding
    ("0 0 */2 * MON", "UTC", "2026-07-01T00:00Z", "2026-07-13T00:00Z 2026-07-27T00:00Z"),
    ("0 0 13 * */5", "UTC", "2026-03-01T00:00Z", "2026-03-13T00:00Z 2026-09-13T00:00Z"),
    ("0 0 * * MON", "UTC", "2026-07-01T00:00Z", "2026-07-06T00:00Z 2026-07-13T00:00Z"),
    ("0 0 13 * *", "UTC", "2026-07-01T00:00Z", "2026-07-13T00:00Z 2026-08-13T00:00Z"),
    # 0 and 7 are Sunday; names work
    ("0 0 * * 0", "UTC", "2026-07-01T00:00Z", "2026-07-05T00:00Z 2026-07-12T00:00Z"),
    ("0 0 * * 7", "UTC", "2026-07-01T00:00Z", "2026-07-05T00:00Z 2026-07-12T00:00Z"),
    ("0 0 * * sun", "UTC", "2026-07-01T00:00Z", "2026-07-05T00:00Z 2026-07-12T00:00Z"),
    ("0 0 * * 5-7", "UTC", "2026-07-01T00:00Z", "2026-07-03T00:00Z 2026-07-04T00:00Z 2026-07-05T00:00Z 2026-07-10T00:00Z"),
    ("0 0 1 FEB,dec *", "UTC", "2026-01-01T00:00Z", "2026-02-01T00:00Z 2026-12-01T00:00Z"),
    # L and #
    ("0 0 L * *", "UTC", "2026-01-01T00:00Z", "2026-01-31T00:00Z 2026-02-28T00:00Z 2026-03-31T00:00Z"),
    ("0 0 * * L5", "UTC", "2026-01-01T00:00Z", "2026-01-30T00:00Z 2026-02-27T00:00Z"),
    ("0 0 * * MON#2", "UTC", "2026-01-01T00:00Z", "2026-01-12T00:00Z 2026-02-09T00:00Z"),
    ("0 0 * * MON#5", "UTC", "2026-01-01T00:00Z", "2026-03-30T00:00Z 2026-06-29T00:00Z"),
    # leap days
    ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", "2028-02-29T00:00Z 2032-02-29T00:00Z"),
    ("0 0 29 2 *", "UTC", "2096-03-01T00:00Z", "2104-02-29T00:00Z"),
    # the macros
    ("@daily", "UTC", "2026-07-01T12:00Z", "2026-07-02T00:00Z 2026-07-03T00:00Z"),
    ("@midnight", "UTC", "2026-07-01T12:00Z", "2026-07-02T00:00Z 2026-07-03T00:00Z"),
    ("@weekly", "UTC", "2026-07-01T12:00Z", "2026-07-05T00:00Z 2026-07-12T00:00Z"),
    ("@monthly", "UTC", "2026-07-01T12:00Z", "2026-08-01T00:00Z 2026-09-01T00:00Z"),
    ("@yearly", "UTC", "2026-07-01T12:00Z", "2027-01-01T00:00Z 2028-01-01T00:00Z"),
    ("@annually", "UTC", "2026-07-01T12:00Z", "2027-01-01T00:00Z 2028-01-01T00:00Z"),
]


def check(expression: str, zone: str, after: str, expected: str) -> None:
    """The instants after `after`, one by one and counted."""
    wanted = tuple(at(text) for text in expected.split())
    schedule = CronTimes((Cron.parse(expression, zone),))
    assert due(schedule, at(after), at("2200-01-01T00:00Z"), len(wanted)) == wanted
    assert schedule.count(at(after), wanted[-1]) == len(wanted)
    assert schedule.count(at(after), wanted[-1] - timedelta(seconds=1)) == len(wanted) - 1


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), VECTORS)
def test_the_vectors_of_the_design_hold(expression: str, zone: str, after: str, expected: str) -> None:
    """time.md, "Vectors"."""
    check(expression, zone, after, expected)


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), TABLE)
def test_fixed_and_wild_expressions_follow_the_table_in_zones_with_odd_rules(expression: str, zone: str, after: str, expected: str) -> None:
    """time.md's table: gap, overlap, a skipped day."""
    check(expression, zone, after, expected)


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), DAYS)
def test_days_are_joined_as_vixie_does(expression: str, zone: str, after: str, expected: str) -> None:
    """cron(8) on the day fields, and what the design adds: L, # and the macros."""
    check(expression, zone, after, expected)


@pytest.mark.parametrize(
    ("entry", "zone", "expected"),
    [
        ("@once 2026-05-15T10:00Z", BERLIN, "2026-05-15T10:00Z"),
        ("@once 2026-05-15T10:00", BERLIN, "2026-05-15T08:00Z"),
        ("@once 2026-05-15 10:00:30", BERLIN, "2026-05-15T08:00:30Z"),
        ("@once 2026-05-15T10:00:00-05:00", BERLIN, "2026-05-15T15:00Z"),
        ("@ONCE  2026-05-15T10:00+0200 ", BERLIN, "2026-05-15T08:00Z"),
        # in an overlap the first occurrence, unless an offset chooses
        ("@once 2026-10-25T02:30", BERLIN, "2026-10-25T00:30Z"),
        ("@once 2026-10-25T02:30+01:00", BERLIN, "2026-10-25T01:30Z"),
    ],
)
def test_once_is_an_instant_or_a_label_of_the_jobs_zone(entry: str, zone: str, expected: str) -> None:
    """`@once` with and without an offset from UTC."""
    assert parse_entry(entry, zone).next_after(at("2026-01-01T00:00Z")) == at(expected)
    assert parse_entry(entry, zone).next_after(at(expected)) is None


def test_a_label_that_a_later_rule_put_into_a_gap_is_the_first_instant_after() -> None:
    """It was refused when declared; a definition that runs on must not break."""
    assert parse_entry("@once 2026-03-29T02:30", BERLIN, strict=False).next_after(at("2026-01-01T00:00Z")) == at("2026-03-29T01:00Z")
    assert parse_entry("@once 2011-12-30T09:00", "Pacific/Apia", strict=False).next_after(at("2011-01-01T00:00Z")) == at(
        "2011-12-30T10:00Z"
    )


def test_an_expression_ends_with_the_calendar() -> None:
    """Nothing after the year 9999, and no error."""
    cron = Cron.parse("0 0 1 1 *", BERLIN)
    assert cron.next_after(at("9999-06-01T00:00Z")) is None


def test_next_is_strictly_later_whatever_the_fraction_of_a_second() -> None:
    """(cursor, now] is half open: an instant is neither repeated nor passed over."""
    cron = Cron.parse("*/5 * * * *")
    noon = at("2026-01-01T12:00Z")
    for before in (timedelta(microseconds=1), timedelta(seconds=1), timedelta(minutes=4, seconds=59, microseconds=999_999)):
        assert cron.next_after(noon - before) == noon
    assert cron.next_after(noon) == noon + timedelta(minutes=5)
    assert cron.next_after(noon + timedelta(microseconds=1)) == noon + timedelta(minutes=5)


def test_the_same_expression_is_parsed_once() -> None:
    """10,000 jobs of one schedule cost what one costs."""
    assert Cron.parse("*/5 * * * *", BERLIN) is Cron.parse("*/5 * * * *", BERLIN)
