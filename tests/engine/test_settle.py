"""How receipts become events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octojobs.core.events import AttemptEnded
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.run import Cause, Outcome, Phase, Run
from octojobs.core.when import ManualWhen
from octojobs.engine.settle import attempt_of, settle
from octojobs.runners.receipts import Escaped, Exit

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_what_outlived_a_run_is_named_in_its_record() -> None:
    """A job that leaves a process behind has succeeded, and says what it has left."""
    job = Job(JobId("server"), ManualWhen(), CommandAction("true"))
    run = Run(RunId.of(job.id, NOW), job, NOW, Cause.MANUAL, NOW)
    finished = Exit(Outcome.SUCCEEDED, NOW, NOW + timedelta(seconds=5), 5.0, 0, escaped=(Escaped(4711, "sleep 100"),))
    attempt = attempt_of(run, finished)
    assert (attempt.outcome, attempt.exit_code, attempt.reason) == (Outcome.SUCCEEDED, 0, "still running: pid 4711 (sleep 100)")


def test_what_a_killed_shim_has_half_written_goes_with_its_attempt(tmp_path: Path) -> None:
    """Nobody else will ever look for it; the whole result of another shim stays."""
    job = Job(JobId("server"), ManualWhen(), CommandAction("true"))
    run = replace(Run(RunId.of(job.id, NOW), job, NOW, Cause.MANUAL, NOW), phase=Phase.RUNNING)
    for name in ("started", ".exit.json.4711", "output.log"):
        (tmp_path / name).touch()
    event = settle(run, tmp_path, NOW, "boot", {})
    assert isinstance(event, AttemptEnded)
    assert event.attempt.outcome is Outcome.LOST
    assert {path.name for path in tmp_path.iterdir()} == {"started", "output.log"}
