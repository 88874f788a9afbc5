"""Keeps what is told to machines as the settings say: begins it, ends it, and does so again when a commit changes them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from octojobs.core.definitions import Definitions
from octojobs.core.telemetry import MetricsSettings
from octojobs.engine.engine import Engine
from octojobs.engine.service import Service
from octojobs.telemetry.tracing import Tracing

if TYPE_CHECKING:  # they are the extra `metrics`
    from octojobs.telemetry.exposition import Endpoint, TextFile
    from octojobs.telemetry.messages import Messages
    from octojobs.telemetry.metrics import Metrics

log = logging.getLogger("octojobs.metrics")

AGAIN_S = 30.0
"""How long a port that somebody else has is left alone before it is tried again."""
INSTALL = "prometheus-client is not installed: `pip install 'octojobs[metrics]'`"


class Reporter:
    """Owned by the engine's thread. Nothing is imported for settings that ask for nothing, and what fails is told, never raised."""

    def __init__(self, engine: Engine, service: Service, root: Path) -> None:
        self._engine, self._service, self._root = engine, service, root
        self._clock = engine.ground.clock
        self._wanted: MetricsSettings | None = None
        self._digest: str | None = None
        self._metrics: Metrics | None = None
        self._messages: Messages | None = None
        self._file: TextFile | None = None
        self._endpoint: Endpoint | None = None
        self._endpoint_at = float("-inf")
        self._refusal = ""
        self._forget: Callable[[], None] = lambda: None
        self._tracing = Tracing(engine)

    def turn(self, definitions: Definitions) -> None:
        """The loop has nothing left to do; these definitions are live."""
        if definitions.digest != self._digest:
            self._digest = definitions.digest
            self._follow(definitions)
        if self._metrics is None or self._wanted is None:
            return
        now = self._clock.monotonic()
        self._metrics.turned(self._clock.now().timestamp(), held=bool(self._engine.held))
        if self._file is not None:
            self._file.turn(self._metrics.registry, now)
        if self._wanted.port and self._endpoint is None and now - self._endpoint_at >= AGAIN_S:
            self._endpoint_at = now
            self._listen(self._metrics, self._wanted.port)

    def close(self) -> None:
        """The daemon ends: the file says so."""
        if self._metrics is not None:
            self._metrics.ends()
            if self._file is not None:
                self._file.write(self._metrics.registry)
        self._end()
        self._tracing.close()

    def _follow(self, definitions: Definitions) -> None:
        self._tracing.follow(definitions.settings.traces)
        wanted = definitions.settings.metrics
        if wanted != self._wanted:
            self._end()
            self._wanted = wanted
            if wanted is not None:
                self._begin(wanted)
        if self._metrics is not None:
            self._metrics.follow(definitions.jobs)
        if self._messages is not None:
            self._messages.wanted = any(job.tells for job in definitions.jobs.values())
        self._service.on_tick = self._ticked if self._metrics is not None or self._tracing.is_on else None

    def _ticked(self, seconds: float) -> None:
        if self._metrics is not None:
            self._metrics.ticked(seconds)
        self._tracing.ticked(seconds)

    def _begin(self, wanted: MetricsSettings) -> None:
        try:
            from octojobs.telemetry.exposition import TextFile  # lazily: the extra `metrics`, for those who ask for it
            from octojobs.telemetry.messages import Messages  # lazily, as above
            from octojobs.telemetry.metrics import Metrics  # lazily, as above
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "prometheus_client":
                raise
            log.error("there are no metrics: %s", INSTALL)
            return
        self._metrics = Metrics(self._engine.store.ledger, wanted.max_jobs)
        self._messages = Messages(self._engine.ground.paths, lambda: self._engine.courier.delivered)
        self._metrics.registry.register(self._messages)
        self._file = TextFile(self._root / wanted.textfile, wanted.every_s) if wanted.textfile else None
        self._forget = self._engine.recorder.observe(self._metrics.event_seen, self._metrics.row_seen)

    def _end(self) -> None:
        self._forget()
        self._forget = lambda: None
        if self._endpoint is not None:
            self._endpoint.close()
        if self._file is not None:
            self._file.finish()
        self._metrics = self._messages = self._file = self._endpoint = None
        self._endpoint_at = float("-inf")

    def _listen(self, metrics: Metrics, port: int) -> None:
        from octojobs.telemetry.exposition import HOST, Endpoint  # lazily, as above

        try:
            self._endpoint = Endpoint(metrics.registry, port)
            log.info("metrics at http://%s:%d/metrics", HOST, port)
            self._refusal = ""
        except OSError as error:
            refusal = f"metrics can't be had at port {port}: {error.strerror}"
            if refusal != self._refusal:
                log.error("%s; it is tried again every %d s", refusal, AGAIN_S)
            self._refusal = refusal
