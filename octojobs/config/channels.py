"""`channels:` of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from octojobs.config.entries import Entry, each
from octojobs.config.parsers import folder, http_address, period, texts, time_of_day, zone_name
from octojobs.config.suggest import listed
from octojobs.core.channel import KINDS, Channel, Quiet
from octojobs.core.job import TaskAction

_SIGNED = ("webhook", "relay")
_PASSWORD = re.compile(r"://[^/@?#]*:(?!\$\{)[^/@?#]+@")


def channels(entry: Entry) -> Mapping[str, Channel]:
    """The channels by name; no password stands in an address."""
    found = own_channels(entry)
    for name, channel in found.items():
        for kind in ("redis", "apprise"):
            if _PASSWORD.search(getattr(channel, kind)):
                fix = "write ${NAME} for it, and NAME=… into secrets.env"
                raise entry.at(name).at(kind).invalid("a password stands in the address", fix)
    return found


def own_channels(entry: Entry) -> Mapping[str, Channel]:
    """The channels by name, from a file that only the user can read."""
    return {channel.name: channel for channel in each(entry.items(), _channel)}


def _channel(entry: Entry) -> Channel:
    name, value = str(entry.key), entry.value
    given = [kind for kind in KINDS if kind in value]
    if len(given) != 1:
        what = f"{' and '.join(given)} are both given" if given else "says nothing about where it leads"
        raise entry.invalid(what, f"write one of {listed(KINDS, 'and')}")
    (kind,) = given
    for option in ("secret", "allow_hosts"):
        if option in value and kind not in _SIGNED:
            raise entry.at(option).invalid("belongs to a channel with `webhook:` or `relay:`", "remove it")
    words: Mapping[str, str] = value.get("template", {})
    return Channel(
        name,
        **{kind: _where(entry.at(kind), kind)},
        secret=value.get("secret", ""),
        allow_hosts=tuple(value.get("allow_hosts", ())),
        quiet=_quiet(entry.at("quiet")) if "quiet" in value else None,
        digest_s=period(entry.at("digest")) if "digest" in value else 0,
        title=words.get("title", ""),
        body=words.get("body", ""),
    )


def _quiet(entry: Entry) -> Quiet:
    start, end = time_of_day(entry.at("from")), time_of_day(entry.at("to"))
    if start == end:
        raise entry.invalid("these hours begin when they end", "remove it, or let them end at another time")
    return Quiet(start, end, zone_name(entry.at("timezone")) if "timezone" in entry.value else "UTC")


def _where(entry: Entry, kind: str) -> Any:
    match kind:
        case "file":
            return folder(entry)
        case "webhook" | "relay":
            return http_address(entry)
        case "command":
            return texts(entry)
        case "task":
            return _task(entry)
        case _:
            return entry.value


def _task(entry: Entry) -> TaskAction:
    value: Mapping[str, Any] = entry.value
    texts_of = {key: value[key] for key in ("body", "role", "priority", "dedupe") if key in value}
    return TaskAction(title=value.get("title", "${title}"), **texts_of, proposed=value.get("proposed", False))
