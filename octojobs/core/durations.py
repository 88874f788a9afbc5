"""Durations as people write them, `1h30m` or seconds, and back."""

from __future__ import annotations

import re

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
LONGEST_S = 100 * 366 * 86_400
"""A hundred years: dates plus a duration must stay inside the calendar."""

_GRAMMAR = re.compile("".join(rf"(?:(?P<{unit}>\d{{1,12}}){unit})?" for unit in UNITS), re.ASCII)
_FIX = "write seconds, or whole numbers with w, d, h, m, s in that order, such as 90, 2m or 1h30m"


class InvalidDuration(ValueError):
    """The value is no duration; `what` says why and `fix` what to write instead."""

    def __init__(self, what: str, fix: str = _FIX) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.fix = fix


class TooLong(InvalidDuration):
    """It is a duration, and one that leads out of the calendar."""


def parse_duration(value: str | int) -> int:
    """Whole seconds, 0 or more, from `1h30m` (units `w d h m s`, each once, largest first) or from a number of seconds.

    Raises InvalidDuration for anything else. Grammar: "Grammars" in the reference.

    >>> parse_duration("1h30m"), parse_duration("2w"), parse_duration(90), parse_duration("90")
    (5400, 1209600, 90, 90)
    """
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InvalidDuration(f"{value!r} is not a duration")
    seconds = _seconds_of(value) if isinstance(value, str) else value
    if seconds < 0:
        raise InvalidDuration(f"a duration can't be negative, and {value} is")
    if seconds > LONGEST_S:
        raise TooLong(f"{value} is more than a hundred years", "write a shorter duration")
    return seconds


def _seconds_of(text: str) -> int:
    stripped = text.strip()
    if re.fullmatch(r"\d{1,12}", stripped, re.ASCII):
        return int(stripped)
    match = _GRAMMAR.fullmatch(stripped)
    if not stripped or match is None:
        raise InvalidDuration(f'"{text}" is not a duration')
    return sum(int(number) * UNITS[unit] for unit, number in match.groupdict().items() if number)


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as the same seconds; a fraction of a second is shown as such.

    Weeks are written as days: `2w` and `14d` are the same, and days are what people count in.

    >>> format_duration(5400), format_duration(0), format_duration(1209600), format_duration(0.5)
    ('1h30m', '0s', '14d', '0.5s')
    """
    whole = int(seconds)
    fraction = seconds - whole
    text = ""
    for unit, size in UNITS.items():
        if unit in "ws":
            continue
        if count := whole // size:
            text += f"{count}{unit}"
        whole %= size
    rest = whole + fraction
    if rest or not text:
        text += f"{rest:g}s"
    return text
