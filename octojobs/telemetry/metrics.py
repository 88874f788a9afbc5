"""What Prometheus is told of the runs and of the daemon: counters, gauges and histograms, kept up to date by the events of the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from octojobs import __version__
from octojobs.core.definitions import DEFAULT_POOL
from octojobs.core.events import AttemptStarted, Event
from octojobs.core.identity import JobId, RunId
from octojobs.core.ledger import Ledger, Row
from octojobs.core.run import Cause, Outcome, Phase, Run

OTHERS = "(others)"
"""The label of all jobs beyond the bound: no job is called that."""

_DURATIONS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400)
_LATE = (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 600, 3600)
_TICKS = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class Metrics:
    """One registry; fed by the engine's thread, read by any. Of the jobs the first `most_jobs` have series of their own."""

    def __init__(self, ledger: Ledger, most_jobs: int) -> None:
        # When a series began: a sample more for each, which nobody asks for in this form.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types here
        self.registry = CollectorRegistry()
        self._ledger = ledger
        self._most_jobs = most_jobs
        self._jobs: dict[str, None] = {}
        self._places: dict[RunId, tuple[str, str]] = {}
        registry = self.registry
        self._up = Gauge("octojobs_up", "1 while the daemon runs.", registry=registry)
        self._info = Gauge("octojobs_info", "Always 1; the version of octojobs.", ["version"], registry=registry)
        self._declared = Gauge("octojobs_jobs", "Jobs that are live.", registry=registry)
        self._held = Gauge("octojobs_starts_held", "1 while nothing starts: the disk or the system refuses.", registry=registry)
        self._runs = Counter("octojobs_runs", "Due instants and requests, by what they ended in.", ["job", "outcome"], registry=registry)
        self._hooks = Counter("octojobs_hooks", "Runs of on_start, on_success and on_failure.", ["hook", "outcome"], registry=registry)
        self._open = Gauge("octojobs_open_runs", "Runs that have not ended, by where they stand.", ["pool", "phase"], registry=registry)
        self._success = Gauge(
            "octojobs_last_success_timestamp_seconds", "When a run of the job last succeeded.", ["job"], registry=registry
        )
        self._took = Histogram(
            "octojobs_run_duration_seconds", "How long the last attempt of a run took.", ["job"], buckets=_DURATIONS, registry=registry
        )
        self._late = Histogram(
            "octojobs_start_lateness_seconds", "From a due instant to the start of its first attempt.", buckets=_LATE, registry=registry
        )
        self._ticks = Histogram("octojobs_tick_duration_seconds", "How long a tick of the loop took.", buckets=_TICKS, registry=registry)
        self._turned = Gauge("octojobs_last_turn_timestamp_seconds", "When the loop last had nothing left to do.", registry=registry)
        self._up.set(1)
        self._info.labels(__version__).set(1)
        for run in ledger.runs.values():
            self._place(run.id, run)

    def event_seen(self, event: Event, run: Run | None) -> None:
        """An event was staged; `run` as it is after it."""
        if run is None:
            return
        self._place(run.id, run)
        if isinstance(event, AttemptStarted) and event.attempt == 1 and run.cause is Cause.SCHEDULE:
            self._late.observe(max(0.0, (event.at - run.due).total_seconds()))

    def row_seen(self, row: Row) -> None:
        """A run has ended, or due instants ended without one."""
        run = row.run
        if run is not None and run.is_follow_up:
            self._hooks.labels(run.cause.value, row.outcome.value).inc()
            return
        if row.correction:
            return
        job = self._name(row.job)
        self._runs.labels(job, row.outcome.value).inc(row.count)
        if run is None:
            return
        last = run.attempts[-1]
        if last.started_at is not None:
            self._took.labels(job).observe(max(0.0, (last.ended_at - last.started_at).total_seconds()))
        if row.outcome is Outcome.SUCCEEDED and job != OTHERS:
            self._success.labels(job).set(last.ended_at.timestamp())

    def ticked(self, seconds: float) -> None:
        """A tick has taken so long."""
        self._ticks.observe(seconds)

    def turned(self, timestamp: float, *, held: bool) -> None:
        """The loop has nothing left to do."""
        self._turned.set(timestamp)
        self._held.set(held)

    def follow(self, jobs: Iterable[JobId]) -> None:
        """These jobs are live; series of others end."""
        declared = dict.fromkeys(str(job) for job in jobs)
        self._declared.set(len(declared))
        for gone in [job for job in self._jobs if job not in declared]:
            del self._jobs[gone]
            for metric in (self._runs, self._took, self._success):
                metric.remove_by_labels({"job": gone})
        for job in declared:
            state = self._ledger.jobs.get(JobId(job))
            if state is not None and state.last_success_at is not None and self._name(job) != OTHERS:
                self._success.labels(job).set(state.last_success_at.timestamp())

    def ends(self) -> None:
        """The daemon stops: the last word of the file."""
        self._up.set(0)

    def _name(self, job: str) -> str:
        if job not in self._jobs:
            if len(self._jobs) >= self._most_jobs:
                return OTHERS
            self._jobs[job] = None
        return job

    def _place(self, run_id: RunId, run: Run) -> None:
        """Count the run where it stands now, and no more where it stood."""
        place = (run.definition.pool or DEFAULT_POOL, run.phase.value) if run.phase is not Phase.FINISHED else None
        before = self._places.pop(run_id, None)
        if place is not None:
            self._places[run_id] = place
        if place == before:
            return
        if before is not None:
            self._open.labels(*before).dec()
        if place is not None:
            self._open.labels(*place).inc()
