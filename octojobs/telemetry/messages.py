"""What Prometheus is told of the outbox: what waits for each channel, what could not be delivered, what was."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from octojobs.errors import OctojobsError
from octojobs.notify.pings import is_ping
from octojobs.store.outbox import undelivered
from octojobs.store.paths import StatePaths

log = logging.getLogger("octojobs.metrics")

PINGS = "(pings)"
"""The label of all pings together: there may be one address for each job. No channel is called that."""


class Messages(Collector):
    """Looks at the outbox when somebody asks, on the thread of whoever asks; not at all while `wanted` says that no job tells anybody.

    `delivered` gives the messages that this daemon has delivered, by channel as it was written.
    """

    def __init__(self, paths: StatePaths, delivered: Callable[[], Mapping[str, int]]) -> None:
        self._paths = paths
        self._delivered = delivered
        self._told = ""
        self.wanted = False

    def collect(self) -> Iterator[Metric]:
        """The families; none where the outbox can't be read, which is told once."""
        if not self.wanted:
            return
        try:
            found = undelivered(self._paths)
        except OctojobsError as error:
            if str(error) != self._told:
                log.warning("there are no metrics of messages: %s", error)
            self._told = str(error)
            return
        self._told = ""
        sums: Counter[tuple[str, str]] = Counter()
        for (channel, state), count in (*found.items(), *(((channel, "delivered"), count) for channel, count in self._delivered().items())):
            sums[_name(channel), state] += count
        names = sorted({name for name, _ in sums})
        for state, family in _families():
            for name in names:
                family.add_metric([name], sums[name, state])
            yield family


def _families() -> tuple[tuple[str, GaugeMetricFamily | CounterMetricFamily], ...]:
    by = ["channel"]
    return (
        ("pending", GaugeMetricFamily("octojobs_messages_waiting", "Messages that a channel still has to get.", labels=by)),
        ("dead", GaugeMetricFamily("octojobs_dead_letters", "Messages of a week that could not be delivered.", labels=by)),
        ("delivered", CounterMetricFamily("octojobs_messages_delivered", "Messages that a channel has taken.", labels=by)),
    )


def _name(written: str) -> str:
    """The channel's name, without to whom: what a series is of."""
    return PINGS if is_ping(written) else written.partition(":")[0]
