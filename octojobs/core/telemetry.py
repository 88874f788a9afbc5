"""What the settings say about what machines are told: metrics and traces."""

from __future__ import annotations

from octojobs.slotted import dataclass


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Where metrics are to be had: a file ("" for none) that is replaced every `every_s`, a port of this machine (0 for none).

    `max_jobs` bounds the jobs that have series of their own.
    """

    textfile: str = ""
    every_s: int = 15
    port: int = 0
    max_jobs: int = 100


@dataclass(frozen=True, slots=True)
class TracesSettings:
    """Where spans are sent: the address of a collector that takes OTLP over HTTP, and the name that the service goes by there."""

    otlp: str
    service: str = "octojobs"
