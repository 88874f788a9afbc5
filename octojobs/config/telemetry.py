"""`metrics:` and `traces:` of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octojobs.config.entries import Entry
from octojobs.config.parsers import folder, http_address, period
from octojobs.core.telemetry import MetricsSettings, TracesSettings


def metrics(entry: Entry) -> MetricsSettings:
    """Where the metrics are to be had: a file, a port of this machine, or both."""
    value: Mapping[str, Any] = entry.value
    plain = MetricsSettings()
    if not ("textfile" in value or "port" in value):
        raise entry.invalid("says nothing about where they are to be had", "add `textfile:` or `port:`")
    if "every" in value and "textfile" not in value:
        raise entry.at("every").invalid("belongs to a `textfile:`", "remove it")
    path = folder(entry.at("textfile")) if "textfile" in value else ""
    if path and not path.endswith(".prom"):
        raise entry.at("textfile").invalid(f'"{path}" does not end in .prom, and node_exporter reads no other file', "write such a name")
    every_s = period(entry.at("every")) if "every" in value else plain.every_s
    return MetricsSettings(path, every_s, value.get("port", plain.port), value.get("max_jobs", plain.max_jobs))


def traces(entry: Entry) -> TracesSettings:
    """Where spans are sent."""
    return TracesSettings(http_address(entry.at("otlp")), entry.value.get("service", "octojobs"))
