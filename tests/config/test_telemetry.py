"""`metrics:`, `traces:` and `ping:` as they are written, and what is refused in them."""

from __future__ import annotations

import pytest

from octojobs.config.proposal import what_runs
from octojobs.core.job import Ping
from octojobs.core.telemetry import MetricsSettings, TracesSettings
from tests.config.loading import load, problems

JOBS = "jobs:\n  a: {manual: true, command: make, ping: 'https://hc.example.org/a'}\n"
SETTINGS = (
    "metrics: {textfile: out/octojobs.prom, every: 1m, port: 9464, max_jobs: 5}\ntraces: {otlp: 'http://127.0.0.1:4318', service: shop}\n"
)


def test_each_is_read_and_is_part_of_what_is_approved() -> None:
    """Whoever allows a plan sees where things are written, served and sent."""
    definitions = load(JOBS, SETTINGS).definitions
    assert definitions is not None
    assert definitions.settings.metrics == MetricsSettings("out/octojobs.prom", 60, 9464, 5)
    assert definitions.settings.traces == TracesSettings("http://127.0.0.1:4318", "shop")
    (job,) = definitions.jobs.values()
    assert job.ping == Ping("https://hc.example.org/a")
    lines = what_runs(definitions)
    assert "metrics: written to out/octojobs.prom and served at 127.0.0.1:9464" in lines
    assert "traces: sent to http://127.0.0.1:4318" in lines
    assert "a: pings https://hc.example.org/a" in lines


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("metrics: {max_jobs: 5}", "1:10: metrics: says nothing about where they are to be had; add `textfile:` or `port:`"),
        ("metrics: {port: 1, every: 1m}", "1:27: metrics.every: belongs to a `textfile:`; remove it"),
        (
            "metrics: {textfile: a.txt}",
            '1:21: metrics.textfile: "a.txt" does not end in .prom, and node_exporter reads no other file; write such a name',
        ),
        ("metrics: {port: 70000}", "1:17: metrics.port: 70000 is too large; write 65535 or less"),
        ("traces: {service: a}", '1:9: traces: "otlp" is missing; add `otlp:`'),
        ("traces: {otlp: 'ftp://a'}", '1:16: traces.otlp: "ftp://a" is not an http or https address'),
        (
            "traces: {otlp: 'http://me:hunter2@a'}",
            "1:16: traces.otlp: a user or a password stands in the address, which everybody may read; remove it, up to the @",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(settings: str, told: str) -> None:
    """And with the remedy."""
    assert problems("jobs: {}\n", f"{settings}\n") == [f".octopoid/octojobs.yaml:{told}"]
