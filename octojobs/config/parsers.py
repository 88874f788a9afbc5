"""One field each: from an entry that the schema lets pass to the typed value, or Invalid."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, TypeVar

from octojobs.config.entries import Entry
from octojobs.config.sizes import parse_size
from octojobs.core.durations import InvalidDuration, parse_duration
from octojobs.core.zones import UnknownZone, zone

E = TypeVar("E", bound=StrEnum)

# trust.md, 5: their values come from outside, and no quoting makes them safe in a shell's text.
PLACEHOLDERS = ("{result}", "{title}", "{branch}", "{body}")
OWN_VARIABLES = "OCTOJOBS_"
_USER = re.compile(r"https?://[^/?#]*@")
_BLANK = re.compile(r"[\x00-\x20\x7f]")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


def duration(entry: Entry) -> int:
    """Seconds, 0 or more."""
    try:
        return parse_duration(entry.value)
    except InvalidDuration as error:
        raise entry.invalid(error.what, error.fix) from None


def period(entry: Entry) -> int:
    """Seconds, 1 or more."""
    seconds = duration(entry)
    if seconds < 1:
        raise entry.invalid("must be at least a second", "write 1s or more, or remove the field")
    return seconds


def time_of_day(entry: Entry) -> int:
    """Minutes since midnight, of `HH:MM`."""
    match = _TIME.fullmatch(entry.value)
    if match is None:
        raise entry.invalid(f'"{entry.value}" is no time of day', "write HH:MM, 00:00 to 23:59")
    return int(match[1]) * 60 + int(match[2])


def dollars(entry: Entry) -> float:
    """An amount above 0."""
    if not 0 < entry.value < float("inf"):
        raise entry.invalid("must be above 0", "write what may be used, such as 5 or 0.50")
    return float(entry.value)


def size(entry: Entry) -> int:
    """Bytes, 1 or more."""
    try:
        amount = parse_size(entry.value)
    except ValueError as error:
        raise entry.invalid(str(error), "write bytes, or a whole number with KB, MB, GB, such as 10MB") from None
    if amount < 1:
        raise entry.invalid("must be at least a byte", "write a size such as 10MB")
    return amount


def zone_name(entry: Entry) -> str:
    """The name of a known IANA zone."""
    try:
        return zone(entry.value).key
    except UnknownZone as error:
        raise entry.invalid(error.what, error.fix) from None


def texts(entry: Entry) -> tuple[str, ...]:
    """A list of texts as written."""
    return tuple([item.text for item in entry.items()])


def environment(entry: Entry) -> dict[str, str]:
    """Variables by name, each value as written: `1.10` stays that, and `PORT: 8080` is text."""
    for key in entry.value:
        if key.startswith(OWN_VARIABLES):
            raise entry.at(key).invalid("octojobs sets this variable itself", "choose another name")
    return {key: entry.at(key).text for key in entry.value}


def variable_names(entry: Entry) -> tuple[str, ...]:
    """Names of environment variables, each once."""
    names: list[str] = []
    for item in entry.items():
        if item.value.startswith(OWN_VARIABLES):
            raise item.invalid(f"octojobs sets {item.value} itself", "remove it")
        if item.value in names:
            raise item.invalid(f"{item.value} is named twice", "keep one of them")
        names.append(item.value)
    return tuple(names)


def command(entry: Entry) -> str | tuple[str, ...]:
    """Text for a shell, or an argument vector; refuses the placeholders whose values would become shell code."""
    if isinstance(entry.value, list):
        return texts(entry)
    text: str = entry.value
    for placeholder in PLACEHOLDERS:
        if (offset := text.find(placeholder)) >= 0:
            what = f"{placeholder} would make text from outside a part of the shell command"
            raise entry.invalid(what, 'read it as data instead, from the environment or from "$OCTOJOBS_RUN_DIR"', offset=offset)
    if not text.strip():
        raise entry.invalid("is empty", "write a command")
    return text


def http_address(entry: Entry) -> str:
    """An address that may be shown: who asks stands in none, and no blank, which no request has room for."""
    url: str = entry.value
    if _USER.match(url):
        raise entry.invalid("a user or a password stands in the address, which everybody may read", "remove it, up to the @")
    if blank := _BLANK.search(url):
        raise entry.invalid(f"{json.dumps(blank[0])} stands in the address", f"write %{ord(blank[0]):02X} for it")
    return url


def folder(entry: Entry) -> str:
    """A path relative to the repository, or an absolute one."""
    path: str = entry.value
    if path.startswith("~"):
        what = f'"{path}" begins with ~, which only a shell understands'
        raise entry.invalid(what, "write the path out, or one relative to the repository")
    return path


def mapping(entry: Entry) -> dict[str, Any]:
    """Any values by name."""
    return dict(entry.value)
