"""What a channel gets in its quiet hours, or between two digests, is held until they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.channel import Channel, Quiet
from octojobs.core.quiet import gathers, held_until, quiet_until

NIGHT = Quiet(22 * 60, 7 * 60)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone


def at(text: str) -> datetime:
    """An instant of a day in November."""
    return datetime.fromisoformat(f"2026-11-{text}Z")


def test_a_night_is_quiet_until_its_end() -> None:
    """Its first minute belongs to it, the one at which it ends does not."""
    assert quiet_until(NIGHT, at("20T22:00")) == at("21T07:00")
    assert quiet_until(NIGHT, at("21T06:59")) == at("21T07:00")
    assert quiet_until(NIGHT, at("21T07:00")) is None
    assert quiet_until(NIGHT, at("21T21:59")) is None
    assert quiet_until(None, at("20T23:00")) is None


def test_the_wall_clock_of_the_zone_counts() -> None:
    """Also in the night in which it is set back, which is an hour longer."""
    night = Quiet(22 * 60, 7 * 60, "Europe/Berlin")
    assert quiet_until(night, datetime(2026, 7, 1, 21, tzinfo=UTC)) == datetime(2026, 7, 2, 5, tzinfo=UTC)
    assert quiet_until(night, datetime(2026, 10, 24, 20, tzinfo=UTC)) == datetime(2026, 10, 25, 6, tzinfo=UTC)


@given(INSTANTS, st.integers(0, 1439), st.integers(0, 1439), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))
def test_quiet_hours_always_end_within_a_day(instant: datetime, start: int, end: int, tz: str) -> None:
    """At an instant that is not quiet itself, so that nothing is held for ever."""
    quiet = Quiet(start, end if end != start else (start + 1) % 1440, tz)
    until = quiet_until(quiet, instant)
    if until is not None:
        assert instant < until <= instant + timedelta(hours=25)
        assert quiet_until(quiet, until) is None


@pytest.mark.parametrize(
    ("channel", "put_at", "now", "until"),
    [
        (Channel("a"), NOON, NOON, None),
        (Channel("a", digest_s=3600), NOON, NOON, NOON + timedelta(hours=1)),
        (Channel("a", digest_s=3600), NOON, NOON + timedelta(hours=1), None),
        (Channel("a", digest_s=3600), NOON, NOON - timedelta(days=365), None),
        (Channel("a", quiet=NIGHT), NOON, NOON, None),
        (Channel("a", quiet=NIGHT), at("20T23:00"), at("20T23:00"), at("21T07:00")),
        (Channel("a", quiet=NIGHT), NOON, at("20T23:00"), at("21T07:00")),
        (Channel("a", quiet=NIGHT), at("20T23:00"), at("21T07:00"), None),
        (Channel("a", quiet=NIGHT, digest_s=3600), at("20T21:30"), at("20T21:30"), at("21T07:00")),
    ],
)
def test_a_message_is_held_by_whichever_lasts_longer(channel: Channel, put_at: datetime, now: datetime, until: datetime | None) -> None:
    """A digest, the quiet hours in which it would go out, or those in which it is tried again."""
    assert held_until(channel, put_at, now) == until


def test_what_was_held_takes_along_what_came_since() -> None:
    """What was not goes alone."""
    quiet = Channel("a", quiet=NIGHT)
    assert [gathers(quiet, NOON), gathers(quiet, at("20T23:00")), gathers(Channel("a", digest_s=60), NOON)] == [False, True, True]
