"""How receipts become events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job, ManualWhen
from octojobs.core.run import Cause, Outcome, Run
from octojobs.engine.settle import attempt_of
from octojobs.runners.receipts import Escaped, Exit

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_what_outlived_a_run_is_named_in_its_record() -> None:
    """A job that leaves a process behind has succeeded, and says what it has left."""
    job = Job(JobId("server"), ManualWhen(), CommandAction("true"))
    run = Run(RunId.of(job.id, NOW), job, NOW, Cause.MANUAL, NOW)
    finished = Exit(Outcome.SUCCEEDED, NOW, NOW + timedelta(seconds=5), 5.0, 0, escaped=(Escaped(4711, "sleep 100"),))
    attempt = attempt_of(run, finished)
    assert (attempt.outcome, attempt.exit_code, attempt.reason) == (Outcome.SUCCEEDED, 0, "still running: pid 4711 (sleep 100)")
