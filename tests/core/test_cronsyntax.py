"""The grammar of cron expressions: what is taken, and each refusal with its place and its remedy."""

from __future__ import annotations

import pytest

from octojobs.core.cron import Cron
from octojobs.core.cronsyntax import CronError
from octojobs.core.schedule import parse_entry

MACROS = "@hourly @daily @midnight @weekly @monthly @yearly @annually or @once INSTANT"
INSTANT = "write @once 2026-05-15T10:00Z, or without the Z for the job's time zone"

REFUSED = [
    ("61 * * * *", 0, "minute 61 is outside 0-59; use 0-59, */n or a list"),
    ("0 24 * * *", 2, "hour 24 is outside 0-23; use 0-23, */n or a list"),
    ("0 0 0 * *", 4, "day of month 0 is outside 1-31; use 1-31, */n or a list"),
    ("0 0 * 13 *", 6, "month 13 is outside 1-12; use 1-12 or JAN-DEC, */n or a list"),
    ("0 0 * foo *", 6, "month FOO is not known; use 1-12 or JAN-DEC, */n or a list"),
    ("0 0 * * 8", 8, "day of week 8 is outside 0-7; use 0-7 or SUN-SAT, */n or a list"),
    ("0,15,60 * * * *", 5, "minute 60 is outside 0-59; use 0-59, */n or a list"),
    ("0-75 * * * *", 2, "minute 75 is outside 0-59; use 0-59, */n or a list"),
    ("-5 * * * *", 0, "minute -5 is outside 0-59; use 0-59, */n or a list"),
    ("9999999999 * * * *", 0, "minute 9999999999 is outside 0-59; use 0-59, */n or a list"),
    ("1.5 * * * *", 0, "minute 1.5 is not known; use 0-59, */n or a list"),
    ("１ * * * *", 0, "minute １ is not known; use 0-59, */n or a list"),
    ("0\u00a00 * * * *", 0, "minute 0\u00a00 is not known; use 0-59, */n or a list"),
    (
        "0 0 2 * * *",
        10,
        "a cron expression has five fields and this has 6; use interval for seconds; octojobs has no field for seconds or years",
    ),
    ("* * * *", 7, "a cron expression has five fields and this has 4; write minute, hour, day of month, month and day of week"),
    ("", 0, "a cron expression has five fields and this has 0; write minute, hour, day of month, month and day of week"),
    ("5-5 * * * *", 0, "minute 5-5 is a range from a value to itself; use 5, or * for all"),
    ("0 0 * * MON-MON", 8, "day of week mon-mon is a range from a value to itself; use mon, or * for all"),
    ("R 0 * * *", 0, "minute R would be chosen by chance; name a time, and use jitter to spread jobs"),
    ("H(0-9) 0 * * *", 0, "minute H(0-9) would be chosen by chance; name a time, and use jitter to spread jobs"),
    ("0 0 ? * *", 4, "day of month ? is not supported; use *"),
    ("*/60 * * * *", 2, "minute step 60 is outside 1-59; use a step of 1-59, or a single value"),
    ("*/0 * * * *", 2, "minute step 0 is outside 1-59; use a step of 1-59, or a single value"),
    ("* */24 * * *", 4, "hour step 24 is outside 1-23; use a step of 1-23, or a single value"),
    ("* 22-6/2 * * *", 2, "hour 22-6/2 has a step in a range that wraps; write it as a list"),
    ("1,* * * * *", 2, "minute has * in a list; write * alone or the list without it"),
    ("1, * * * *", 2, "minute has a comma with nothing beside it; remove the comma"),
    (
        "0 0 1 * MON#2",
        8,
        "day of week MON#2 together with a day of month is not supported; use * as the day of month, or two schedules",
    ),
    ("0 0 1 * L5", 8, "day of week L5 together with a day of month is not supported; use * as the day of month, or two schedules"),
    ("0 0 * * MON#2,FRI", 8, "day of week MON#2 in a list with plain weekdays is not supported; use two schedules"),
    ("0 0 * * MON#6", 12, "day of week MON#6 has no number 1-5 after #; use #1 to #5, or L5 for the last Friday"),
    ("0 0 * * 1-3#2", 8, "day of week 1-3#2 has # after something else than one weekday; write one weekday before #, such as MON#2"),
    ("0 0 * * 5L", 8, "day of week 5L is not known; write L5 for the last such weekday of the month"),
    ("0 0 15W * *", 4, "day of month 15W (nearest weekday) is not supported; use weekdays, such as MON#1"),
    ("0 0 30 2 *", 4, '"0 0 30 2 *" never fires; name a date that comes round within 40 years'),
    ("0 0 31 4,6 *", 4, '"0 0 31 4,6 *" never fires; name a date that comes round within 40 years'),
    (
        "@reboot",
        0,
        "@reboot is not supported; octojobs starts no job because the machine did: use interval, or a systemd unit",
    ),
    ("@evry", 0, f"@evry is not known; use one of {MACROS}"),
    ("@daily 5", 7, "@daily stands alone; remove what follows it"),
    ("@once", 5, f'"" is not an instant; {INSTANT}'),
    ("@once tomorrow", 6, f'"tomorrow" is not an instant; {INSTANT}'),
    ("@once 2026-02-31T10:00Z", 6, f'"2026-02-31T10:00Z" is not an instant; {INSTANT}'),
    (
        "@once 2026-03-29T02:30",
        6,
        "2026-03-29T02:30 does not exist in Europe/Berlin: the clocks skip it; name another time, or one with its offset from UTC",
    ),
]


@pytest.mark.parametrize(("entry", "offset", "message"), REFUSED, ids=[entry or "(empty)" for entry, _, _ in REFUSED])
def test_a_refusal_names_the_place_the_allowed_values_and_the_remedy(entry: str, offset: int, message: str) -> None:
    """Each refusal, with the whole message and the character that a caret points at."""
    with pytest.raises(CronError) as caught:
        parse_entry(entry, "Europe/Berlin")
    assert (caught.value.offset, str(caught.value)) == (offset, message)


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berln", 'there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?'),
        ("berlin", 'there is no time zone "berlin"; did you mean "Europe/Berlin"?'),
        ("new york", 'there is no time zone "new york"; did you mean "America/New_York"?'),
        ("../etc/passwd", 'there is no time zone "../etc/passwd"; use an IANA name such as Europe/Berlin or UTC'),
        ("", 'there is no time zone ""; use an IANA name such as Europe/Berlin or UTC'),
    ],
)
def test_an_unknown_zone_is_refused_with_a_suggestion(zone: str, message: str) -> None:
    """A zone that only some hosts know is unknown."""
    with pytest.raises(CronError) as caught:
        Cron.parse("0 0 * * *", zone)
    assert str(caught.value) == message


@pytest.mark.parametrize("zone", ["localtime", "posixrules", "Factory", "right/UTC", "Europe"])
def test_a_zone_that_means_something_else_on_each_host_is_refused(zone: str) -> None:
    """The same definitions mean the same everywhere."""
    with pytest.raises(CronError, match="there is no time zone"):
        Cron.parse("0 0 * * *", zone)


@pytest.mark.parametrize(
    "expression",
    [
        "0 9 * * MON",
        "0 0 L * *",
        "0 0 L,15 * *",
        "0 0 * * L5",
        "0 0 * * L7",
        "0 0 * * MON#2,FRI#1",
        "0 22-6 * * FRI-MON",
        "01 007 * JAN,mar *",
        "1/5 * * * *",
    ],
)
def test_names_last_days_wrapping_ranges_and_starts_with_a_step_are_taken(expression: str) -> None:
    """What croniter reads as people mean it."""
    assert Cron.parse(expression).expression == expression
