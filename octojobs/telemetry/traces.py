"""Spans of ticks, guards, runs and attempts, sent by OTLP: each is made when it has ended, from what is recorded.

So a run that one daemon began and another one ended is one span, and a daemon that is killed loses what it had not sent, and no more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status as SpanStatus
from opentelemetry.trace.status import StatusCode

from octojobs import __version__
from octojobs.core.events import AttemptEnded, Event
from octojobs.core.guards import Status, Verdict
from octojobs.core.ledger import Row
from octojobs.core.run import Outcome, Run
from octojobs.telemetry.trace_ids import attempt_span, run_span, trace_id, traceparent

PATIENCE_S = 5.0
"""How long one delivery may take, and how long the end of the daemon waits for the last one."""

_BAD = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.LOST})
_SCOPE = InstrumentationScope("octojobs", __version__)

Value = str | bool | int | float


class Traces:
    """Fed by the engine's thread; a thread of the exporter's delivers."""

    def __init__(self, exporter: SpanExporter, salt: str, service: str) -> None:
        self._salt = salt
        self._resource = Resource.create({"service.name": service, "service.version": __version__})
        self._processor = BatchSpanProcessor(exporter)
        self._staged = 0
        self._ticks = 0

    def event_seen(self, event: Event, run: Run | None) -> None:
        """An event was staged: the end of an attempt is a span."""
        self._staged += 1
        if not isinstance(event, AttemptEnded) or run is None or event.attempt.started_at is None:
            return
        attempt = event.attempt
        about: dict[str, Value] = {"octojobs.attempt": attempt.number, "octojobs.outcome": attempt.outcome.value}
        if attempt.exit_code is not None:
            about["process.exit.code"] = attempt.exit_code
        own = self._context(run.id, attempt_span(run.id, attempt.number, self._salt))
        self._end(
            f"attempt {run.job}", own, self._of(run), about, (event.attempt.started_at, attempt.ended_at), attempt.outcome, attempt.reason
        )

    def row_seen(self, row: Row) -> None:
        """A run has ended: a span from its claim on. A hook's run is a child of the run that it follows; other runs are linked to it."""
        run = row.run
        if run is None:
            return
        about: dict[str, Value] = {
            "octojobs.job": run.job,
            "octojobs.run": run.id,
            "octojobs.cause": run.cause.value,
            "octojobs.outcome": row.outcome.value,
            "octojobs.attempts": run.attempts[-1].number,
            "vcs.ref.head.revision": run.commit,
        }
        parent, plus, _ = run.id.partition("+")
        above = self._context(parent, run_span(parent, self._salt)) if plus else None
        before = run.requested_by if "@" in run.requested_by else run.trigger.run if run.trigger is not None else ""
        links = [Link(self._context(before, run_span(before, self._salt)))] if before and not plus else []
        span = (run.claimed_at, max(run.claimed_at, run.attempts[-1].ended_at))
        self._end(f"run {run.job}", self._of(run), above, about, span, row.outcome, row.reason, links)

    def judged(self, run: Run, verdicts: Sequence[Verdict], asked_at: datetime, answered_at: datetime) -> None:
        """The guards of a run were asked: a span for each, as long as all of them took."""
        for number, verdict in enumerate(verdicts):
            about: dict[str, Value] = {"octojobs.guard": verdict.guard, "octojobs.verdict": verdict.status.value}
            about["octojobs.evidence"] = verdict.evidence
            own = self._context(run.id, run_span(f"{run.id} guard {number} {asked_at.timestamp()}", self._salt))
            bad = Outcome.FAILED if verdict.status is Status.UNKNOWN else None
            self._end(f"guard {verdict.guard.partition('(')[0]}", own, self._of(run), about, (asked_at, answered_at), bad, verdict.evidence)

    def ticked(self, began_at: datetime, ended_at: datetime) -> None:
        """A tick has ended: a trace of its own where something came of it."""
        staged, self._staged = self._staged, 0
        if staged:
            self._ticks += 1
            name = f"tick {self._ticks} {began_at.timestamp()}"
            own = self._context(name, run_span(name, self._salt))
            self._end("tick", own, None, {"octojobs.events": staged}, (began_at, ended_at))

    def environment(self, run: Run) -> Mapping[str, str]:
        """What the run's process is told: whatever it does belongs to its attempt."""
        return {"TRACEPARENT": traceparent(run, self._salt)}

    def end(self) -> threading.Thread:
        """Make no more, and begin to deliver what there is; the thread on which that is done."""
        last = threading.Thread(target=self._processor.shutdown, name="octojobs-traces", daemon=True)
        last.start()
        return last

    def close(self) -> None:
        """Deliver what there is, within a few seconds."""
        self.end().join(PATIENCE_S)

    def _of(self, run: Run) -> SpanContext:
        return self._context(run.id, run_span(run.id, self._salt))

    def _context(self, run_id: str, span: int) -> SpanContext:
        return SpanContext(trace_id(run_id, self._salt), span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    def _end(
        self,
        name: str,
        own: SpanContext,
        parent: SpanContext | None,
        about: Mapping[str, Value],
        times: tuple[datetime, datetime],
        outcome: Outcome | None = None,
        reason: str = "",
        links: Sequence[Link] = (),
    ) -> None:
        span = ReadableSpan(
            name,
            own,
            parent,
            self._resource,
            about,
            links=links,
            kind=SpanKind.INTERNAL,
            status=SpanStatus(StatusCode.ERROR, reason) if outcome in _BAD else SpanStatus(StatusCode.UNSET),
            start_time=_nanoseconds(times[0]),
            end_time=_nanoseconds(max(times)),
            instrumentation_scope=_SCOPE,
        )
        self._processor.on_end(span)


class TraceNames(logging.Filter):
    """Adds the trace to the lines of the log that are about a run."""

    def __init__(self, salt: str) -> None:
        super().__init__()
        self._salt = salt

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line passes."""
        told = getattr(record, "told", None)
        if told is not None and "run" in told:
            told["trace_id"] = f"{trace_id(told['run'], self._salt):032x}"
        return True


def exporter(url: str) -> SpanExporter:
    """What sends them by OTLP over HTTP; `OTEL_EXPORTER_OTLP_HEADERS` in the daemon's environment says how it proves who it is."""
    return OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=PATIENCE_S)


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
