"""What metrics and traces cost: a daemon at rest with each of them, and each run that passes by them.

python benchmarks/watching.py [SECONDS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from telling import measured

from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, JobSeen, RunClaimed
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.run import Attempt, Cause, Outcome, Process, Run
from octojobs.core.when import IntervalWhen
from octojobs.engine.clock import SystemClock
from octojobs.engine.recorder import Recorder
from octojobs.store.paths import StatePaths
from octojobs.store.store import Store
from octojobs.telemetry.exposition import TextFile
from octojobs.telemetry.metrics import Metrics
from octojobs.telemetry.traces import Traces

KINDS = {
    "neither": "version: 1\n",
    "metrics: a file every 15 s": "metrics: {textfile: /dev/shm/octojobs-benchmark.prom}\n",
    "metrics: a file and a port": "metrics: {textfile: /dev/shm/octojobs-benchmark.prom, port: 19464}\n",
    "traces, and nobody there": 'traces: {otlp: "http://127.0.0.1:1"}\n',
}
RUNS, JOBS, ROUNDS = 2000, 100, 5
START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def recorded(attach: Callable[[Recorder], object]) -> float:
    """Microseconds of CPU for each run that is claimed, started and ended, without a disk; the best of several rounds."""
    jobs = [Job(JobId(f"job_{number}"), IntervalWhen(60), CommandAction("true")) for number in range(JOBS)]
    best = float("inf")
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            clock = SystemClock()
            recorder = Recorder(Store.open(StatePaths(Path(folder)), clock.now, role="benchmark"), clock, lambda _: None)
            recorder.stage(JobSeen(job.id, START, START, 60) for job in jobs)
            attach(recorder)
            began = time.process_time()
            for number in range(RUNS):
                job, due = jobs[number % JOBS], START + timedelta(minutes=number // JOBS)
                run = Run(RunId.of(job.id, due), job, due, Cause.SCHEDULE, due)
                recorder.stage((RunClaimed(run), AttemptStarting(run.id, 1, due), AttemptStarted(run.id, 1, due, Process(1, 1, "boot"))))
                recorder.stage((AttemptEnded(run.id, Attempt(1, Outcome.SUCCEEDED, due, due, 0)),))
            best = min(best, time.process_time() - began)
    return best / RUNS * 1_000_000


def with_metrics(recorder: Recorder) -> Metrics:
    """Let them be counted."""
    metrics = Metrics(recorder.ledger, JOBS)
    recorder.observe(metrics.event_seen, metrics.row_seen)
    return metrics


def with_traces(recorder: Recorder) -> None:
    """Let them be spans, which are kept."""
    traces = Traces(InMemorySpanExporter(), "salt", "benchmark")
    recorder.observe(traces.event_seen, traces.row_seen)


def written_ms() -> float:
    """Milliseconds of CPU to write the file with all series of so many jobs."""
    kept: list[Metrics] = []
    recorded(lambda recorder: kept.append(with_metrics(recorder)))
    with tempfile.TemporaryDirectory() as folder:
        file = TextFile(Path(folder) / "a.prom", 0)
        began = time.process_time()
        for _ in range(ROUNDS):
            file.write(kept[-1].registry)
        return (time.process_time() - began) / ROUNDS * 1000


def main() -> None:
    """Print a line for each."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    for name, attach in {"neither": lambda _: None, "metrics": with_metrics, "traces": with_traces}.items():
        print(f"each run, {name}: {recorded(attach):.0f} µs of CPU to record, without the disk", flush=True)
    print(f"the file, {JOBS} jobs: {written_ms():.1f} ms of CPU", flush=True)
    for name, settings in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            told = measured(Path(folder), "", settings, seconds)
        line = "{start_ms:.0f} ms of CPU to start, {mb:.1f} MB, {threads:.0f} threads, {idle:.3f} % of a core at rest"
        print(f"{name}: {line.format(**told)}", flush=True)


if __name__ == "__main__":
    main()
