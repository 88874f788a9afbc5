"""`channels:` of the settings and `notify:` of a job."""

from __future__ import annotations

from collections.abc import Mapping

from octojobs.config.entries import Entry, each
from octojobs.config.parsers import folder, texts
from octojobs.core.definitions import Channel
from octojobs.core.job import Notify

KINDS = ("file", "command", "webhook")


def channels(entry: Entry) -> Mapping[str, Channel]:
    """The channels by name."""
    return {channel.name: channel for channel in each(entry.items(), _channel)}


def _channel(entry: Entry) -> Channel:
    name, value = str(entry.key), entry.value
    given = [kind for kind in KINDS if kind in value]
    if len(given) != 1:
        what = f"{' and '.join(given)} are both given" if given else "says nothing about where it leads"
        raise entry.invalid(what, "write one of file, command and webhook")
    (kind,) = given
    for option in ("secret", "allow_hosts"):
        if option in value and kind != "webhook":
            raise entry.at(option).invalid("belongs to a channel with `webhook:`", "remove it")
    match kind:
        case "file":
            return Channel(name, file=folder(entry.at("file")))
        case "command":
            return Channel(name, command=texts(entry.at("command")))
        case _:
            return Channel(name, webhook=value["webhook"], secret=value.get("secret", ""), allow_hosts=tuple(value.get("allow_hosts", ())))


def notify(entry: Entry) -> Notify:
    """What is told of a job, and where."""
    plain = Notify()
    return Notify(tuple(entry.value.get("on", plain.on)), texts(entry.at("channels")))
