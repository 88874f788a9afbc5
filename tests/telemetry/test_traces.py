"""Spans of ticks, guards, runs and attempts: right in their times and their kinship, over restarts, and over the wire."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from octojobs.cli.json_logs import JsonLine
from octojobs.core.definitions import Settings
from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, FollowUp, RetryPolicy
from octojobs.core.telemetry import TracesSettings
from octojobs.telemetry import traces
from octojobs.telemetry.reporter import Reporter
from octojobs.telemetry.traces import TraceNames, Traces
from tests.engine.test_service import Loop
from tests.engine.world import World, job

RUN = "build@20261120T100000Z"


@dataclass
class Watched:
    """A world whose engine shows its events to `traces`."""

    world: World
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    told: list[ReadableSpan] = field(default_factory=list)

    def attach(self) -> Traces:
        """Watch the engine of now."""
        traces = Traces(self.exporter, self.world.ground.salt, "shop")
        self.world.engine.recorder.observe(traces.event_seen, traces.row_seen)
        self.world.engine.starts.guards.judged = traces.judged
        self.world.engine.starts.trace_env = traces.environment
        return traces

    def spans(self, traces: Traces) -> list[ReadableSpan]:
        """All that was told so far; the traces end with that, and the next ones tell only of themselves."""
        traces.close()
        self.told += self.exporter.get_finished_spans()
        self.exporter = InMemorySpanExporter()
        return self.told


@pytest.fixture
def watched(world: World) -> Watched:
    """Nothing is watched yet."""
    return Watched(world)


def by_name(spans: Sequence[ReadableSpan]) -> dict[str, ReadableSpan]:
    """The spans, of which each name is there once."""
    found = {span.name: span for span in spans}
    assert len(found) == len(spans), found
    return found


def ids(span: ReadableSpan) -> tuple[int, int]:
    """The trace and the span."""
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def test_a_run_has_its_guards_and_attempts_below_it(watched: Watched) -> None:
    """One trace, from the claim to the end; what failed is an error, with the reason."""
    world = watched.world
    traces = watched.attach()
    (world.root / "open").touch()
    guard = Condition("file_exists", {"path": "open"})
    world.declare(job("build", "exit 3", every=3600, conditions=(guard,)))
    world.tick()
    world.drain()
    found = by_name(watched.spans(traces))
    run, attempt, asked = found["run build"], found["attempt build"], found["guard file_exists"]
    assert {ids(span)[0] for span in found.values()} == {ids(run)[0]}
    assert [span.parent.span_id for span in (attempt, asked) if span.parent] == [ids(run)[1]] * 2
    assert run.parent is None
    assert (run.attributes or {})["octojobs.run"] == RUN
    assert (attempt.attributes or {})["process.exit.code"] == 3
    assert (run.status.status_code.name, attempt.status.description) == ("ERROR", "exit code 3")
    assert (asked.attributes or {})["octojobs.verdict"] == "passed"
    assert asked.status.status_code.name == "UNSET"
    assert all(span.end_time and span.start_time and span.end_time >= span.start_time for span in found.values())


def test_each_attempt_is_a_span_and_a_hook_is_a_child_of_its_run(watched: Watched) -> None:
    """The run of `on_failure` is in the same trace; a job that is asked to run has a trace of its own, linked."""
    world = watched.world
    traces = watched.attach()
    world.declare(
        job("build", "exit 3", every=3600, retries=RetryPolicy(max=1, delay_s=1), on_failure=FollowUp(command=CommandAction("true"))),
        job("test", every=3600, on_success=FollowUp(run=JobId("ship"))),
        job("ship"),
    )
    world.tick()
    world.drain()
    world.tick(5)
    world.drain()
    spans = watched.spans(traces)
    runs = {str((span.attributes or {})["octojobs.run"]): span for span in spans if span.name.startswith("run ")}
    assert len({ids(span) for span in spans}) == len(spans)
    assert [span.name for span in spans].count("attempt build") == 3  # two of the run, one of its hook
    hook = runs[f"{RUN}+on_failure"]
    assert hook.parent is not None
    assert (hook.parent.trace_id, hook.parent.span_id) == ids(runs[RUN])
    (ship,) = [span for name, span in runs.items() if name.startswith("ship@")]
    assert [(link.context.trace_id, link.context.span_id) for link in ship.links] == [ids(runs["test@20261120T100000Z"])]
    assert ids(ship)[0] != ids(runs["test@20261120T100000Z"])[0]


def test_a_run_is_handed_its_context_and_keeps_it_over_a_restart(watched: Watched) -> None:
    """TRACEPARENT names the attempt's span, which another daemon sends when it has ended."""
    world = watched.world
    first = watched.attach()
    world.declare(job("build", 'echo "$TRACEPARENT"; until [ -e go ]; do sleep 0.02; done', every=3600))
    world.tick()
    watched.spans(first)
    world.restart()
    second = watched.attach()
    (world.root / "go").touch()
    world.tick()
    world.drain()
    found = by_name(watched.spans(second))
    version, trace, span, flags = world.output(RUN).strip().split("-")
    assert (version, flags) == ("00", "01")
    assert (int(trace, 16), int(span, 16)) == ids(found["attempt build"])


def test_a_tick_is_a_span_when_something_came_of_it(watched: Watched) -> None:
    """With how many events it recorded; an idle daemon tells nothing."""
    world = watched.world
    traces = watched.attach()
    now = world.clock.now()
    traces.ticked(now, now)
    world.declare(job("build"))
    world.ask("run", job=JobId("build"))
    world.tick()
    traces.ticked(now, world.clock.now())
    (tick,) = [span for span in watched.spans(traces) if span.name == "tick"]
    assert int(str((tick.attributes or {})["octojobs.events"])) > 1
    assert tick.parent is None


def test_a_line_of_the_log_about_a_run_names_its_trace() -> None:
    """Other lines are left as they are."""
    names, form = TraceNames("salt"), JsonLine()
    about_a_run = logging.makeLogRecord({"msg": "x", "told": {"event": "run_started", "run": RUN}})
    other = logging.makeLogRecord({"msg": "x"})
    assert names.filter(about_a_run)
    assert names.filter(other)
    assert '"trace_id": "' in form.format(about_a_run)
    assert "trace_id" not in form.format(other)


class Collector(BaseHTTPRequestHandler):
    """Takes spans by OTLP over HTTP, as a real collector does."""

    requests: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        """Keep what comes."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.requests.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quietly."""


@pytest.fixture
def collector() -> Iterator[HTTPServer]:
    """A collector on a port of its own."""
    Collector.requests = []
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def reporting(world: World, loop: Loop, settings: Settings) -> Reporter:
    """What `up` has tell of a job and these settings."""
    world.declare(job("build", every=3600), settings=settings)
    reporter = Reporter(world.engine, loop.service, world.root)
    reporter.turn(world.feed.current())
    return reporter


def test_the_settings_send_them_over_the_wire_until_a_commit_ends_it(world: World, collector: HTTPServer) -> None:
    """As `traces: {otlp: …}` says: the real exporter, a real connection, and the protocol's own message."""
    told = Settings(traces=TracesSettings(f"http://127.0.0.1:{collector.server_port}/", "shop"))
    with closing(Loop(world)) as loop:
        reporter = reporting(world, loop, told)
        loop.service._tick()
        world.drain()
        world.declare(job("build", every=3600), settings=Settings())
        reporter.turn(world.feed.current())
        world.ask("run", job=JobId("build"))
        loop.service._tick()
        world.drain()
        reporter.close()
    spans: list[Any] = []
    for path, body in Collector.requests:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            assert "shop" in str(resource.resource)
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    assert sorted(span.name for span in spans) == ["attempt build", "run build", "tick"]
    assert world.engine.recorder._observers == []


def test_a_collector_that_is_gone_holds_nothing_up(world: World, collector: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    """The run ends as it would; what can't be sent is told in the log."""
    port = collector.server_port
    collector.server_close()
    with closing(Loop(world)) as loop:
        reporter = reporting(world, loop, Settings(traces=TracesSettings(f"http://127.0.0.1:{port}")))
        world.tick()
        world.drain()
        reporter.close()
    assert world.outcomes() == ["succeeded"]
    assert any(record.name.startswith("opentelemetry") for record in caplog.records)


class _Gone(InMemorySpanExporter):
    """A collector that takes nothing until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.waited: list[bool] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Wait for it."""
        self.waited.append(self.go.wait(10))
        return super().export(spans)


def test_a_commit_that_ends_them_does_not_wait_for_a_collector_that_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on; the end of the daemon is what waits a little."""
    gone = _Gone()
    monkeypatch.setattr(traces, "exporter", lambda _: gone)
    monkeypatch.setattr(traces, "PATIENCE_S", 20)
    with closing(Loop(world)) as loop:
        reporter = reporting(world, loop, Settings(traces=TracesSettings("http://127.0.0.1:1")))
        loop.service._tick()
        world.drain()
        world.declare(job("build", every=3600), settings=Settings())
        reporter.turn(world.feed.current())
        gone.go.set()
        reporter.close()
    assert gone.waited == [True]
    assert gone.get_finished_spans() != ()


def test_a_missing_library_is_told_with_the_remedy(world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon goes on without traces."""
    monkeypatch.delitem(sys.modules, "octojobs.telemetry.traces", raising=False)
    for name in ("opentelemetry", "opentelemetry.exporter.otlp.proto.http.trace_exporter"):
        monkeypatch.setitem(sys.modules, name, None)
    with closing(Loop(world)) as loop:
        world.declare(settings=Settings(traces=TracesSettings("http://127.0.0.1:1")))
        reporter = Reporter(world.engine, loop.service, world.root)
        reporter.turn(world.feed.current())
        reporter.close()
    assert caplog.messages == ["there are no traces: the OpenTelemetry SDK is not installed: `pip install 'octojobs[otel]'`"]
