"""Begins and ends the sending of spans, as `traces:` of the settings says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from octojobs.core.telemetry import TracesSettings
from octojobs.engine.engine import Engine
from octojobs.engine.guarding import unobserved

if TYPE_CHECKING:  # the extra `otel`
    from octojobs.telemetry.traces import TraceNames, Traces

log = logging.getLogger("octojobs.traces")

INSTALL = "the OpenTelemetry SDK is not installed: `pip install 'octojobs[otel]'`"
_THEIRS = "opentelemetry"


class Tracing:
    """Owned by the engine's thread. Nothing is imported for settings without `traces`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wanted: TracesSettings | None = None
        self._traces: Traces | None = None
        self._names: TraceNames | None = None
        self._last: threading.Thread | None = None
        self._forget: Callable[[], None] = lambda: None

    @property
    def is_on(self) -> bool:
        """Whether spans are made."""
        return self._traces is not None

    def follow(self, wanted: TracesSettings | None) -> None:
        """These settings are live."""
        if wanted != self._wanted:
            self._end()  # without waiting: a collector that is gone must not hold up the loop
            self._wanted = wanted
            if wanted is not None:
                self._begin(wanted)

    def ticked(self, seconds: float) -> None:
        """A tick has ended, and took so long."""
        if self._traces is not None:
            now = self._engine.ground.clock.now()
            self._traces.ticked(now - timedelta(seconds=seconds), now)

    def close(self) -> None:
        """Make no more, and give what there is a few seconds to be delivered."""
        self._end()
        if self._last is not None:
            from octojobs.telemetry.traces import PATIENCE_S  # lazily, as below

            self._last.join(PATIENCE_S)

    def _end(self) -> None:
        self._forget()
        self._forget = lambda: None
        self._engine.starts.trace_env = lambda _: {}
        self._engine.starts.guards.judged = unobserved
        if self._traces is not None:
            self._last = self._traces.end()
            for handler in logging.getLogger("octojobs").handlers:
                if self._names is not None:
                    handler.removeFilter(self._names)
        self._traces, self._wanted = None, None

    def _begin(self, wanted: TracesSettings) -> None:
        try:
            from octojobs.telemetry.traces import TraceNames, Traces, exporter  # lazily: the extra `otel`, for those who ask for it
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != _THEIRS:
                raise
            log.error("there are no traces: %s", INSTALL)
            return
        ours = logging.getLogger("octojobs")
        theirs = logging.getLogger(_THEIRS)
        theirs.handlers[:], theirs.propagate = ours.handlers, not ours.handlers
        theirs.setLevel(logging.ERROR)  # each try that fails is a warning there, several a second
        salt = self._engine.ground.salt
        self._traces = Traces(exporter(wanted.otlp), salt, wanted.service)
        self._names = TraceNames(salt)
        for handler in ours.handlers:
            handler.addFilter(self._names)
        self._forget = self._engine.recorder.observe(self._traces.event_seen, self._traces.row_seen)
        self._engine.starts.trace_env = self._traces.environment
        self._engine.starts.guards.judged = self._traces.judged
        log.info("spans go to %s", wanted.otlp)
