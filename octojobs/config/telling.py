"""`notify:`, `output:` and `ping:` of a job."""

from __future__ import annotations

from octojobs.config.entries import Entry
from octojobs.config.parsers import http_address, period, texts
from octojobs.core.job import Notify, Ping


def notify(entry: Entry) -> Notify:
    """What is told of a job, and where."""
    plain = Notify()
    on: tuple[str, ...] = tuple(entry.value.get("on", plain.on))
    if "after" in entry.value and not {"blocked", "overdue"} & set(on):
        raise entry.at("after").invalid("says when a due run is late, and nobody is told of that", "add blocked or overdue to `on`")
    return Notify(on, texts(entry.at("channels")), period(entry.at("after")) if "after" in entry.value else plain.after_s)


def output(entry: Entry) -> str:
    """Where the result goes."""
    channel: str = entry.value["channel"]
    return channel


def ping(entry: Entry) -> Ping:
    """Where a job's runs are told one by one: an address, or one with the hosts that it may reach."""
    value = entry.value
    if isinstance(value, str):
        return Ping(http_address(entry))
    return Ping(http_address(entry.at("url")), tuple(value.get("allow_hosts", ())))
