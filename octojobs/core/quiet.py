"""When a channel may have its next message: what comes in its quiet hours, or between two digests, is held and then sent as one."""

from __future__ import annotations

from datetime import datetime, timedelta

from octojobs.core.channel import Channel, Quiet
from octojobs.core.pace import is_quiet, quiet_edges
from octojobs.core.zones import zone

_A_DAY_AND_A_CHANGE = timedelta(hours=26)


def quiet_until(quiet: Quiet | None, at: datetime) -> datetime | None:
    """When the quiet hours that `at` (aware) lies in end; None where it lies in none.

    >>> from datetime import UTC
    >>> night = Quiet(22 * 60, 7 * 60)
    >>> [quiet_until(night, datetime(2026, 1, 1, hour, tzinfo=UTC)) for hour in (12, 23)]
    [None, datetime.datetime(2026, 1, 2, 7, 0, tzinfo=datetime.timezone.utc)]
    """
    if quiet is None:
        return None
    tz, hours = zone(quiet.timezone), (quiet.start, quiet.end)
    if not is_quiet(at, hours, tz):
        return None
    edges = sorted(edge for edge in quiet_edges(at, at + _A_DAY_AND_A_CHANGE, hours, tz) if edge > at)
    return next((edge for edge in edges if not is_quiet(edge, hours, tz)), None)


def held_until(channel: Channel, put_at: datetime, now: datetime) -> datetime | None:
    """Until when the channel's oldest message, which came at `put_at`, is held at the least; None when it may go now.

    A message of the future came before the clock was set back, by nobody knows how much: no digest holds it.
    """
    at = now if put_at > now else max(put_at + timedelta(seconds=channel.digest_s), now)
    at = quiet_until(channel.quiet, at) or at
    return at if at > now else None


def gathers(channel: Channel, put_at: datetime) -> bool:
    """Whether a message that came at `put_at` was held, so that all that has come since goes with it."""
    return channel.digest_s > 0 or quiet_until(channel.quiet, put_at) is not None
