"""The grammar of cron expressions that octojobs takes, checked before croniter reads them so that each error names its place.

cron(8)'s five fields, with names, `L` (last day of the month; `L5`: last Friday) and `#` (`MON#2`: second Monday). Refused is what
croniter reads in a way that few people expect: `5-5` (the whole field), `R` and `H` (chance), `?`, a step beyond its field, a step in a
range that wraps, `*` inside a list, and `#` together with a day of the month.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from octojobs.slotted import dataclass

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CronError(ValueError):
    """The expression can't be used: `what` is wrong at character `offset` (from 0), and `fix` says what to write."""

    def __init__(self, what: str, offset: int, fix: str) -> None:
        super().__init__(f"{what}; {fix}")
        self.what = what
        self.offset = offset
        self.fix = fix


LAST = "l"
"""Stands for the last day of a month, or the last of its weeks."""


class Members(NamedTuple):
    """What the five fields stand for: Sunday is 0. `nth` has the weeks of a month (1-5, or `LAST`) of weekdays with some."""

    minutes: set[int]
    hours: set[int]
    days: set[int | str]
    months: set[int]
    weekdays: set[int]
    nth: dict[int, frozenset[int | str]]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def fix(self) -> str:
        named = f" or {self.names[0].upper()}-{self.names[-1].upper()}" if self.names else ""
        return f"use {self.low}-{self.high}{named}, */n or a list"


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = _FIELDS[2], _FIELDS[4]

# only these separate fields for cron; a no-break space must not
_WORD = re.compile(r"[^ \t]+")
_LAST_WEEKDAY = re.compile(r"l(\d+)", re.ASCII)
_QUARTZ_LAST_WEEKDAY = re.compile(r"([0-7])l", re.ASCII)
_ITEM = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\w+))?", re.ASCII)


def check(expression: str) -> str:
    """The five fields that the expression means, in lower case and with single spaces; raises CronError at the first thing wrong.

    >>> check("@daily"), check("30  2 * * MON-FRI")
    ('0 0 * * *', '30 2 * * mon-fri')
    """
    words = [(match.group().lower(), match.start()) for match in _WORD.finditer(expression)]
    if words and words[0][0].startswith("@"):
        return _macro(words)
    if len(words) > len(_FIELDS):
        raise CronError(
            f"a cron expression has five fields and this has {len(words)}",
            words[5][1],
            "use interval for seconds; octojobs has no field for seconds or years",
        )
    if len(words) < len(_FIELDS):
        raise CronError(
            f"a cron expression has five fields and this has {len(words)}",
            len(expression.rstrip()),
            "write minute, hour, day of month, month and day of week",
        )
    for field, (word, start) in zip(_FIELDS, words, strict=True):
        _check_field(field, word, start)
    _check_together(words[2], words[4])
    return " ".join(word for word, _ in words)


def members(fields: str) -> Members:
    """What five fields that `check` gave stand for.

    >>> sorted(members("0,30 9-17/4 1 * mon-fri").hours)
    [9, 13, 17]
    """
    minutes, hours, days, months, weekdays = fields.split()
    nth: dict[int, frozenset[int | str]] = {}
    plain = set()
    for item in weekdays.split(","):
        weekday, sharp, week = item.partition("#")
        if last := _LAST_WEEKDAY.fullmatch(item):
            weekday, week = last[1], LAST
        if sharp or last:
            number = _number(_DAY_OF_WEEK, weekday)
            nth[number] = nth.get(number, frozenset()) | {week if last else int(week)}
            plain.add(number)
        else:
            plain |= _item_members(_DAY_OF_WEEK, item)
    in_month: set[int | str] = set()
    for item in days.split(","):
        in_month |= {LAST} if item == LAST else _item_members(_DAY_OF_MONTH, item)
    return Members(_members(_FIELDS[0], minutes), _members(_FIELDS[1], hours), in_month, _members(_FIELDS[3], months), plain, nth)


def _members(field: _Field, word: str) -> set[int]:
    return {number for item in word.split(",") for number in _item_members(field, item)}


def _item_members(field: _Field, item: str) -> set[int]:
    """A `*`, a value or a range, which may wrap, each with or without a step; a value with a step goes on to the field's end."""
    match = _ITEM.fullmatch(item)
    assert match is not None, item  # `check` has let it pass
    end = min(field.high, 6) if field is _DAY_OF_WEEK else field.high
    low = field.low if match["low"] == "*" else _number(field, match["low"])
    high = end if match["low"] == "*" or match["step"] else low
    if match["high"]:
        high = _number(field, match["high"])
        if low == high:  # 0-7: `check` refuses all others
            low, high = field.low, end
    step = int(match["step"] or 1)
    if low > high:
        return {*(*range(low, end + 1), *range(field.low, high + 1))[::step]}
    return set(range(low, high + 1, step))


def _number(field: _Field, text: str) -> int:
    """The value that a text stands for; Sunday is 0, written as 7 too."""
    number = int(text) if text.isdecimal() else field.names.index(text) + field.low
    return number % 7 if field is _DAY_OF_WEEK else number


def _macro(words: list[tuple[str, int]]) -> str:
    word, start = words[0]
    if len(words) > 1:
        raise CronError(f"{word} stands alone", words[1][1], "remove what follows it")
    if word == "@reboot":
        raise CronError(
            "@reboot is not supported", start, "octojobs starts no job because the machine did: use interval, or a systemd unit"
        )
    if word not in MACROS:
        raise CronError(f"{word} is not known", start, f"use one of {' '.join(MACROS)} or @once INSTANT")
    return MACROS[word]


def _check_field(field: _Field, word: str, start: int) -> None:
    items = word.split(",")
    for item in items:
        if item == "*" and len(items) > 1:
            raise CronError(f"{field.name} has * in a list", start, "write * alone or the list without it")
        if not item:
            raise CronError(f"{field.name} has a comma with nothing beside it", start, "remove the comma")
        _check_item(field, item, start)
        start += len(item) + 1


def _check_item(field: _Field, item: str, start: int) -> None:
    if field is _DAY_OF_MONTH and item == "l":
        return
    if field is _DAY_OF_WEEK and _is_special_weekday(field, item, start):
        return
    match = _ITEM.fullmatch(item)
    if match is None or (match["low"] == "*" and match["high"]):
        raise _refused(field, item, start)
    low = field.low if match["low"] == "*" else _value(field, match["low"], start)
    if match["high"]:
        high = _value(field, match["high"], start + match.start("high"))
        if low == high:
            raise CronError(f"{field.name} {item} is a range from a value to itself", start, f"use {match['low']}, or * for all")
        # 7 is Sunday again: 5-7 does not wrap, 6-1 does
        if low > high and match["step"]:
            raise CronError(f"{field.name} {item} has a step in a range that wraps", start, "write it as a list")
    if match["step"]:
        _check_step(field, match["step"], start + match.start("step"))


def _check_step(field: _Field, text: str, start: int) -> None:
    step = int(text) if text.isdecimal() else -1
    if not 1 <= step <= field.high:
        raise CronError(f"{field.name} step {text} is outside 1-{field.high}", start, f"use a step of 1-{field.high}, or a single value")


def _is_special_weekday(field: _Field, item: str, start: int) -> bool:
    """Whether the item is `MON#2` or `L5`; raises CronError when it is one, and wrong."""
    weekday, sharp, nth = item.partition("#")
    if sharp:
        if not (weekday.isascii() and weekday.isalnum()):
            raise CronError(
                f"{field.name} {item.upper()} has # after something else than one weekday",
                start,
                "write one weekday before #, such as MON#2",
            )
        _value(field, weekday, start)
        if nth not in ("1", "2", "3", "4", "5"):
            raise CronError(
                f"{field.name} {item.upper()} has no number 1-5 after #",
                start + len(weekday) + 1,
                "use #1 to #5, or L5 for the last Friday",
            )
        return True
    if last := _LAST_WEEKDAY.fullmatch(item):
        _value(field, last[1], start + 1)
        return True
    if quartz := _QUARTZ_LAST_WEEKDAY.fullmatch(item):
        raise CronError(f"{field.name} {item.upper()} is not known", start, f"write L{quartz[1]} for the last such weekday of the month")
    return False


def _value(field: _Field, text: str, start: int) -> int:
    if text.isdecimal():
        number = int(text) if len(text) <= 9 else field.high + 1
        if not field.low <= number <= field.high:
            raise CronError(f"{field.name} {text} is outside {field.low}-{field.high}", start, field.fix)
        return number
    if text in field.names:
        return field.names.index(text) + field.low
    raise _refused(field, text, start)


def _refused(field: _Field, text: str, start: int) -> CronError:
    shown = text.upper() if text.isascii() else text
    if "?" in text:
        return CronError(f"{field.name} ? is not supported", start, "use *")
    if text[:1] in ("r", "h") and (len(text) == 1 or text[1] in "(/"):
        return CronError(f"{field.name} {shown} would be chosen by chance", start, "name a time, and use jitter to spread jobs")
    if field is _DAY_OF_MONTH and re.fullmatch(r"\d*l?w\d*", text, re.ASCII):
        return CronError(f"{field.name} {shown} (nearest weekday) is not supported", start, "use weekdays, such as MON#1")
    if text.startswith("-"):
        return CronError(f"{field.name} {text} is outside {field.low}-{field.high}", start, field.fix)
    return CronError(f"{field.name} {shown} is not known", start, field.fix)


def _check_together(day_of_month: tuple[str, int], day_of_week: tuple[str, int]) -> None:
    items = day_of_week[0].split(",")
    special = [item for item in items if "#" in item or item.startswith("l")]
    if not special:
        return
    shown = special[0].upper()
    if day_of_month[0] != "*":
        raise CronError(
            f"day of week {shown} together with a day of month is not supported",
            day_of_week[1],
            "use * as the day of month, or two schedules",
        )
    if len(special) < len(items):
        raise CronError(f"day of week {shown} in a list with plain weekdays is not supported", day_of_week[1], "use two schedules")
